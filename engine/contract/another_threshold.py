"""The threshold that somebody asks for instead of the promised one, from what a run kept: good images' scores, and the tested images.

Nothing is trained and no picture is looked at. The pixel threshold goes along: see `pixel_knots`. Loads no torch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import GoodPolicy, promised_above
from engine.contract.results.detect import DetectCard, DetectResults, HeldOut, Threshold, ThresholdTold
from engine.contract.thresholds import by_escapes, by_value, cost_based, f1_optimal, raised, set_threshold, told
from engine.contract.verdicts import LABELS

__all__ = [
    "Asked",
    "CannotSet",
    "Kept",
    "ThresholdTold",
    "choose",
    "costs",
    "pixel_at",
    "pixel_knots",
    "presets",
    "promises",
]

LADDER = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)  # overkill rates that one step goes between
ESCAPE_COST = 10.0  # where nobody says another: what a missed defect is worth in overkilled good images
KNOTS = 65
FURTHER = 0.1  # of the way from the median good image: one step where the ladder has none left

Direction = Literal["promised", "f1", "stricter", "looser", "previous"]


class Asked(BaseModel):
    """How a threshold is asked for; exactly one of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: FiniteFloat | None = Field(default=None, description="the threshold itself, a raw score")
    overkill_rate: float | None = Field(
        default=None, gt=0, lt=1, description="share of good images that may be called defective, such as 0.03"
    )
    escape_rate: float | None = Field(
        default=None, ge=0, lt=1, description="share of the tested defects that may pass as good; 0 lets none pass"
    )
    escape_cost: FiniteFloat | None = Field(
        default=None,
        gt=0,
        description="overkilled good images that one missed defect is worth; the least cost is taken",
    )
    to: Direction | None = Field(
        default=None,
        description="promised: that of the training; f1: the best F1; stricter: one step towards fewer missed defects; looser: one "
        "step towards fewer false alarms; previous: the one before",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.facts()) != 1:
            names = ", ".join(type(self).model_fields)
            raise ValueError(f"ask for a threshold by exactly one of {names}")
        return self

    def facts(self) -> dict[str, Any]:
        """What was asked, and nothing else."""
        return self.model_dump(mode="json", exclude_none=True)


class CannotSet(ValueError):
    """No threshold can be set so. `code` is no_labels, no_good_images, no_stricter, no_looser or nothing_before."""

    def __init__(self, code: str, message: str, **values: Any):
        super().__init__(message)
        self.code, self.values = code, values


