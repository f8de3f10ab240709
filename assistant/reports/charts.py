"""Curves of a report as plain numbers for SVG: a histogram of scores and a ROC curve, in a box of WIDTH by HEIGHT."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

WIDTH, HEIGHT = 440.0, 200.0
BINS = 40
MOST_BEYOND = 4  # times the range of the scores, that the axis reaches to a threshold


@dataclass(frozen=True)
class Histogram:
    """Bars (x, y, width, height) of the good and the defective images, where the threshold lies, and the ends of the axes."""

    good: list[tuple[float, float, float, float]]
    defective: list[tuple[float, float, float, float]]
    threshold: float
    low: float
    high: float
    most: int


@dataclass(frozen=True)
class Roc:
    """The curve as the points of a polyline, and the point (x, y) that the threshold in force stands for."""

    points: str
    at: tuple[float, float]


def histogram(good: Sequence[float], defective: Sequence[float], threshold: float) -> Histogram:
    """Of raw scores; there is at least one."""
    low, high = min(*good, *defective), max(*good, *defective)
    high = high if high > low else low + 1.0
    beyond = MOST_BEYOND * (high - low)
    threshold = min(max(threshold, low - beyond), high + beyond)  # one far off all scores stands at the edge
    low, high = min(low, threshold), max(high, threshold)
    counts = [_counted(scores, low, high) for scores in (good, defective)]
    most = max(1, *counts[0], *counts[1])
    wide = WIDTH / BINS
    bars = [
        [(i * wide, HEIGHT * (1 - n / most), wide - 0.6, HEIGHT * n / most) for i, n in enumerate(each) if n]
        for each in counts
    ]
    return Histogram(
        bars[0], bars[1], threshold=WIDTH * (threshold - low) / (high - low), low=low, high=high, most=most
    )


def roc(good: Sequence[float], defective: Sequence[float], threshold: float) -> Roc | None:
    """False alarms to the right, what is found upwards; None without images of both sorts. A score above the threshold is defective."""
    if not good or not defective:
        return None
    levels = sorted({*good, *defective}, reverse=True)
    found, alarms = ({level: 0 for level in levels} for _ in range(2))
    for scores, at in ((defective, found), (good, alarms)):
        for score in scores:
            at[score] += 1
    up, right = ([0, *accumulate(each.values())] for each in (found, alarms))
    places = [_place(x / len(good), y / len(defective)) for x, y in zip(right, up, strict=True)]
    here = _place(_share_above(good, threshold), _share_above(defective, threshold))
    return Roc(" ".join(f"{x:.1f},{y:.1f}" for x, y in places), here)


def _counted(scores: Sequence[float], low: float, high: float) -> list[int]:
    counts = [0] * BINS
    for score in scores:
        counts[min(BINS - 1, int(BINS * (score - low) / (high - low)))] += 1
    return counts


def _share_above(scores: Sequence[float], threshold: float) -> float:
    return sum(score > threshold for score in scores) / len(scores)


def _place(x: float, y: float) -> tuple[float, float]:
    """In a square of HEIGHT."""
    return HEIGHT * x, HEIGHT * (1 - y)
