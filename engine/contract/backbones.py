"""What every timm architecture offers as a backbone: its levels, their strides, what it costs. Loads no torch.

The facts stand in backbones.json, which `python -m engine describe-backbones` writes from the networks themselves.
"""

import difflib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

FILE = Path(__file__).with_suffix(".json")
# The weights that the papers used: timm's own default for an architecture is often another, and may change.
PINNED_TAGS = {
    "resnet18": "tv_in1k",
    "resnet50": "tv_in1k",
    "wide_resnet50_2": "tv_in1k",
    "wide_resnet101_2": "tv_in1k",
    "vit_small_patch14_dinov2": "lvd142m",
    "vit_base_patch14_dinov2": "lvd142m",
    "vit_large_patch14_dinov2": "lvd142m",
    "vit_small_patch14_reg4_dinov2": "lvd142m",
    "vit_base_patch14_reg4_dinov2": "lvd142m",
    "vit_large_patch14_reg4_dinov2": "lvd142m",
    "deit_base_distilled_patch16_384": "fb_in1k",
    "cait_m48_448": "fb_dist_in1k",
}
# timm's own defaults of the other networks that a model begins with: under these the hub holds them.
TIMM_TAGS = {
    "convnext_tiny": "in12k_ft_in1k",
    "mobilenetv2_100": "ra_in1k",
    "tf_efficientnet_lite0": "in1k",
    "vit_small_patch16_224": "augreg_in21k_ft_in1k",
}
MOST_LEVELS = 8  # of a pyramid, by their strides 2, 4, ..., 256


@dataclass(frozen=True)
class Architecture:
    """A network as a backbone. `strides` are those of its levels in the order timm counts them.

    A *pyramid* (convolutions, Swin, ...) gets coarser from level to level; a *grid* (ViT and its kin) is a row of blocks, all of one
    stride; of *none* no features can be had. `gmacs`: what an image of 224 x 224 pixels costs, in 10^9 multiply-adds.
    """

    name: str
    kind: Literal["pyramid", "grid", "none"]
    strides: tuple[int, ...] = ()
    gmacs: float = 0.0
    only_size: int | None = None  # pixels: the one size of image that it takes; None is any

    @property
    def is_grid(self) -> bool:
        return self.kind == "grid"

    @property
    def levels(self) -> dict[int, int]:
        """What `layers` may name, with where timm counts it: blocks of a grid, else levels by stride: level i has 2^(i+1)."""
        return levels(self.strides, is_grid=self.is_grid)

    def stride(self, level: int) -> int:
        return self.strides[self.levels[level]]


def levels(strides: tuple[int, ...] | list[int], *, is_grid: bool) -> dict[int, int]:
    """The levels of a network with these strides, with where it counts them.

    By stride, since the first level of ConvNeXt and Swin has stride 4, that of VGG 1.
    """
    if is_grid:
        return dict(enumerate(range(len(strides))))
    at = {stride: index for index, stride in enumerate(strides)}
    return {level: at[2 ** (level + 1)] for level in range(MOST_LEVELS) if 2 ** (level + 1) in at}


def architecture(name: str) -> Architecture:
    """What is known of an architecture; its name may have a weight tag ("resnet18.tv_in1k").

    Raises:
        LookupError: there is none of that name; the message tells the nearest ones.
    """
    bare = name.partition(".")[0]
    facts = _facts().get(bare)
    if facts is None:
        near = near_names(bare)
        meant = f", did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise LookupError(f"unknown backbone {name!r}{meant}")
    if "blocks" in facts:
        return Architecture(bare, "grid", (facts["stride"],) * facts["blocks"], facts["gmacs"])
    if "strides" in facts:
        return Architecture(bare, "pyramid", tuple(facts["strides"]), facts["gmacs"], facts.get("only_size"))
    return Architecture(bare, "none")


def hub_name(architecture: str) -> str | None:
    """As the hub names the weights that a training would take of it, such as resnet18.tv_in1k; None where that is not known here."""
    tag = PINNED_TAGS.get(architecture) or TIMM_TAGS.get(architecture)
    return f"{architecture}.{tag}" if tag else None


def near_names(name: str) -> list[str]:
    return difflib.get_close_matches(name, _facts(), n=3)


def names() -> list[str]:
    """All architectures that can be a backbone."""
    return [name for name, facts in _facts().items() if facts]


@cache
def _facts() -> dict[str, dict[str, Any]]:
    facts: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return facts
