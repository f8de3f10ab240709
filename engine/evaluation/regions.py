"""Suspicious regions of a score map: where they lie, how large and how strong they are. numpy and scipy; no torch."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from engine.contract.results.detect import Region

LEAST_SHARE = 100 / 512**2  # of the picture: 100 pixels of one with 512 a side; smaller specks are noise of the map
MOST = 20  # regions told of one picture, the strongest first
TOUCHING = np.ones((3, 3), dtype=bool)  # pixels that meet at a corner belong together


def find_regions(
    score_map: ArrayLike, *, threshold: float, least_share: float = LEAST_SHARE, most: int = MOST
) -> list[Region]:
    """Regions of a map (H, W) above the threshold, highest peak first; [] where nothing is above it.

    Specks below `least_share` of the picture are left out, but for the strongest region: a picture with a pixel above
    the threshold has at least one.
    """
    scores = np.asarray(score_map, dtype=np.float64)
    labelled, count = ndimage.label(scores > threshold, structure=TOUCHING)
    if count == 0:
        return []
    parts = enumerate(ndimage.find_objects(labelled), start=1)
    found = [_measured(scores, labelled, number, part, threshold) for number, part in parts]
    found.sort(key=lambda region: (-region.peak, region.box))
    return [region for i, region in enumerate(found) if i == 0 or region.area_share >= least_share][:most]


def _measured(
    scores: NDArray[np.float64], labelled: NDArray[np.int32], number: int, part: tuple[slice, slice], threshold: float
) -> Region:
    """The region of this number; `part` is the rectangle around it."""
    top, left = part[0].start, part[1].start
    inside = labelled[part] == number
    values = np.where(inside, scores[part], -np.inf)
    area = int(inside.sum())
    rows, columns = np.nonzero(inside)
    weights = scores[part][inside] - threshold  # above 0
    peak_row, peak_column = np.unravel_index(int(values.argmax()), values.shape)
    return Region(
        box=(left, top, inside.shape[1], inside.shape[0]),
        area_px=area,
        area_share=area / scores.size,
        peak=float(values.max()),
        peak_at=(left + int(peak_column), top + int(peak_row)),
        mean=float(scores[part][inside].mean()),
        centre=(left + float(np.average(columns, weights=weights)), top + float(np.average(rows, weights=weights))),
    )
