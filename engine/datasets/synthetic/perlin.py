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
    gradient, d the way from it. Each term is a product of something of y alone and something of x alone, so it is done
    along one axis after the other. (As products of matrices it would be shorter, but then the numerics library starts
    threads of its own inside each decode thread.)
    """
    rows, columns = cells
    angles = generator.uniform(0, 2 * np.pi, (rows + 1, columns + 1)).astype(np.float32)
    down, across = _Corners(height, rows), _Corners(width, columns)
    weighted_y = across.blend(np.sin(angles).T).T  # (rows + 1, width)
    weighted_x = across.blend(np.cos(angles).T, by_way=True).T
    noise = down.blend(weighted_y, by_way=True)
    noise += down.blend(weighted_x)
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


class _Corners:
    """The two corners that each pixel along an axis lies between: which, how much they weigh, how far they are."""

    def __init__(self, length: int, cells: int):
        place = (np.arange(length, dtype=np.float32) + 0.5) * np.float32(cells / length)
        self.before = np.minimum(place.astype(np.intp), cells - 1)
        self.way = (place - self.before)[:, None]
        self.fade = self.way**3 * (self.way * (self.way * 6 - 15) + 10)

    def blend(self, corners: np.ndarray, *, by_way: bool = False) -> np.ndarray:
        """Values at the corners (cells + 1, n) -> at the pixels (length, n), each corner's times the way from it if asked."""
        first, second = 1 - self.fade, self.fade
        if by_way:
            first, second = first * self.way, second * (self.way - 1)
        blended: np.ndarray = corners[self.before] * first
        blended += corners[self.before + 1] * second
        return blended
