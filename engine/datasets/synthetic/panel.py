"""Photographs of synthetic OLED panels, built in the order in which light meets things.

Emitters on their lattice, each with its gain -> cover glass -> optics -> sensor area -> noise -> 8 bits. A defect
changes the emitters or the glass, never the finished picture; so it is lit, blurred and sampled like everything else,
and the interference of the two lattices (moire) arises by itself. One monochrome camera takes all pictures of a data
set.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SIZE = 256  # sensor pixels a side
FINE = 2  # samples per sensor pixel and side
RIM = 4  # sensor pixels beyond each edge, for the optics to blur in
SIDE = (SIZE + 2 * RIM) * FINE  # fine samples a side
PITCH = 2.6  # sensor pixels per display pixel
MARGIN = 5  # display pixels beyond the picture, for the pose
CELLS = int(np.ceil(SIZE / PITCH)) + 2 * MARGIN
EXPOSURE = 300.0  # grey levels of a fully lit, unmodulated surface; the lattice lets about a third through
ELECTRONS_PER_LEVEL = 80.0  # a full well of 20,000 electrons over 255 levels
READ_NOISE = 0.06  # grey levels


@dataclass
class Panel:
    """A crop of a lit panel. Defects change `emitters` or `glass` and mark what they changed."""

    emitters: Array  # (CELLS, CELLS) light of each display pixel, 1 is nominal
    glass: Array = field(default_factory=lambda: np.ones((SIDE, SIDE)))  # transmission
    marked_cells: Mask = field(default_factory=lambda: np.zeros((CELLS, CELLS), dtype=bool))
    marked_glass: Mask = field(default_factory=lambda: np.zeros((SIDE, SIDE), dtype=bool))


@dataclass(frozen=True)
class Camera:
    """What stays the same in all pictures: sensitivity of each sensor pixel, with fall-off to the corners and dust."""

    sensitivity: Array  # (SIZE, SIZE)


@dataclass(frozen=True)
class Photograph:
    """An 8-bit grey picture and the truth about its defects, both (SIZE, SIZE)."""

    image: NDArray[np.uint8]
    truth: Mask


def make_camera(generator: np.random.Generator) -> Camera:
    """A camera with 1 % fall-off left after correction, 0.4 % sensitivity scatter and one soft dust spot."""
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5
    dust_y, dust_x = generator.uniform(-0.4, 0.4, 2)
    dust = 0.02 * np.exp(-((y - dust_y) ** 2 + (x - dust_x) ** 2) / (2 * 0.02**2))
    return Camera((1 - 0.02 * (x**2 + y**2) - dust) * generator.normal(1, 0.004, (SIZE, SIZE)))


def good_panel(generator: np.random.Generator) -> Panel:
    """A panel as it leaves correction: grain, faint clouds, row and column gain, a slope; each panel a little different."""
    y, x = np.mgrid[:CELLS, :CELLS] / (CELLS - 1) - 0.5
    slope, bend = generator.normal(0, 0.006, 2), generator.normal(0, 0.01, 3)
    low_order = slope[0] * x + slope[1] * y + bend[0] * x**2 + bend[1] * y**2 + bend[2] * x * y
    clouds = sum(_clouds(generator, scale) for scale in (3.0, 9.0)) * generator.lognormal(0, 0.3)  # some are worse
    grain = generator.normal(0, 0.01, (CELLS, CELLS))
    rows, columns = generator.normal(0, 0.0015, (CELLS, 1)), generator.normal(0, 0.0015, (1, CELLS))
    return Panel(generator.normal(1, 0.006) * (1 + low_order + clouds + grain + rows + columns))


def photograph(panel: Panel, camera: Camera, generator: np.random.Generator) -> Photograph:
    """Mount the panel under the camera, a little differently each time, and take its picture."""
    row, column = _cells_seen(generator)
    light = panel.emitters[row.astype(int), column.astype(int)] * _aperture(row % 1, column % 1) * panel.glass
    focus = generator.uniform(0.95, 1.05) * FINE
    sensed = _per_sensor_pixel(ndimage.gaussian_filter(light, focus))
    levels = sensed * camera.sensitivity * EXPOSURE * generator.uniform(0.99, 1.01)
    noise = generator.normal(0, np.sqrt(levels / ELECTRONS_PER_LEVEL + READ_NOISE**2))
    truth = _per_sensor_pixel(panel.marked_cells[row.astype(int), column.astype(int)] | panel.marked_glass) > 0
    return Photograph(np.rint(levels + noise).clip(0, 255).astype(np.uint8), truth)


def _clouds(generator: np.random.Generator, scale: float) -> Array:
    """Smooth random unevenness of 0.3 % over `scale` display pixels."""
    smooth = ndimage.gaussian_filter(generator.normal(size=(CELLS, CELLS)), scale, mode="wrap")
    clouds: Array = 0.003 * smooth / smooth.std()
    return clouds


def _cells_seen(generator: np.random.Generator) -> tuple[Array, Array]:
    """Row and column, in display pixels, that each fine sample sees: shift, 0.2 degrees of rotation, keystone."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / FINE - SIZE / 2 - RIM
    angle = np.deg2rad(generator.uniform(-0.2, 0.2))
    keystone = 1 + generator.uniform(-0.002, 0.002) * x / (SIZE / 2)
    shift_y, shift_x = generator.uniform(-1.5, 1.5, 2)
    row = (np.cos(angle) * y - np.sin(angle) * x) * keystone / PITCH + CELLS / 2 + shift_y
    column = (np.sin(angle) * y + np.cos(angle) * x) * keystone / PITCH + CELLS / 2 + shift_x
    return row, column


def _aperture(row: Array, column: Array) -> Array:
    """Share of light at a place within a display pixel: a diamond with soft edges, a third of the area lit."""
    distance = np.abs(row - 0.5) + np.abs(column - 0.5)
    return ((0.42 - distance) / 0.1 + 0.5).clip(0, 1)


def _per_sensor_pixel(fine: NDArray[np.generic]) -> Array:
    """Mean of the fine samples that fall on each sensor pixel, without the rim."""
    inner = fine[RIM * FINE : -RIM * FINE, RIM * FINE : -RIM * FINE]
    mean: Array = inner.reshape(SIZE, FINE, SIZE, FINE).astype(np.float64).mean(axis=(1, 3))
    return mean
