"""Measures of a detector on raw scores: image and pixel level, per defect type, per size of defect.

Every measure reads a Tally: how many good and how many defective at each score. Images give an exact one; pixels, far
too many to keep, one by bins (engine/evaluation/pixel_counts.py). So one formula serves both, and bootstrap resamples as well. A
measure that needs both classes is None, with a reason, when one is missing: never 0. Scores are not normalised or
clamped first: clamping makes ties, which change results.

AUPRO: Bergmann et al., Uninformed Students, 2020, https://arxiv.org/abs/1911.02357; at 0.05: Heckler-Kram et al., The
MVTec AD 2 Dataset, 2025, https://arxiv.org/abs/2503.21622.
"""

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.contract.policy import ROUNDING
from engine.contract.shares import DEFECTIVE, GOOD

OVERKILLS = (0, 1, 5)  # percent of the good test images that may be called defective, for recall_at_N_overkill


@dataclass(frozen=True)
class Measured:
    """A figure, or None and why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Tally:
    """Good and defective counted at each distinct score, from the highest score down.

    scores (M,). good and defective (M,), or (R, M) for R resamples of the same scores. `overlap` (M,) is the share of each
    true region that lies at a score, summed over `regions` regions; only pixels have it.
    """

    scores: NDArray[np.float64]
    good: NDArray[np.int64]
    defective: NDArray[np.int64]
    overlap: NDArray[np.float64] | None = None
    regions: int = 0


@dataclass(frozen=True)
class Metric:
    """A measure: called with a Tally it gives a figure, or the reason why it cannot.

    `formula` alone takes resamples: one value for each row of the counts, nan where a class is missing.
    """

    formula: Callable[[Tally], NDArray[np.float64]]
    needs_good: bool = True
    needs_defective: bool = True
    needs_regions: bool = False

    def __call__(self, counts: Tally) -> Measured:
        reason = self._missing(counts)
        return Measured(None, reason) if reason else Measured(float(self.formula(counts)))

    def _missing(self, counts: Tally) -> str | None:
        lacks_good = self.needs_good and not counts.good.sum()
        lacks_defective = self.needs_defective and not counts.defective.sum()
        if self.needs_good and self.needs_defective:
            if lacks_good and lacks_defective:
                return "nothing is labelled good or defective"
            if lacks_good or lacks_defective:
                return f"the test data holds nothing {'good' if lacks_good else 'defective'} to compare with"
        elif lacks_good or lacks_defective:
            return f"there are no {'good' if lacks_good else 'defective'} images to test with"
        return "no region is marked as defective" if self.needs_regions and not counts.regions else None


def get_metric(name: str, *, threshold: float | None = None) -> Metric:
    """The measure of this name, to be called with a Tally of images (image_..., recall_at_...) or of pixels (pixel_..., aupro_...).

    Those of a verdict (recall, escape_rate, overkill, missed, false_alarms) need the threshold; a score above it is
    called defective.

    Raises:
        LookupError: there is no measure of this name.
        ValueError: the measure needs a threshold and got none.
    """
    if name in RANKING:
        return RANKING[name]
    if name not in VERDICTS:
        near = difflib.get_close_matches(name, [*RANKING, *VERDICTS], n=1)
        guess = f", did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"unknown metric {name!r}{guess} (have: {', '.join([*RANKING, *VERDICTS])})")
    if threshold is None:
        raise ValueError(f"metric {name!r} counts verdicts: give it the threshold above which a score is defective")
    formula, of = VERDICTS[name]
    return Metric(partial(formula, threshold=threshold), needs_good=of == "good", needs_defective=of == "defective")


def tally(scores: ArrayLike, labels: ArrayLike) -> Tally:
    """The exact Tally of images. Labels: 0 good, 1 defective; any other (unknown) is left out.

    Raises:
        ValueError: a score is not a finite number, or the lengths differ.
    """
    score_of, label_of = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(labels).ravel()
    if len(score_of) != len(label_of):
        raise ValueError(f"{len(score_of)} scores but {len(label_of)} labels; there must be one label per score")
    refuse_non_finite(score_of)
    known = (label_of == GOOD) | (label_of == DEFECTIVE)
    distinct, position = np.unique(score_of[known], return_inverse=True)
    defective = np.bincount(position[label_of[known] == DEFECTIVE], minlength=len(distinct))
    good = np.bincount(position[label_of[known] == GOOD], minlength=len(distinct))
    return Tally(distinct[::-1], good[::-1], defective[::-1])


def per_defect_type(
    scores: ArrayLike, labels: ArrayLike, defect_types: Sequence[str | None], *, threshold: float
) -> dict[str, dict[str, Any]]:
    """For each defect type: how many, found and missed at the threshold, and its image AUROC against all the good."""
    score_of, label_of = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    type_of = np.array([name or "" for name in defect_types], dtype=object)
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(set(type_of[label_of == DEFECTIVE])):
        of_type = (label_of == DEFECTIVE) & (type_of == name)
        chosen = of_type | (label_of == GOOD)
        counts = tally(score_of[chosen], label_of[chosen])
        above = int((score_of[of_type] > threshold).sum())
        found[name] = {
            "count": int(of_type.sum()),
            "found": above,
            "missed": int(of_type.sum()) - above,
            "image_auroc": get_metric("image_auroc")(counts).value,
        }
    return found


def threshold_at_overkill(counts: Tally, *, overkill: float) -> float | None:
    """The lowest score above which at most this share of the good test images lies; None without good ones.

    It is a score of the test data itself, so no threshold of a line: it tells what could be reached.
    """
    good = int(counts.good.sum())
    if not good:
        return None
    return float(counts.scores[np.cumsum(counts.good) > _allowed(good, overkill)][0])


def refuse_non_finite(scores: NDArray[Any]) -> None:
    """Raises ValueError where a score is not a finite number."""
    if not np.isfinite(scores).all():
        broken = int((~np.isfinite(scores)).sum())
        raise ValueError(
            f"{broken} of {scores.size} scores are not finite numbers; the model has diverged, train it anew"
        )


def _auroc(counts: Tally) -> NDArray[np.float64]:
    """Probability that a defective one scores above a good one, ties counting half."""
    good, defective = counts.good.sum(axis=-1), counts.defective.sum(axis=-1)
    good_below = good[..., None] - np.cumsum(counts.good, axis=-1) + counts.good / 2
    return _share((counts.defective * good_below).sum(axis=-1) / np.maximum(good, 1), defective, where=good > 0)


def _average_precision(counts: Tally) -> NDArray[np.float64]:
    """Area under the precision-recall curve as a sum of steps, without interpolation."""
    hits = np.cumsum(counts.defective, axis=-1)
    precision = hits / np.maximum(hits + np.cumsum(counts.good, axis=-1), 1)
    return _share((precision * counts.defective).sum(axis=-1), hits[..., -1], where=counts.good.any(axis=-1))


def _f1_max(counts: Tally) -> NDArray[np.float64]:
    """Best F1 of all thresholds. An oracle: it needs the labels that a real line does not have."""
    hits = np.cumsum(counts.defective, axis=-1)
    f1 = 2 * hits / np.maximum(hits + np.cumsum(counts.good, axis=-1) + hits[..., -1:], 1)
    return np.where(hits[..., -1] > 0, f1.max(axis=-1), np.nan)


def _recall_at(counts: Tally, *, overkill: float) -> NDArray[np.float64]:
    """Share of the defective above the score that at most this share of the good test images exceeds."""
    good = counts.good.sum(axis=-1)
    allowed = np.floor(good * overkill + ROUNDING)
    reached = np.cumsum(counts.good, axis=-1) <= allowed[..., None]
    return _share((counts.defective * reached).sum(axis=-1), counts.defective.sum(axis=-1), where=good > 0)


def _aupro(counts: Tally, *, limit: float) -> NDArray[np.float64]:
    """Mean overlap with the true regions over the share of all good pixels that is marked, up to `limit`; 1 is perfect.

    Every region counts alike, whatever its size. Good pixels are all that the masks leave out, as in MVTec's evaluation.
    """
    assert counts.overlap is not None
    false = np.concatenate([[0.0], np.cumsum(counts.good) / counts.good.sum()])
    overlap = np.concatenate([[0.0], np.cumsum(counts.overlap) / counts.regions])
    last = int(np.searchsorted(false, limit))  # the first point at or beyond the limit; there is one, at 1
    before = last - 1
    part = (limit - false[before]) / (false[last] - false[before])
    at_limit = overlap[before] + part * (overlap[last] - overlap[before])
    area = np.trapezoid([*overlap[:last], at_limit], [*false[:last], limit])
    return np.float64(min(area / limit, 1.0))  # type: ignore[return-value]


def _recall(counts: Tally, *, threshold: float) -> NDArray[np.float64]:
    """Share of the defective that are called defective."""
    return _share(_above(counts, counts.defective, threshold), counts.defective.sum(axis=-1))


def _escape_rate(counts: Tally, *, threshold: float) -> NDArray[np.float64]:
    """Share of the defective that pass as good."""
    return 1 - _recall(counts, threshold=threshold)


def _missed(counts: Tally, *, threshold: float) -> NDArray[np.float64]:
    """Number of defective that pass as good."""
    missed: NDArray[np.float64] = counts.defective.sum(axis=-1) - _above(counts, counts.defective, threshold)
    return missed


def _overkill(counts: Tally, *, threshold: float) -> NDArray[np.float64]:
    """Share of the good that are called defective."""
    return _share(_above(counts, counts.good, threshold), counts.good.sum(axis=-1))


def _false_alarms(counts: Tally, *, threshold: float) -> NDArray[np.float64]:
    """Number of good that are called defective."""
    return _above(counts, counts.good, threshold)


def _above(counts: Tally, of: NDArray[np.int64], threshold: float) -> NDArray[np.float64]:
    above: NDArray[np.float64] = of[..., counts.scores > threshold].sum(axis=-1)
    return above


def _allowed(good: int, overkill: float) -> int:
    """How many of so many good ones may be called defective."""
    return math.floor(good * overkill + ROUNDING)


def _share(part: ArrayLike, whole: ArrayLike, *, where: ArrayLike = True) -> NDArray[np.float64]:
    """part / whole, nan where the whole is 0 or `where` is false."""
    total = np.asarray(whole, dtype=np.float64)
    known = (total > 0) & np.asarray(where)
    return np.where(known, np.asarray(part) / np.where(total > 0, total, 1), np.nan)


RANKING: dict[str, Metric] = {
    "image_auroc": Metric(_auroc),
    "image_aupr": Metric(_average_precision),
    "image_f1_max": Metric(_f1_max),
    **{f"recall_at_{percent}_overkill": Metric(partial(_recall_at, overkill=percent / 100)) for percent in OVERKILLS},
    "pixel_auroc": Metric(_auroc),
    "pixel_aupr": Metric(_average_precision),
    "pixel_f1_max": Metric(_f1_max),
    "aupro_30": Metric(partial(_aupro, limit=0.3), needs_regions=True),
    "aupro_05": Metric(partial(_aupro, limit=0.05), needs_regions=True),
}
VERDICTS: dict[str, tuple[Callable[..., NDArray[np.float64]], str]] = {  # formula, and the class that it counts
    "recall": (_recall, "defective"),
    "escape_rate": (_escape_rate, "defective"),
    "overkill": (_overkill, "good"),
    "missed": (_missed, "defective"),
    "false_alarms": (_false_alarms, "good"),
}
