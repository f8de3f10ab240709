"""Patch features: what a backbone says about each place of an image, its levels put together."""

import torch
from torch.nn import functional

from engine.backbones import Backbone

PIXELS_AT_ONCE = (
    8 * 256 * 256
)  # that go through the backbone together: the first level's activations are the peak of memory


def patch_levels(backbone: Backbone, images: torch.Tensor) -> list[torch.Tensor]:
    """The levels (B, C, h, w) of a batch, a few images at a time: the same features in less memory."""
    count = max(1, PIXELS_AT_ONCE // (images.shape[-2] * images.shape[-1]))
    mixes = backbone.style_mixing > 0 and backbone.learning  # then images need their batch mates
    at_once = torch.compiler.is_exporting() or images.is_cuda or mixes or len(images) <= count
    parts: list[list[torch.Tensor]] = [backbone(part) for part in ([images] if at_once else torch.split(images, count))]
    if len(parts) == 1:
        return parts[0]
    return [torch.cat(level) for level in zip(*parts, strict=True)]


def joined_patches(levels: list[torch.Tensor], *, patch_size: int = 1) -> torch.Tensor:
    """(B, H, W, C): each level averaged over patch_size x patch_size cells, brought to the finest grid, all joined."""
    if patch_size > 1:  # padded cells count as zeros in the mean, as in PatchCore's code
        levels = [functional.avg_pool2d(level, patch_size, stride=1, padding=patch_size // 2) for level in levels]
    return torch.cat(on_one_grid(levels), dim=1).permute(0, 2, 3, 1).contiguous()


def on_one_grid(levels: list[torch.Tensor]) -> list[torch.Tensor]:
    """Levels brought to the grid of the first, which is the finest, bilinearly."""
    finest = levels[0].shape[-2:]
    return [
        level
        if level.shape[-2:] == finest
        else functional.interpolate(level, size=finest, mode="bilinear", align_corners=False)
        for level in levels
    ]


def to_map(values: torch.Tensor, *, size: tuple[int, int] | torch.Size) -> torch.Tensor:
    """Patch values (B, H, W) as a map (B, 1, *size), bilinearly."""
    return functional.interpolate(values.unsqueeze(1), size=tuple(size), mode="bilinear", align_corners=False)


def mean_of_highest(values: torch.Tensor, *, share: float) -> torch.Tensor:
    """(B, H, W) -> (B,): the mean of an image's highest values, at least one."""
    flat = values.flatten(1)
    return flat.topk(max(1, round(share * flat.shape[1])), dim=1).values.mean(dim=1)


def joined_chunks(chunks: list[torch.Tensor]) -> torch.Tensor:
    """All chunks (n, C) as one (N, C); each is let go as soon as it is copied, so memory holds them about once, not twice."""
    joined = torch.empty(sum(map(len, chunks)), chunks[0].shape[1], device=chunks[0].device)
    start = len(joined)
    while chunks:
        chunk = chunks.pop()
        start -= len(chunk)
        joined[start : start + len(chunk)] = chunk
    return joined
