"""Which pre-trained weights are at hand, as the folder of weights says."""

from pathlib import Path

from assistant.kinds.detect.advice import complete
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
