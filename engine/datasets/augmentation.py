"""Random changes of a good picture that leave it good: mirrored, shifted, turned, lit differently.

The presets follow the ranges that are usual for small industrial sets. Colours and noise are torchvision's
(transforms.v2.functional). All that moves pixels is one warp of our own: torchvision's affine and elastic fill what they
uncover with black, which would be learnt as normal; here the picture is mirrored at its border, and interpolated once.

All random numbers come from the generator handed in, none from torch: decode threads would share torch's.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch.nn.functional import affine_grid, grid_sample, interpolate

import engine.torchvision_import  # noqa: F401  (before torchvision)

from torchvision.transforms.v2 import functional as tv  # isort: skip

Preset = Literal["none", "light", "strong"]
ELASTIC_CELLS = 5  # nodes of the elastic grid along each side, between which it bends smoothly


@dataclass(frozen=True)
class Ranges:
    """Largest changes of a preset. Shares of the image's side or of a value; chances are per picture."""

    flip: float = 0.5  # chance, for each axis
    quarter_turns: bool = False
    shift: float = 0.06  # of the side
    scale: float = 0.0  # to either side of 1
    rotate_deg: float = 0.0
    elastic: float = 0.0  # deviation of the nodes' shift, of the side
    elastic_chance: float = 0.0
    brightness: float = 0.1
    contrast: float = 0.1
    saturation: float = 0.0
    hue: float = 0.0  # of a full turn
    noise: float = 0.0  # deviation, of full white
    noise_chance: float = 0.0
    blur_sigma: float = 0.0  # pixels
    blur_chance: float = 0.0


RANGES: dict[Preset, Ranges] = {
    "light": Ranges(),
    "strong": Ranges(
        quarter_turns=True, shift=0.06, scale=0.1, rotate_deg=15, elastic=0.01, elastic_chance=0.3, brightness=0.2,
        contrast=0.2, saturation=0.2, hue=0.02, noise=0.02, noise_chance=0.3, blur_sigma=1.0, blur_chance=0.2,
    ),
}  # fmt: skip


def augment(
    image: torch.Tensor, preset: Preset, generator: np.random.Generator, *, mask: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A changed copy of image (3, H, W) in [0, 1], and its mask (1, H, W) of 0 and 1 moved with it; "none" changes nothing.

    Raises:
        ValueError: no such preset.
    """
    if preset == "none":
        return image, mask
    if preset not in RANGES:
        raise ValueError(f"unknown augmentation {preset!r} (have: {', '.join(get_args(Preset))})")
    ranges = RANGES[preset]
    image, mask = _moved(image, mask, ranges, generator)
    return _lit(image, ranges, generator).clamp_(0, 1), mask


def _moved(
    image: torch.Tensor, mask: torch.Tensor | None, ranges: Ranges, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor | None]:
    grid = _grid(image.shape[1], image.shape[2], ranges, generator).unsqueeze(0)  # (1, H, W, 2)
    image = grid_sample(image.unsqueeze(0), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if mask is not None:
        mask = grid_sample(mask.unsqueeze(0), grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return image[0], None if mask is None else mask[0]


def _grid(height: int, width: int, ranges: Ranges, generator: np.random.Generator) -> torch.Tensor:
    """Where each pixel of the result is taken from, as grid_sample wants it: (H, W, 2), x before y, -1 to 1."""
    angle = np.deg2rad(generator.uniform(-1, 1) * ranges.rotate_deg)
    if ranges.quarter_turns:
        angle += np.pi / 2 * generator.integers(4)
    mirror = np.where(generator.random(2) < ranges.flip, -1.0, 1.0)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * mirror
    matrix /= 1 + generator.uniform(-1, 1) * ranges.scale
    sides = np.array([width, height])
    pixels = np.rint(generator.uniform(-1, 1, 2) * ranges.shift * sides)  # whole ones: halves would soften the picture
    shift = 2 * pixels / sides  # the image is 2 wide here
    theta = torch.from_numpy(np.column_stack([matrix, shift]).astype(np.float32))
    grid = affine_grid(theta.unsqueeze(0), [1, 1, height, width], align_corners=False)[0]
    if generator.random() < ranges.elastic_chance:
        nodes = generator.normal(0, 2 * ranges.elastic, (1, 2, ELASTIC_CELLS, ELASTIC_CELLS)).astype(np.float32)
        bend = interpolate(torch.from_numpy(nodes), size=(height, width), mode="bicubic", align_corners=True)
        grid = grid + bend[0].permute(1, 2, 0)
    return grid


def _lit(image: torch.Tensor, ranges: Ranges, generator: np.random.Generator) -> torch.Tensor:
    def factor(spread: float) -> float:
        return 1 + generator.uniform(-1, 1) * spread

    image = tv.adjust_brightness(image, factor(ranges.brightness))
    image = tv.adjust_contrast(image, factor(ranges.contrast))
    if ranges.saturation:
        image = tv.adjust_saturation(image, factor(ranges.saturation))
    hue = generator.uniform(-1, 1) * ranges.hue
    if hue and not _is_grey(image):  # turning the hue of grey changes nothing, at the cost of all the rest together
        image = tv.adjust_hue(image, hue)
    if generator.random() < ranges.blur_chance:
        sigma = generator.uniform(0.1, 1) * ranges.blur_sigma
        image = tv.gaussian_blur(image, [2 * int(3 * sigma + 1) + 1] * 2, [sigma, sigma])
    if generator.random() < ranges.noise_chance:
        noise = generator.standard_normal(tuple(image.shape), dtype=np.float32)
        image = image + torch.from_numpy(noise) * (generator.random() * ranges.noise)
    return image


def _is_grey(image: torch.Tensor) -> bool:
    return torch.equal(image[0], image[1]) and torch.equal(image[1], image[2])
