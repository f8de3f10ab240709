"""How sure a verdict is: the probability that an image is defective, learnt from labelled test images.

Platt, Probabilistic Outputs for Support Vector Machines, 1999: a logistic curve of the score, whose slope is the
temperature, with targets drawn in a little so that classes that lie apart do not make it a step. Naeini, Cooper and
Hauskrecht, 2015 (expected calibration error). An image's confidence comes from a curve that was fitted without it, and so
do the errors reported. Without labels there is no confidence: the conformal p-value (engine/contract/thresholds.py) is what can be
said. The share of defects in the test data is taken for granted; a line has fewer, and there confidence is too high.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

FOLDS = 5
LEAST = 5  # images of each class; with fewer, a fold could be without one
BINS = 10  # of the calibration error, equally full
STEPS = 100


@dataclass(frozen=True)
class Curve:
    """P(defective) = 1 / (1 + exp(-(slope * score + offset)))."""

    slope: float
    offset: float

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        values: NDArray[np.float64] = expit(self.slope * np.asarray(scores, dtype=np.float64) + self.offset)
        return values


@dataclass(frozen=True)
class Confidence:
    """Confidence of N images, or None and why. `curve`, fitted on all labelled ones, is for new images.

    brier is the mean squared error of the confidences, brier_of_share that of always saying the share of defects; ece is
    the mean distance, over bins of confidence, of what was said from what was so. All three from images left out.
    """

    values: NDArray[np.float64] | None
    reason: str | None = None
    curve: Curve | None = None
    ece: float | None = None
    brier: float | None = None
    brier_of_share: float | None = None
    images: int = 0
    folds: int = 0


def cross_fit(
    scores: ArrayLike, labels: ArrayLike, *, seed: int, groups: Sequence[str | None] | None = None
) -> Confidence:
    """Confidences of images with labels 0 good, 1 defective; others are unknown and get theirs from the curve of all.

    Images of one group (panel, lot) share a fold.
    """
    score_of, label_of = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(labels).ravel()
    known = np.flatnonzero((label_of == 0) | (label_of == 1))
    good, defective = int((label_of == 0).sum()), int((label_of == 1).sum())
    if min(good, defective) < LEAST:
        reason = f"{good} good and {defective} defective test images; {LEAST} of each are needed to learn a confidence"
        return Confidence(None, reason)
    names = [
        (groups[int(i)] if groups else None) or f"\0{i}" for i in known
    ]  # an image without a group is one of its own
    fold_of = _folds(names, label_of[known], seed)
    s, y = score_of[known], label_of[known].astype(np.float64)
    if any(len(np.unique(y[fold_of != fold])) < 2 for fold in range(FOLDS)):
        return Confidence(
            None, "the images of one class are of too few groups to learn a confidence and test it on others"
        )
    values = fit_curve(s, y)(score_of)
    for fold in range(FOLDS):
        inside = fold_of == fold
        values[known[inside]] = fit_curve(s[~inside], y[~inside])(s[inside])
    said = values[known]
    return Confidence(
        values=values,
        curve=fit_curve(s, y),
        ece=calibration_error(said, y),
        brier=float(((said - y) ** 2).mean()),
        brier_of_share=float(y.mean() * (1 - y.mean())),
        images=len(known),
        folds=FOLDS,
    )


def fit_curve(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> Curve:
    """Platt's curve by Newton's method, halving steps that do not improve. A slope below 0 is held at 0: higher is worse."""
    middle, spread = float(np.median(scores)), float(scores.std()) or 1.0
    x = np.stack([(scores - middle) / spread, np.ones_like(scores)], axis=1)  # (N, 2)
    good, defective = float((labels == 0).sum()), float((labels == 1).sum())
    target = np.where(labels == 1, (defective + 1) / (defective + 2), 1 / (good + 2))
    weights = np.array([0.0, np.log((defective + 1) / (good + 1))])
    loss = _loss(x @ weights, target)
    for _ in range(STEPS):
        said = expit(x @ weights)
        gradient = x.T @ (said - target)
        curvature = (x * (said * (1 - said))[:, None]).T @ x + 1e-10 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        for halving in range(30):
            tried = weights - step / 2**halving
            lower = _loss(x @ tried, target)
            if lower <= loss:
                break
        else:
            break
        weights, gained, loss = tried, loss - lower, lower
        if gained < 1e-12 * max(loss, 1.0):
            break
    if weights[0] <= 0:
        return Curve(0.0, float(np.log((defective + 1) / (good + 1))))
    slope = float(weights[0] / spread)
    return Curve(slope, float(weights[1] - slope * middle))


def calibration_error(said: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Expected calibration error over up to ten bins of confidence that hold equally many images (at least five)."""
    order = np.argsort(said, kind="stable")
    bins = np.array_split(order, max(min(BINS, len(order) // 5), 1))
    return float(sum(abs(said[part].mean() - labels[part].mean()) * len(part) for part in bins) / len(order))


def _loss(logit: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0, logit) - target * logit).sum())


def _folds(names: list[str], labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The fold of each image: groups dealt out in random order, those with defects first, so that folds share both."""
    label_of = {name: 0 for name in names}
    for name, label in zip(names, labels, strict=True):
        label_of[name] = max(label_of[name], int(label))
    distinct = sorted(label_of)
    shuffled = [distinct[i] for i in np.random.default_rng(seed).permutation(len(distinct))]
    dealt = sorted(shuffled, key=lambda name: -label_of[name])
    fold = {name: position % FOLDS for position, name in enumerate(dealt)}
    return np.array([fold[name] for name in names])
