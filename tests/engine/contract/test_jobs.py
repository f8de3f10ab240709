"""What can be asked for: odd window sizes only, and fields that models share say the same."""

import pytest

from engine.contract.classifiers import CLASSIFIERS
from engine.contract.jobs import KINDS, SpecError, make_job
from engine.contract.models.base import Params


@pytest.mark.parametrize("size", [2, 4, 8])
def test_an_even_patch_size_is_refused_with_the_sizes_there_are(size):
    with pytest.raises(SpecError, match=f"patch_size is {size}: take an odd number: 1, 3, 5, 7 or 9") as refused:
        make_job("detect", "oled", "patchcore", {"patch_size": size})
    problem = refused.value.problems[0]
    assert (problem.field, problem.kind, problem.values["limit"]) == ("patch_size", "choice", "1, 3, 5, 7 or 9")


@pytest.mark.parametrize("size", [0, 10])
def test_a_patch_size_out_of_range_is_refused_for_its_range_alone(size):
    with pytest.raises(SpecError) as refused:
        make_job("detect", "oled", "patchcore", {"patch_size": size})
    assert [problem.kind for problem in refused.value.problems] == ["too_small" if size == 0 else "too_large"]


@pytest.mark.parametrize(("model", "patience"), [("autoencoder", 20), ("stfpm", 10), ("fastflow", 50)])
def test_the_models_that_stop_early_keep_their_own_patience(model, patience):
    assert make_job("detect", "oled", model).model.patience == patience
    with pytest.raises(SpecError, match="patience is -1"):
        make_job("detect", "oled", model, {"patience": -1})


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        ("ensemble", {"members": ["a", "b"], "threshold_policy": "leave_one_out"}, "cannot be fitted anew; take auto"),
        ("dinomaly", {"num_groups": 4, "decoder_blocks": 3}, "num_groups is 4, .*3 decoder blocks; take at most 3"),
        ("stfpm", {"style_mixing": 0.5}, "style_mixing is 0.5, .*leave style_mixing out"),
        ("efficientad", {"style_mixing": 0.5}, "style_mixing is 0.5, .*leave style_mixing out"),
    ],
)
def test_what_a_run_could_not_do_is_refused_before_there_is_a_plan(model, settings, words):
    with pytest.raises(SpecError, match=words):
        make_job("detect", "oled", model, settings)
    assert make_job("detect", "oled", "patchcore", {"style_mixing": 0.5}).style_mixing == 0.5


@pytest.mark.parametrize(("kind", "model"), [("detect", "patchcore"), ("classify", "resnet")])
def test_a_backbone_that_there_is_not_is_refused_before_there_is_a_plan_whatever_the_kind(kind, model):
    with pytest.raises(SpecError, match="unknown backbone 'resnet81', did you mean") as refused:
        make_job(kind, "oled", model, {"backbone": "resnet81"})
    assert [problem.kind for problem in refused.value.problems] == ["unknown_backbone"]


def test_a_model_that_says_nothing_of_a_network_has_none_and_needs_none():
    class Plain(Params):
        family = "plain"

    defaults = (Plain.default_backbone, Plain.default_epochs, Plain.default_batch_size, Plain.default_image_size)
    assert (defaults, Plain.needs_weights, Plain.needs_gpu) == ((None,) * 4, False, False)


def test_every_family_of_classifiers_is_a_file_and_its_usual_network_is_of_it_alone():
    assert list(CLASSIFIERS) == ["resnet", "efficientnet", "mobilenet", "convnext", "vit"]
    assert KINDS["classify"].models() == CLASSIFIERS
    for name, params in CLASSIFIERS.items():
        assert [each for each, other in CLASSIFIERS.items() if other.is_of_family(params.default_backbone)] == [name]


@pytest.mark.parametrize(
    ("backbone", "family"),
    [
        ("wide_resnet50_2", "resnet"),
        ("resnet50d.a1_in1k", "resnet"),
        ("tf_efficientnetv2_s", "efficientnet"),
        ("mobilenetv3_small_100", "mobilenet"),
        ("convnextv2_atto", "convnext"),
        ("vit", "vit"),
        ("mobilevit_s", None),
        ("levit_128", None),
        ("vitamin_small_224", None),
        ("seresnet50", None),
    ],
)
def test_a_network_is_of_the_family_whose_name_it_bears_as_a_word(backbone, family):
    assert [name for name, params in CLASSIFIERS.items() if params.is_of_family(backbone)] == (
        [family] if family else []
    )
