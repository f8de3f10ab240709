"""Perlin noise in torch: smooth random hills whose coarseness differs from image to image.

Perlin, An Image Synthesizer, SIGGRAPH 1985, https://doi.org/10.1145/325165.325247, with the smoother fade curve of his
Improving Noise, SIGGRAPH 2002.
"""

import torch


def perlin_noise(
    count: int,
    *,
    height: int,
    width: int,
    most_cells: int = 32,
    device: torch.device | str = "cpu",
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """(count, height, width), about -1 to 1, zero on average.

    Each image has its own number of cells along each side: a power of two from 1 to `most_cells`, at least two places to
    a cell. Numbers come from `generator`, or torch's global one.
    """
    rows, row_rest = _cells(count, height, most_cells, device, generator)  # (B, H) each
    columns, column_rest = _cells(count, width, most_cells, device, generator)  # (B, W) each
    corners = (count, most_cells + 1, most_cells + 1)
    angles = 2 * torch.pi * torch.rand(corners, device=device, generator=generator)
    image = torch.arange(count, device=device).view(-1, 1, 1)

    def slope(down: int, right: int) -> torch.Tensor:
        """(B, H, W): the corner's gradient times the way from it."""
        angle = angles[image, rows.unsqueeze(2) + down, columns.unsqueeze(1) + right]
        return angle.sin() * (row_rest.unsqueeze(2) - down) + angle.cos() * (column_rest.unsqueeze(1) - right)

    across, along = _fade(column_rest).unsqueeze(1), _fade(row_rest).unsqueeze(2)
    upper = torch.lerp(slope(0, 0), slope(0, 1), across.expand(-1, height, -1))
    lower = torch.lerp(slope(1, 0), slope(1, 1), across.expand(-1, height, -1))
    return 2**0.5 * torch.lerp(upper, lower, along.expand(-1, -1, width))


def _cells(
    count: int, length: int, most_cells: int, device: torch.device | str, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Number of the cell that each place lies in, and how far into it, 0 to 1; (count, length) each."""
    finest = max(min(most_cells, length // 2), 1).bit_length()  # exponents 0 .. finest - 1
    cells = 2 ** torch.randint(finest, (count, 1), device=device, generator=generator)
    place = (torch.arange(length, device=device) + 0.5) / length * cells
    number = place.floor()
    return number.long(), place - number


def _fade(rest: torch.Tensor) -> torch.Tensor:
    return rest**3 * (rest * (rest * 6 - 15) + 10)
