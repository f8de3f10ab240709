"""All that is measured of a classification: figures with their reasons and intervals, by class, and who is taken for whom.

N pictures, K classes; a confusion matrix has the true classes as rows, the called ones as columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contract.results.classify import OfClass
from engine.contract.shares import Interval, hull, proportion_interval
from engine.evaluation.confidence import calibration_error
from engine.evaluation.intervals import bootstrap_classes, mean_of_shares

Matrix = NDArray[np.int64]
Numbers = NDArray[np.float64]
FEWEST_TO_CALIBRATE = 10  # pictures; of fewer, what was said cannot be compared with what was so


def measure(
    said: Numbers, labels: NDArray[np.int64], classes: Sequence[str], *, groups: Sequence[str | None], seed: int
) -> dict[str, Any]:
    """The fields of ClassifyMetrics that follow from probabilities (N, K) and true classes (N,)."""
    called = said.argmax(axis=1)
    confusion = confusion_matrix(labels, called, len(classes))
    pairs = np.stack([labels, called], axis=1)
    whole = confusion.astype(np.float64)[None]
    absent = [name for name, row in zip(classes, confusion, strict=True) if row.sum() == 0]
    metrics: dict[str, float | None] = {
        "balanced_accuracy": _number(balanced_accuracy(whole)),
        "accuracy": float(np.trace(confusion) / len(labels)),
        "macro_f1": _number(macro_f1(whole)),
        "ece": None,
        "brier": brier(said, labels),
        "nll": nll(said, labels),
        "chance": 1 / len(classes),
        "majority_share": float(confusion.sum(axis=1).max() / len(labels)),
    }
    reasons: dict[str, str] = {}
    if absent:
        why = f"there are no test pictures of {', '.join(map(repr, absent))}"
        reasons |= dict.fromkeys(("balanced_accuracy", "macro_f1"), why)
    if len(labels) < FEWEST_TO_CALIBRATE:
        reasons["ece"] = (
            f"{len(labels)} test pictures; {FEWEST_TO_CALIBRATE} are needed to compare what is said with what is so"
        )
    else:
        metrics["ece"] = calibration_error(said.max(axis=1), (called == labels).astype(np.float64))
    return {
        "metrics": metrics,
        "reasons": reasons,
        "intervals": _intervals(metrics, pairs, confusion, groups, seed),
        "classes": list(classes),
        "confusion": confusion.tolist(),
        "per_class": {name: _of_class(i, confusion, pairs, groups, seed) for i, name in enumerate(classes)},
    }


def confusion_matrix(labels: NDArray[np.int64], called: NDArray[np.int64], classes: int) -> Matrix:
    """(K, K)."""
    return np.bincount(labels * classes + called, minlength=classes * classes).reshape(classes, classes)


def accuracy(confusions: Numbers) -> Numbers:
    """(R, K, K) -> (R,)."""
    found: Numbers = np.trace(confusions, axis1=1, axis2=2) / confusions.sum(axis=(1, 2))
    return found


def balanced_accuracy(confusions: Numbers) -> Numbers:
    """Mean recall of the classes; nan where one of them has no pictures."""
    with np.errstate(invalid="ignore"):
        recalls = np.diagonal(confusions, axis1=1, axis2=2) / confusions.sum(axis=2)
    found: Numbers = recalls.mean(axis=1)
    return found


def f1_of(confusions: Numbers) -> Numbers:
    """(R, K): 0 for a class that is never found; nan for one without pictures."""
    right, there, called = (
        np.diagonal(confusions, axis1=1, axis2=2), confusions.sum(axis=2), confusions.sum(axis=1),
    )  # fmt: skip
    with np.errstate(invalid="ignore"):
        return np.where(there > 0, 2 * right / (there + called), np.nan)


def macro_f1(confusions: Numbers) -> Numbers:
    found: Numbers = f1_of(confusions).mean(axis=1)
    return found


def brier(said: Numbers, labels: NDArray[np.int64]) -> float:
    """Mean squared distance of the probabilities from the truth, over all classes: 0 is best, 2 is worst."""
    truth = np.eye(said.shape[1])[labels]
    return float(((said - truth) ** 2).sum(axis=1).mean())


def nll(said: Numbers, labels: NDArray[np.int64]) -> float:
    """Mean negative logarithm of the true class's probability."""
    return float(-np.log(said[np.arange(len(labels)), labels].clip(1e-12)).mean())


def _intervals(
    metrics: dict[str, float | None], pairs: Matrix, confusion: Matrix, groups: Sequence[str | None], seed: int
) -> dict[str, Interval | None]:
    drawn = {
        name: bootstrap_classes(formula, pairs, classes=len(confusion), seed=seed, groups=groups)
        for name, formula in (("balanced_accuracy", balanced_accuracy), ("accuracy", accuracy), ("macro_f1", macro_f1))
        if metrics[name] is not None
    }
    if "balanced_accuracy" in drawn:  # the bootstrap shrinks to a point where all are right
        recalls = [confusion[i, i] / confusion[i].sum() for i in range(len(confusion))]
        counts = [_independent(pairs, i, groups) for i in range(len(confusion))]
        drawn["balanced_accuracy"] = hull(drawn["balanced_accuracy"], mean_of_shares(recalls, counts))
    alone = len(set(_named(groups)))
    share = metrics["accuracy"] or 0.0
    return {**drawn, "accuracy": hull(drawn["accuracy"], proportion_interval(share * alone, alone))}


def _of_class(label: int, confusion: Matrix, pairs: Matrix, groups: Sequence[str | None], seed: int) -> OfClass:
    there, called, right = int(confusion[label].sum()), int(confusion[:, label].sum()), int(confusion[label, label])
    if there == 0:
        return OfClass(count=0, found=0, called=called, reason="there are no test pictures of it")
    alone = _independent(pairs, label, groups)
    return OfClass(
        count=there,
        found=right,
        called=called,
        recall=right / there,
        precision=right / called if called else None,
        f1=2 * right / (there + called),
        recall_interval=proportion_interval(right / there * alone, alone),
        f1_interval=bootstrap_classes(
            lambda drawn: f1_of(drawn)[:, label], pairs, classes=len(confusion), seed=seed, groups=groups
        ),
        **({} if called else {"reason": "no test picture was called so: of that, none can be right or wrong"}),
    )


def _independent(pairs: Matrix, label: int, groups: Sequence[str | None]) -> int:
    """How many groups a class's test pictures are of: as many are independent."""
    return len({name for name, truth in zip(_named(groups), pairs[:, 0], strict=True) if truth == label})


def _named(groups: Sequence[str | None]) -> list[object]:
    return [group or position for position, group in enumerate(groups)]


def _number(values: Numbers) -> float | None:
    return float(values[0]) if np.isfinite(values[0]) else None
