"""Perlin's gradient noise: smooth blots of one size, from which masks of made-up defects are cut.

Perlin, An Image Synthesizer, SIGGRAPH 1985, https://doi.org/10.1145/325334.325247, with the interpolation of Improving
Noise, SIGGRAPH 2002, https://doi.org/10.1145/566570.566636. Gradients are drawn at random instead of from a hashed table:
nothing here has to find the same noise again at a place.
"""

import numpy as np
from PIL import Image


def perlin_noise(height: int, width: int, *, cells: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Noise (height, width) float32, mean about 0, within -1 to 1; `cells` along height and width, at least 1 each.

    The noise at (y, x) is a sum over the corners of its cell of w(y) w(x) (g_y dy + g_x dx), g being the corner's
    gradient, d the way from it. Each term is a product of something of y alone and something of x alone, so the whole
    picture is two chains of small matrix products.
    """
    rows, columns = cells
    angles = generator.uniform(0, 2 * np.pi, (rows + 1, columns + 1)).astype(np.float32)
    weight_y, way_y = _along(height, rows)
    weight_x, way_x = _along(width, columns)
    noise: np.ndarray = (weight_y * way_y) @ np.sin(angles) @ weight_x.T
    noise += weight_y @ np.cos(angles) @ (weight_x * way_x).T
    noise *= np.float32(np.sqrt(2))  # with gradients of length 1 the middle of a cell reaches sqrt(1/2) at most
    return noise


def turned_perlin_noise(
    height: int, width: int, *, cells: tuple[int, int], angle_deg: float, generator: np.random.Generator
) -> np.ndarray:
    """The same, turned: noise whose cells are longer than wide then lies in any direction."""
    side = int(np.ceil(np.hypot(height, width)))
    noise = perlin_noise(side, side, cells=cells, generator=generator)
    turned = Image.fromarray(noise).rotate(angle_deg, Image.Resampling.BILINEAR)
    top, left = (side - height) // 2, (side - width) // 2
    return np.asarray(turned)[top : top + height, left : left + width]


def _along(length: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight of each corner at each pixel (length, cells + 1), 0 but for the two of its cell, and the way from it."""
    place = ((np.arange(length, dtype=np.float32) + 0.5) * (cells / length))[:, None]
    way = place - np.arange(cells + 1, dtype=np.float32)
    distance = np.minimum(np.abs(way), 1)
    fade = distance**3 * (distance * (distance * 6 - 15) + 10)
    return 1 - fade, way
