"""What is written of timm's networks is what they say of themselves."""

import pytest

from engine.contract.backbones import architecture, names
from engine.contract.jobs import SpecError, make_job
from engine.contract.models import MODELS
from engine.describing import describe, timm

SAMPLE = (
    "resnet18", "vgg11", "convnext_atto", "swin_tiny_patch4_window7_224", "levit_128", "vit_tiny_patch16_224", "cait_xxs24_224",
    "tnt_s_patch16_224", "convit_tiny", "mixer_b16_224", "vitamin_small_224", "halonet26t", "pit_ti_224",
)  # fmt: skip


def test_every_network_of_timm_is_described() -> None:
    for name in timm.list_models():
        architecture(name)
    assert set(names()) <= set(timm.list_models())


@pytest.mark.parametrize("name", SAMPLE)
def test_what_is_written_of_a_network_is_what_it_says_of_itself(name: str) -> None:
    found, said = architecture(name), describe(name)
    strides = said.get("strides") or [said["stride"]] * said["blocks"] if said else []
    assert (list(found.strides), found.is_grid, found.gmacs) == (strides, "blocks" in said, said.get("gmacs", 0.0))


@pytest.mark.parametrize("name", ["tnt_s_patch16_224", "convit_tiny", "mixer_b16_224", "vitamin_small_224"])
def test_a_network_of_blocks_gets_blocks_whatever_its_name_begins_with(name: str) -> None:
    blocks = len(architecture(name).strides)
    layers = make_job("detect", "oled", "patchcore", {"backbone": name}).model.layers
    assert layers == ([5, 8] if blocks == 12 else [6, 9])


@pytest.mark.parametrize("name", ["convformer_s18", "gcvit_tiny", "davit_tiny", "efficientformer_l1"])
def test_a_network_of_levels_gets_levels_whatever_its_name_holds(name: str) -> None:
    job = make_job("detect", "oled", "patchcore", {"backbone": name})
    assert job.model.layers == MODELS["patchcore"].model_fields["layers"].default


def test_in_a_deeper_network_the_blocks_lie_at_the_same_share_of_its_depth() -> None:
    assert make_job("detect", "oled", "patchcore", {"backbone": "vit_large_patch14_dinov2"}).model.layers == [11, 17]
    assert make_job("detect", "oled", "patchcore", {"backbone": "vit_small_patch14_dinov2"}).model.layers == [5, 8]


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"backbone": "resnet81"}, "unknown_backbone", "unknown backbone 'resnet81', did you mean .*'resnet18'"),
        ({"backbone": "pit_ti_224"}, "no_features", "no features can be had of the backbone 'pit_ti_224'"),
        (
            {"backbone": "resnet18", "layers": [1, 7]},
            "choice",
            r"layers is \[1, 7\].*no such levels \(have: 0, 1, 2, 3, 4\)",
        ),
    ],
)
def test_what_a_backbone_does_not_offer_is_refused_before_there_is_a_plan(settings, kind, words) -> None:
    with pytest.raises(SpecError, match=words) as refused:
        make_job("detect", "oled", "patchcore", settings)
    assert [problem.kind for problem in refused.value.problems] == [kind]
