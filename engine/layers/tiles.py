"""Images cut into overlapping tiles, each seen by itself at the size of the whole, and what was seen put together again."""

import torch
from torch.nn import functional


def cut(images: torch.Tensor, *, tiles: int, overlap: float, cells: int) -> torch.Tensor:
    """(B, C, H, W) -> (B * tiles * tiles, C, H, W): rows of tiles from the top, each enlarged to the image's size.

    Args:
        overlap: share of a tile that it has in common with the next, 0 to 0.5.
        cells: cells along a side of the grid that each tile will give; tiles lie on whole cells of the joint grid.
    """
    if tiles == 1:
        return images
    height, width = images.shape[-2:]
    side = joint_cells(tiles=tiles, overlap=overlap, cells=cells)
    step = _step(overlap, cells)
    parts = []
    for row in range(tiles):
        top, bottom = _pixels(row * step, cells, side, height)
        for column in range(tiles):
            left, right = _pixels(column * step, cells, side, width)
            tile = images[..., top:bottom, left:right]
            parts.append(functional.interpolate(tile, size=(height, width), mode="bilinear", align_corners=False))
    return torch.stack(parts, dim=1).flatten(0, 1)


def stitch(features: torch.Tensor, *, tiles: int, overlap: float) -> torch.Tensor:
    """(B * tiles * tiles, C, n, n) -> (B, C, N, N): the tiles' grids as one; where tiles overlap, their mean."""
    if tiles == 1:
        return features
    cells, step = features.shape[-1], _step(overlap, features.shape[-1])
    side = joint_cells(tiles=tiles, overlap=overlap, cells=cells)
    grids = features.view(-1, tiles, tiles, *features.shape[1:])  # (B, tiles, tiles, C, n, n)
    joint = features.new_zeros(grids.shape[0], features.shape[1], side, side)
    count = features.new_zeros(side, side)
    for row in range(tiles):
        rows = slice(row * step, row * step + cells)
        for column in range(tiles):
            columns = slice(column * step, column * step + cells)
            joint[..., rows, columns] += grids[:, row, column]
            count[rows, columns] += 1
    return joint / count


def joint_cells(*, tiles: int, overlap: float, cells: int) -> int:
    """Cells along a side of the joint grid of tiles that have `cells` each."""
    return cells + (tiles - 1) * _step(overlap, cells)


def _step(overlap: float, cells: int) -> int:
    return max(1, round(cells * (1 - overlap)))


def _pixels(first: int, cells: int, side: int, pixels: int) -> tuple[int, int]:
    """The pixels under `cells` cells from cell `first` on, of `side` cells in all."""
    return round(first * pixels / side), round((first + cells) * pixels / side)