@dataclass(frozen=True)
class Kept:
    """What a run keeps that thresholds are set from: results as they were written, and the card's calibration."""

    results: DetectResults
    held_out: HeldOut
    policy: GoodPolicy
    folds: int | None

    @classmethod
    def read(cls, folder: RunFolder) -> "Kept":
        """
        Raises:
            FileNotFoundError, DamagedFile: the run has no evaluation or no model, or one is not what was written.
        """
        results, card = folder.evaluation.read(DetectResults), folder.model.read_card(DetectCard)
        policy = card.thresholds.image.policy
        assert policy in ("split_conformal", "leave_one_out", "percentile"), policy
        folds = card.calibration.folds
        if folds is None and policy == "leave_one_out":  # of an older version, which did not write it down
            folds = min(DetectJob.model_validate(card.spec).model.most_folds, len(card.calibration.scores))
        return cls(results, card.calibration, policy, folds)

    @property
    def promised(self) -> ThresholdTold:
        return self.results.metrics.threshold

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """Of the tested images, (N,)."""
        return np.array([row.score for row in self.results.rows], dtype=np.float64)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Of the tested images, (N,): 0 good, 1 defective, -1 unknown."""
        return np.array([LABELS.get(row.label, -1) for row in self.results.rows], dtype=np.int64)

    @cached_property
    def knots(self) -> list[tuple[float, float]]:
        return pixel_knots(self)

    def told(self, threshold: Threshold) -> ThresholdTold:
        return told(threshold, pixel=pixel_at(self.knots, threshold.value))


def choose(
    asked: Asked, kept: Kept, *, in_force: ThresholdTold | None = None, before: ThresholdTold | None = None
) -> ThresholdTold:
    """The thresholds that are asked for.

    Args:
        in_force: what stricter and looser step from; None is the promised one.
        before: what `previous` goes back to.

    Raises:
        CannotSet: what it takes is missing, in words.
    """
    now = in_force or kept.promised
    match asked:
        case Asked(to="promised"):
            return kept.promised
        case Asked(to="previous"):
            if before is None:
                raise CannotSet("nothing_before", "there is no threshold to go back to: it was not changed")
            return before
        case Asked(to="stricter" | "looser" as direction):
            return kept.told(_one_step(direction, kept, now.image))
        case Asked(to="f1"):
            return kept.told(f1_optimal(*_labelled(kept)))
        case Asked(escape_rate=float(rate)):
            return kept.told(by_escapes(*_labelled(kept), escape_rate=rate))
        case Asked(escape_cost=float(cost)):
            return kept.told(cost_based(*_labelled(kept), escape_cost=cost))
        case Asked(overkill_rate=float(rate)):
            return kept.told(_by_overkill(kept, rate))
        case Asked(value=float(value)):
            return kept.told(_by_value(kept, value))
    raise AssertionError(asked)


def presets(kept: Kept, *, in_force: ThresholdTold) -> Iterator[tuple[str, Asked, ThresholdTold]]:
    """The thresholds that are offered, by name, as far as this run kept what they take."""
    by_cost = kept.results.metrics.oracle.cost_based
    cost = (by_cost.escape_cost if by_cost is not None else None) or ESCAPE_COST
    offered = {
        "promised": Asked(to="promised"),
        "no_escapes": Asked(escape_rate=0.0),
        "f1": Asked(to="f1"),
        "cost": Asked(escape_cost=cost),
        "stricter": Asked(to="stricter"),
        "looser": Asked(to="looser"),
    }
    for name, asked in offered.items():
        try:
            yield name, asked, choose(asked, kept, in_force=in_force)
        except CannotSet:
            continue


def costs(kept: Kept, threshold: ThresholdTold) -> dict[str, Any]:
    """What a threshold costs on the tested images, and which share of new good ones the kept good scores let fail at most."""
    above = kept.scores > threshold.image
    defective, good = kept.labels == 1, kept.labels == 0
    alarms, missed = int((above & good).sum()), int((~above & defective).sum())
    return {
        "value": threshold.image,
        "pixel": threshold.pixel,
        "policy": threshold.policy,
        "oracle": threshold.oracle,
        "missed": missed if defective.any() else None,
        "defective": int(defective.sum()),
        "escape_rate": missed / int(defective.sum()) if defective.any() else None,
        "false_alarms": alarms if good.any() else None,
        "good": int(good.sum()),
        "overkill": alarms / int(good.sum()) if good.any() else None,
        "promised": _by_value(kept, threshold.image).promised if kept.held_out.scores else threshold.promised,
        "calibration_images": len(kept.held_out.scores) or threshold.calibration_images,
    }


def promises(kept: Kept) -> dict[str, list[Any]]:
    """What a threshold promises wherever it is put, so that a page can tell it while one moves: `good_scores`, ascending, and in `promises` the
    share of new good images above a threshold at most, by how many of those lie above it. Empty where none were kept."""
    scores = raised(np.sort(np.array(kept.held_out.scores)))
    by: GoodPolicy = "leave_one_out" if kept.policy == "leave_one_out" else "split_conformal"
    n = len(scores)
    shares = [promised_above(by, images=n, ranks=1 + above, folds=kept.folds) for above in range(n + 1)] if n else []
    return {"good_scores": scores.tolist(), "promises": shares}


def pixel_knots(kept: Kept) -> list[tuple[float, float]]:
    """(image threshold, pixel threshold) pairs, both rising, with the promised pair among them; see `pixel_at`.

    The k-th lowest score of the good images goes with the k-th lowest of their maps' highest scores: where as many good images
    fail as have a pixel marked. The promised pair is of one rank, so it lies on that line. Above the good images the tested ones
    that exceed them in both go on, from the highest down. A run of an older version kept no such scores: there the pixel
    threshold stays.
    """
    promised = (kept.promised.image, kept.promised.pixel)
    image = raised(np.sort(np.array(kept.held_out.scores)))
    pixel = raised(np.sort(np.array(kept.held_out.map_highs)))
    if len(pixel) != len(image) or not len(image):
        return [promised]
    further = [row for row in kept.results.rows if row.map_high is not None]
    scores = np.sort([row.score for row in further if row.score > image[-1]])
    highs = np.sort([row.map_high for row in further if row.map_high is not None and row.map_high > pixel[-1]])
    more = min(len(scores), len(highs))
    pairs = [*_thinned(image, pixel), *_thinned(scores[len(scores) - more :], highs[len(highs) - more :])]
    below = [pair for pair in pairs if pair[0] < promised[0] and pair[1] <= promised[1]]
    above = [pair for pair in pairs if pair[0] > promised[0] and pair[1] >= promised[1]]
    knots: list[tuple[float, float]] = []
    for pair in (*below, promised, *above):
        if not knots or pair[0] > knots[-1][0]:
            knots.append(pair)
    return knots


def pixel_at(knots: Sequence[tuple[float, float]], value: float) -> float:
    """The pixel threshold of an image threshold: on straight lines between the knots; beyond the ends by the slope from first to last.

    The page reckons by the same rule (web/static/js/kinds/detect).
    """
    (first, lowest), (last, highest) = knots[0], knots[-1]
    slope = (highest - lowest) / (last - first) if last > first else 0.0
    if value < first:
        return lowest + slope * (value - first)
    if value > last:
        return highest + slope * (value - last)
    at = next(i for i, (image, _) in enumerate(knots) if value <= image)
    image, pixel = knots[at]
    if value == image:
        return pixel
    image_before, pixel_before = knots[at - 1]
    return pixel_before + (pixel - pixel_before) * (value - image_before) / (image - image_before)


def _thinned(image: NDArray[np.float64], pixel: NDArray[np.float64]) -> list[tuple[float, float]]:
    """At most KNOTS of the pairs, lowest and highest among them."""
    if not len(image):
        return []
    chosen = np.unique(np.linspace(0, len(image) - 1, min(len(image), KNOTS)).round().astype(int))
    return [(float(image[i]), float(pixel[i])) for i in chosen]


def _labelled(kept: Kept) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    good, defective = int((kept.labels == 0).sum()), int((kept.labels == 1).sum())
    if not good or not defective:
        message = (
            f"the test data holds {good} good and {defective} defective images: a threshold chosen by labels needs both; set it by "
            "the overkill of good images, or by its value"
        )
        raise CannotSet("no_labels", message, good=good, defective=defective)
    return kept.scores, kept.labels


def _by_overkill(kept: Kept, rate: float) -> Threshold:
    return set_threshold(_good_scores(kept), overkill_rate=rate, policy=kept.policy, folds=kept.folds)


def _by_value(kept: Kept, value: float) -> Threshold:
    return by_value(value, _good_scores(kept), policy=kept.policy, folds=kept.folds)


def _good_scores(kept: Kept) -> list[float]:
    if not kept.held_out.scores:
        raise CannotSet(
            "no_good_images", "this run kept no scores of good images to set a threshold from; train it again"
        )
    return kept.held_out.scores


def _one_step(direction: Direction, kept: Kept, now: float) -> Threshold:
    """The next rate of the ladder that moves the threshold; beyond its lowest rate a part of the way up from the median good image.

    Raises:
        CannotSet: there is none.
    """
    if direction == "stricter":
        lower = [step for step in (_by_overkill(kept, rate) for rate in LADDER) if step.value < now]
        if not lower:
            message = f"it is as strict as is sensible: a lower threshold would call more than {LADDER[-1]:.0%} of good images defective"
            raise CannotSet("no_stricter", message, rate=LADDER[-1])
        return lower[0]
    higher = [step for step in (_by_overkill(kept, rate) for rate in LADDER) if step.value > now]
    if higher:
        return higher[-1]
    value = now + FURTHER * (now - float(np.median(_good_scores(kept))))
    if not value > now or (len(kept.scores) and now >= kept.scores.max()):
        raise CannotSet("no_looser", "it is as loose as is sensible: every tested image lies below it already")
    return _by_value(kept, value)
