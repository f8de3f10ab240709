"""Cut a piece of a picture, change its colours a little, paste it elsewhere: a made-up defect.

Li et al., CutPaste: Self-Supervised Learning for Anomaly Detection and Localization, CVPR 2021, section 2.2 and appendix A,
https://arxiv.org/abs/2104.04015. All random numbers are torch's global ones on the CPU, so a seed repeats them anywhere.
Lengths of scars are the paper's on 256 pixels, scaled with the picture.

B batch, H x W image.
"""

import math
from typing import Literal

import torch

import engine.torchvision_import  # noqa: F401  (must come before torchvision)

from torchvision.transforms.v2 import functional as colours  # isort: skip
from torchvision.transforms.v2 import InterpolationMode  # isort: skip

Kind = Literal["patch", "scar"]
AREA = (0.02, 0.15)  # of a patch, as share of the picture
MOST_ASPECT = 1 / 0.3  # of its sides
SCAR_WIDTH, SCAR_LENGTH = (2.0, 16.0), (10.0, 25.0)  # pixels of 256
SCAR_DEGREES = 45.0
JITTER = 0.1  # brightness, contrast and saturation change by up to this share, the hue by this part of a turn


def cut_paste(images: torch.Tensor, kind: Kind) -> torch.Tensor:
    """(B, 3, H, W) in [0, 1], each with a piece of itself pasted elsewhere."""
    return torch.stack([_patched(image) if kind == "patch" else _scarred(image) for image in images])


def _patched(image: torch.Tensor) -> torch.Tensor:
    height, width = image.shape[-2:]
    area = _uniform(*AREA) * height * width
    aspect = math.exp(_uniform(-math.log(MOST_ASPECT), math.log(MOST_ASPECT)))
    high = min(max(round(math.sqrt(area / aspect)), 1), height)
    wide = min(max(round(math.sqrt(area * aspect)), 1), width)
    piece = _jittered(_cut(image, high, wide))
    return _pasted(image, piece, torch.ones_like(piece[:1]))


def _scarred(image: torch.Tensor) -> torch.Tensor:
    """A narrow piece, turned."""
    scale = min(image.shape[-2:]) / 256
    wide, high = (max(round(_uniform(*span) * scale), 1) for span in (SCAR_WIDTH, SCAR_LENGTH))
    piece = _jittered(_cut(image, high, wide))
    with_mask = torch.cat([piece, torch.ones_like(piece[:1])])
    degrees = _uniform(-SCAR_DEGREES, SCAR_DEGREES)
    turned = colours.rotate(with_mask, degrees, interpolation=InterpolationMode.NEAREST, expand=True)
    return _pasted(image, turned[:3], turned[3:])


def _cut(image: torch.Tensor, high: int, wide: int) -> torch.Tensor:
    """(3, high, wide) from a random place."""
    top, left = _below(image.shape[-2] - high + 1), _below(image.shape[-1] - wide + 1)
    return image[:, top : top + high, left : left + wide]


def _jittered(piece: torch.Tensor) -> torch.Tensor:
    piece = colours.adjust_brightness(piece, _uniform(1 - JITTER, 1 + JITTER))
    piece = colours.adjust_contrast(piece, _uniform(1 - JITTER, 1 + JITTER))
    piece = colours.adjust_saturation(piece, _uniform(1 - JITTER, 1 + JITTER))
    changed: torch.Tensor = colours.adjust_hue(piece, _uniform(-JITTER, JITTER))
    return changed


def _pasted(image: torch.Tensor, piece: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The image with the piece (3, h, w) where its mask (1, h, w) is 1, at a random place."""
    piece, mask = (each[:, : image.shape[-2], : image.shape[-1]] for each in (piece, mask))
    high, wide = piece.shape[-2:]
    top, left = _below(image.shape[-2] - high + 1), _below(image.shape[-1] - wide + 1)
    changed = image.clone()
    place = changed[:, top : top + high, left : left + wide]
    place.copy_(torch.where(mask > 0.5, piece, place))
    return changed


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))


def _below(limit: int) -> int:
    return int(torch.randint(max(limit, 1), ()))
