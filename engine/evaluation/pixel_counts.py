"""What is counted of score maps and masks, picture by picture, in memory that does not grow with the number of pixels.

PixelTally counts pixels by bins for the pixel metrics. RegionTally counts true regions that were hit and false ones. numpy
and scipy; no torch.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from engine.contract.shares import DEFECTIVE, GOOD
from engine.evaluation.metrics import Tally, refuse_non_finite
from engine.evaluation.regions import LEAST_SHARE, TOUCHING

BINS = 2**18  # of a PixelTally: 6 MB for its three rows, whatever the number of pixels
AT_ONCE = 2**20  # pixels binned in one go: few enough to stay near the processor, enough to pay for a row of bins
SAMPLE = 100_000  # pixels that show where most scores lie
SAMPLE_MAPS = 200
NARROWEST = 1e-25  # spread of most scores, as a part of the range of all, that float32 can still divide by
COARSE = 512  # bins that each map keeps for itself, for intervals; divides BINS
MOST_MAPS = 5000  # that keep them: 30 MB; beyond, chance hardly matters and no interval is given


class PixelTally:
    """Counts the pixels of score maps in bins between `low` and `high`: memory is fixed, however many maps are added.

    Bins are equal in the score, or, where `spread` is given, in asinh((score - centre) / spread): equal within about a
    spread of the centre, ever wider further out, so that a few huge scores do not squeeze all others into one bin. Scores
    outside fall into the end bins. Pixels that share a bin count as equal; `tolerance()` and `aupro_tolerance()` tell how much
    that can change an area under a curve. With bins that fit the scores it is far below 0.001 for the millions of pixels of
    a test set; of maps of a hundred pixels two that share a bin have moved AUPRO by 0.0004. A score that is alone in its bin,
    and equal scores, change nothing: then the figure is that of the definition to rounding.

    A defective pixel counts for its region too, with one part in the region's area: regions are the 8-connected parts of
    each mask. Sums of these parts are all that AUPRO needs, so no region keeps bins of its own.

    With `per_map` each map keeps a few wide bins too, so that a bootstrap can draw maps anew.
    """

    def __init__(
        self,
        *,
        low: float,
        high: float,
        centre: float = 0.0,
        spread: float | None = None,
        bins: int = BINS,
        per_map: bool = False,
    ):
        high = high if high > low else low + 1.0
        self.centre, self.spread, self.bins, self.regions = centre, spread, bins, 0
        self._low, self._high = self._warp(np.float64(low)), self._warp(np.float64(high))
        self._counts = np.zeros((2, bins), dtype=np.int64)  # good, defective
        self._overlap = np.zeros(bins, dtype=np.float64)
        self._per_map: list[NDArray[np.float32]] | None = [] if per_map and bins % COARSE == 0 else None

    @classmethod
    def for_maps(
        cls, maps: NDArray[np.float32], lows: ArrayLike, highs: ArrayLike, *, per_map: bool = False
    ) -> "PixelTally":
        """Bins that fit maps (N, H, W), of which the lowest and highest scores (N,) are known; nothing is counted yet.

        Where most scores lie is read from a thin grid of pixels.
        """
        low, high = float(np.min(lows)), float(np.max(highs))
        some = maps[:: max(len(maps) // SAMPLE_MAPS, 1)]
        step = max(int(np.sqrt(some.size / SAMPLE)), 1)
        grid = np.asarray(some[:, step // 2 :: step, step // 2 :: step], dtype=np.float64)
        if not high > low:
            return cls(low=low, high=high, per_map=per_map)
        levels = np.quantile(grid, [0.5, 0.25, 0.75, 0.05, 0.95, 0.01, 0.99])
        widths = [*(levels[2::2] - levels[1::2]), high - low]  # most scores may be equal: then the next wider share
        spread = next(float(width) for width in widths if width > (high - low) * NARROWEST)
        return cls(low=low, high=high, centre=float(levels[0]), spread=spread, per_map=per_map)

    def add(self, maps: ArrayLike, masks: ArrayLike | None) -> None:
        """Count the pixels of maps and their masks (H, W) or (N, H, W); a mask above 0.5 is defective, None is all good.

        Raises:
            ValueError: the shapes differ, or a score is not a finite number.
        """
        scores = np.asarray(maps)
        scores = scores if scores.dtype == np.float32 else scores.astype(np.float64)
        truth = None if masks is None else np.asarray(masks) > 0.5
        if truth is not None and scores.shape != truth.shape:
            raise ValueError(f"the maps are {scores.shape} but the masks {truth.shape}; both must have one shape")
        refuse_non_finite(scores)
        if scores.ndim < 3:
            scores, truth = scores[None], None if truth is None else truth[None]
        together = max(AT_ONCE // max(scores[0].size, 1), 1) if len(scores) else 1
        for start in range(0, len(scores), together):
            part = slice(start, start + together)
            self._add(scores[part], None if truth is None else truth[part])

    def _add(self, scores: NDArray[Any], truth: NDArray[np.bool_] | None) -> None:
        position = self._positions(scores)
        if truth is None or not truth.any():
            self._counts[GOOD] += np.bincount(position.ravel(), minlength=self.bins)
        else:
            self._counts[GOOD] += np.bincount(position[~truth], minlength=self.bins)
            self._counts[DEFECTIVE] += np.bincount(position[truth], minlength=self.bins)
        for i, where in enumerate(position):
            marked = truth[i] if truth is not None and truth[i].any() else None
            parts = None if marked is None else self._add_regions(where, marked)
            if self._per_map is not None:
                self._keep(where, marked, parts)

    def _add_regions(self, position: NDArray[np.int32], marked: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Count the regions of a mask; returns what each marked pixel counts for its region."""
        regions, count = ndimage.label(marked, structure=np.ones((3,) * marked.ndim))
        of_region = regions[marked]
        parts: NDArray[np.float64] = 1 / np.bincount(of_region)[of_region]
        np.add.at(self._overlap, position[marked], parts)
        self.regions += count
        return parts

    def _keep(
        self, position: NDArray[np.int32], marked: NDArray[np.bool_] | None, parts: NDArray[np.float64] | None
    ) -> None:
        """The wide bins of one map: good, defective, overlap (3, COARSE)."""
        assert self._per_map is not None
        if len(self._per_map) == MOST_MAPS:
            self._per_map = None
            return
        wide = position // (self.bins // COARSE)
        rows = np.zeros((3, COARSE), dtype=np.float32)
        rows[0] = np.bincount(wide.ravel(), minlength=COARSE)
        if marked is not None:
            rows[1] = np.bincount(wide[marked], minlength=COARSE)
            rows[0] -= rows[1]
            rows[2] = np.bincount(wide[marked], weights=parts, minlength=COARSE)
        self._per_map.append(rows)

    def per_map(self) -> NDArray[np.float32] | None:
        """(N, 3, COARSE) good, defective and overlap of each map in the order added, highest scores first; None if not kept."""
        return np.stack(self._per_map)[..., ::-1] if self._per_map else None

    def _positions(self, scores: NDArray[Any]) -> NDArray[np.int32]:
        """The bin of each score. float32 stays float32: a copy in float64 would cost more time than it gains exactness."""
        with np.errstate(over="ignore"):  # far outside is in the last bin
            share = (self._warp(scores) - scores.dtype.type(self._low)) * (self.bins / (self._high - self._low))
        position: NDArray[np.int32] = np.clip(share, 0, self.bins - 1).astype(np.int32)
        return position

    def _warp(self, scores: Any) -> Any:
        if self.spread is None:
            return scores
        kind = scores.dtype.type
        return np.arcsinh((scores - kind(self.centre)) / kind(self.spread))

    def tally(self) -> Tally:
        """The bins that hold anything, each at its middle."""
        filled = np.flatnonzero(self._counts.any(axis=0))[::-1]
        middle = self._low + (filled + 0.5) * (self._high - self._low) / self.bins
        if self.spread is not None:
            middle = self.centre + self.spread * np.sinh(middle)
        good, defective = self._counts[GOOD, filled], self._counts[DEFECTIVE, filled]
        return Tally(middle, good, defective, self._overlap[filled], self.regions)

    def tolerance(self) -> float:
        """Largest possible difference between the AUROC by bins and the exact one."""
        good, defective = (counts / max(counts.sum(), 1) for counts in self._counts)
        return float(0.5 * (good * defective).sum())

    def aupro_tolerance(self, limit: float) -> float:
        """Largest possible difference between the AUPRO up to `limit` by bins and the exact one."""
        good = self._counts[GOOD, ::-1] / max(self._counts[GOOD].sum(), 1)
        reached = np.cumsum(good) - good < limit
        return float(0.5 * (good * self._overlap[::-1])[reached].sum() / max(self.regions, 1) / limit)


