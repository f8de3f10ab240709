"""Which pre-trained weights are at hand, as the folder of weights says."""

from pathlib import Path

from assistant.kinds.detect.advice import complete
from assistant.kinds.installed_weights import installed_weights
from assistant.kinds.weights import choose_backbone, local_backbones
from assistant.settings import Settings
from tests.data_facts import facts as data_facts


def test_only_files_of_a_known_network_count_as_weights(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, weights=tmp_path / "weights", hub="off")
    settings.weights_folder.mkdir()
    for name in ("aaa_of_ours", "resnet34.a1_in1k"):
        (settings.weights_folder / f"{name}.safetensors").touch()
    assert local_backbones(settings) == ["resnet34"]
    assert choose_backbone(settings, "wide_resnet50_2") == "resnet34"


def test_a_backbone_takes_the_place_of_the_usual_one_only_where_the_model_can_be_built_on_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, weights=tmp_path / "weights", hub="off")
    settings.weights_folder.mkdir()
    for name in ("efficientvit_m0", "mobilenetv2_100"):  # the first has no level as fine as PaDiM takes
        (settings.weights_folder / f"{name}.safetensors").touch()
    advice = complete(settings, facts=data_facts(), model="padim", chosen={})
    assert advice["backbone"].value == "mobilenetv2_100"


def test_what_lies_here_is_told_with_who_uses_it_and_what_is_missing_with_the_name_to_bring(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, weights=tmp_path / "weights", hub="off")
    settings.weights_folder.mkdir()
    (settings.weights_folder / "resnet18.tv_in1k.safetensors").write_bytes(b"1234")
    told = installed_weights(settings)
    (here,) = told.here
    assert (here.architecture, here.tag, here.size) == ("resnet18", "tv_in1k", 4)
    assert "PaDiM" in here.usual_of
    assert "PatchCore" in here.instead_in
    missing = {each.architecture: each for each in told.missing}
    assert missing["wide_resnet50_2"].file == "wide_resnet50_2.tv_in1k.safetensors"
    assert (missing["wide_resnet50_2"].taken, missing["vit_small_patch16_224"].taken) == (
        "resnet18",
        "vit_small_patch16_224",
    )
    assert "resnet18" not in missing
