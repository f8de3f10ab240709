"""Score maps as pictures: raw 16-bit maps, heat over the image, masks.

Colour means the same in every image of a run: the scale is fixed to the pixel threshold, which is always yellow; beyond
it lie orange and red, below it green and blue. Scaling each image to its own range would paint a red spot on every good
one. Pillow, numpy and scipy; no torch.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from engine.png import save_mask, save_png

Map = NDArray[np.float64]
Picture = NDArray[np.uint8]
Scale = tuple[float, float]  # raw scores that are stored as 0 and as 65535, or coloured first and last

# position on the heat scale (0 lowest, 0.5 the threshold, 1 as far above it as the lowest is below) -> red, green, blue
HEAT = np.array(
    [
        [0.00, 20, 30, 110],
        [0.20, 30, 90, 200],
        [0.35, 40, 170, 190],
        [0.50, 250, 215, 60],
        [0.75, 240, 120, 30],
        [1.00, 200, 20, 25],
    ]
)
OPACITY = np.array(
    [[0.0, 0.0], [0.3, 0.05], [0.45, 0.2], [0.5, 0.4], [1.0, 0.75]]
)  # position -> share of the heat colour
CONTOUR = (255, 255, 255)


def map_scale(lows: ArrayLike, highs: ArrayLike) -> Scale:
    """One scale for all maps of a run, from the lowest and highest raw score of each; never empty."""
    low, high = float(np.min(lows)), float(np.max(highs))
    return (low, high) if high > low else (low, low + 1.0)


def save_map(path: Path, score_map: ArrayLike, *, scale: Scale) -> None:
    """A raw score map (H, W) as a 16-bit grey PNG, linear over `scale`; scores outside it are clipped.

    score = low + (high - low) * pixel / 65535, exact to half a step.
    """
    low, high = scale
    share = (np.asarray(score_map, dtype=np.float64) - low) / (high - low)
    save_png(path, np.rint(share.clip(0, 1) * 65535).astype(np.uint16))


def overlay(image: Picture, score_map: ArrayLike, *, threshold: float, lowest: float) -> Picture:
    """The image (H, W, 3) under its heat, with a white contour around what lies above the pixel threshold.

    `lowest` is the run's lowest raw score (the low end of its map scale): the heat runs from there to as far above the
    threshold, and grows opaque with the score.
    """
    scores = np.asarray(score_map, dtype=np.float64)
    position = heat_position(scores, threshold=threshold, lowest=lowest)
    colour = np.stack([np.interp(position, HEAT[:, 0], HEAT[:, channel]) for channel in (1, 2, 3)], axis=-1)
    share = np.interp(position, OPACITY[:, 0], OPACITY[:, 1])[..., None]
    mixed: Picture = np.rint(image * (1 - share) + colour * share).astype(np.uint8)
    mixed[_contour(scores > threshold)] = CONTOUR
    return mixed


def save_pictures(
    image: Picture,
    score_map: ArrayLike,
    *,
    threshold: float,
    scale: Scale,
    map_to: Path,
    mask_to: Path,
    heat_to: Path,
    boxes: Sequence[tuple[int, int, int, int]] = (),
) -> None:
    """What a score map looks like: the raw map, the mask of what lies above the pixel threshold, the heat with boxes."""
    save_map(map_to, score_map, scale=scale)
    save_mask(mask_to, np.asarray(score_map) > threshold)
    heat = overlay(image, score_map, threshold=threshold, lowest=scale[0])
    save_png(heat_to, with_boxes(heat, boxes) if boxes else heat)


def with_boxes(picture: Picture, boxes: Sequence[tuple[int, int, int, int]]) -> Picture:
    """A copy of the picture (H, W, 3) with a thin rectangle around each box (x, y, width, height), two pixels outside it."""
    drawn = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawn)
    for x, y, width, height in boxes:
        pen.rectangle((x - 2, y - 2, x + width + 1, y + height + 1), outline=CONTOUR)
    return np.asarray(drawn)


def heat_position(scores: ArrayLike, *, threshold: float, lowest: float) -> Map:
    """Where scores lie on the heat scale: 0 at `lowest`, 0.5 at the threshold, 1 as far above it."""
    reach = max(threshold - lowest, 1e-30)  # a threshold at the lowest score divides by nothing
    position: Map = ((np.asarray(scores, dtype=np.float64) - threshold) / (2 * reach) + 0.5).clip(0, 1)
    return position


def _contour(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost pixels inside the mask."""
    inner = ndimage.binary_erosion(mask, border_value=1)
    rim: NDArray[np.bool_] = mask & ~inner
    return rim