@dataclass
class RegionTally:
    """Counts, at one pixel threshold, true regions that were hit (any pixel above it) and false regions on good pictures.

    True regions are the 8-connected parts of a mask; false ones those of a good picture above the threshold, without
    specks, as the pictures of the run show them (engine/evaluation/regions.py). `areas` is the marked share of each defective picture,
    `parts` of each of its true regions the share and the highest score: a region is hit at every threshold below that.
    """

    threshold: float
    good_pictures: int = 0
    false_regions: int = 0
    areas: dict[int, float] = field(default_factory=dict)
    parts: dict[int, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    def add_good(self, score_map: NDArray[np.float32]) -> None:
        """Count the false regions of a good picture's map (H, W)."""
        self.good_pictures += 1
        above = score_map > self.threshold
        if not above.any():
            return
        labelled, _ = ndimage.label(above, structure=TOUCHING)
        areas = np.bincount(labelled[above])[1:]
        self.false_regions += max(int((areas >= LEAST_SHARE * above.size).sum()), 1)

    def add_defective(self, index: int, score_map: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
        """Count the true regions of a defective picture: number `index` of the evaluation, map and mask (H, W)."""
        if not mask.any():
            return
        self.areas[index] = float(mask.mean())
        labelled, count = ndimage.label(mask, structure=TOUCHING)
        areas = np.bincount(labelled[mask], minlength=count + 1)[1:]
        peaks = ndimage.maximum(score_map, labelled, index=np.arange(1, count + 1))
        self.parts[index] = tuple(
            (float(area / mask.size), float(peak)) for area, peak in zip(areas, peaks, strict=True)
        )

    def by_picture(self) -> tuple[list[int], list[int]]:
        """Regions hit and all regions of each picture that has any."""
        hit = [sum(peak > self.threshold for _, peak in parts) for parts in self.parts.values()]
        return hit, [len(parts) for parts in self.parts.values()]
