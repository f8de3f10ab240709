"""Defects of synthetic panels, each where it arises: in the emitters (dots, lines, mura) or on the cover glass (stain, scratch).

Contrast is relative to the light around; sizes are in display pixels in the panel, in sensor pixels on the glass.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from engine.datasets.synthetic.panel import CELLS, FINE, MARGIN, RIM, SIDE, SIZE, Array, Panel

VISIBLE = 0.3  # a soft defect is marked where it has this share of its full contrast
Place = tuple[float, float]


def dark_dot(panel: Panel, generator: np.random.Generator) -> None:
    """A cluster of 1 to 5 display pixels that are too dark or out."""
    row, column = _place(generator, border=12)
    for _ in range(generator.integers(1, 6)):
        y, x = (round(centre + generator.normal(0, 3)) for centre in (row, column))
        panel.emitters[y, x] *= 1 - generator.uniform(0.4, 1.0)
        panel.marked_cells[y, x] = True


def line(panel: Panel, generator: np.random.Generator) -> None:
    """A row or column, whole or in part, a little darker or brighter."""
    position, length = int(_place(generator, border=4)[0]), int(generator.integers(40, CELLS))
    start = int(generator.integers(0, CELLS - length + 1))
    along: tuple[int | slice, ...] = (position, slice(start, start + length))
    if generator.random() < 0.5:
        along = along[::-1]
    panel.emitters[along] *= 1 + _sign(generator) * generator.uniform(0.08, 0.35)
    panel.marked_cells[along] = True


def spot_mura(panel: Panel, generator: np.random.Generator) -> None:
    """A soft patch, longer than wide, 4 to 14 % darker or brighter."""
    row, column = _place(generator, border=14)
    spread = generator.uniform(4, 11)
    shape = _soft_spot(row, column, spread, spread * generator.uniform(0.5, 1), generator.uniform(0, np.pi))
    panel.emitters *= 1 + _sign(generator) * generator.uniform(0.04, 0.14) * shape
    panel.marked_cells |= shape > VISIBLE


def stain(panel: Panel, generator: np.random.Generator) -> None:
    """An irregular blot on the glass, out of focus, that takes 6 to 22 % of the light."""
    y, x = np.mgrid[:SIDE, :SIDE] / FINE - RIM
    centre_y, centre_x = generator.uniform(40, SIZE - 40, 2)
    angle = np.arctan2(y - centre_y, x - centre_x)
    waves = sum(generator.normal(0, 0.35 / k) * np.cos(k * angle + generator.uniform(0, 6.28)) for k in range(2, 6))
    radius = generator.uniform(9, 28) * np.clip(1 + waves, 0.4, 1.8)
    inside = (np.hypot(y - centre_y, x - centre_x) < radius).astype(np.float64)
    shape = ndimage.gaussian_filter(inside, 2.5 * FINE)
    panel.glass *= 1 - generator.uniform(0.06, 0.22) * shape
    panel.marked_glass |= shape > VISIBLE


def scratch(panel: Panel, generator: np.random.Generator) -> None:
    """A curved hairline on the glass with gaps, darker or brighter, in any direction."""
    start = generator.uniform(30, SIZE - 30, 2)
    direction, length = generator.uniform(0, 2 * np.pi), generator.uniform(40, 140)
    end = start + length * np.array([np.sin(direction), np.cos(direction)])
    bend = (start + end) / 2 + generator.normal(0, length / 8, 2)
    t = np.linspace(0, 1, 800)[:, None]
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end  # a Bezier curve
    path = path[np.sin(t[:, 0] * generator.uniform(8, 20) + generator.uniform(0, 6.28)) > -0.8]  # with gaps
    path = path[((path > 0) & (path < SIZE)).all(axis=1)]
    drawn = np.zeros_like(panel.glass)
    drawn[tuple(((path + RIM) * FINE).astype(int).T)] = 1
    shape = ndimage.gaussian_filter(drawn, generator.uniform(0.5, 1.0) * FINE)
    shape /= shape.max()
    panel.glass *= 1 + _sign(generator) * generator.uniform(0.15, 0.5) * shape
    panel.marked_glass |= shape > VISIBLE


DEFECTS: dict[str, Callable[[Panel, np.random.Generator], None]] = {
    "dark_dot": dark_dot,
    "line": line,
    "scratch": scratch,
    "spot_mura": spot_mura,
    "stain": stain,
}


def _place(generator: np.random.Generator, *, border: int) -> Place:
    """Row and column in display pixels, at least `border` inside the picture."""
    row, column = generator.uniform(MARGIN + border, CELLS - MARGIN - border, 2)
    return float(row), float(column)


def _soft_spot(row: float, column: float, length: float, width: float, angle: float) -> Array:
    """An elliptic Gaussian over the display pixels, 1 at its centre."""
    y, x = np.mgrid[:CELLS, :CELLS]
    along = (y - row) * np.sin(angle) + (x - column) * np.cos(angle)
    across = (y - row) * np.cos(angle) - (x - column) * np.sin(angle)
    spot: Array = np.exp(-0.5 * ((along / length) ** 2 + (across / width) ** 2))
    return spot


def _sign(generator: np.random.Generator) -> int:
    return 1 if generator.random() < 0.4 else -1
