"""Where good ends: a threshold from good images that the model has not seen, with what their number can promise; and any other that
somebody asks for later, from the scores that were kept. A threshold is no part of a model: none of this trains. Loads no torch.

Split-conformal: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Angelopoulos and Bates, A
Gentle Introduction to Conformal Prediction, 2021, https://arxiv.org/abs/2107.07511. The model must not have seen the
images, and they must be like those of the line. Then a new good image is called defective with a probability of at most
`promised`, on average over calibrations. Nothing is promised about defects.

Leave-one-out (cross-conformal): Vovk, Cross-conformal predictors, 2015, https://arxiv.org/abs/1208.0806; Barber, Candes,
Ramdas and Tibshirani, Predictive inference with the jackknife+, 2021, https://arxiv.org/abs/1905.02928. Every good image
is scored by a model that was fitted without it, so none is lost for learning, but only about twice the rate is promised.
Deviation: the papers compare a new image with each fold's own model; here one model, fitted on all, judges it. The promise
then rests on that model's scores being like those of the folds' models, which have seen fewer images.

Thresholds chosen by labels (`f1_optimal`, `cost_based`, `by_escapes`) are oracles: what they reach on the images that chose them is
better than what a line will see.

Rounding decides nothing: the same picture scores a few parts in 10^7 differently in a batch of another size. So a held-out
score counts as a little higher than it is (`raised`), in thresholds and p-values alike, and a picture that is the same
as a good one to the last bit is never called defective by the digit that the batch changed.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.contract.policy import (
    MOST_NEEDED,
    ROUNDING,
    GoodPolicy,
    images_needed,
    percent,
    promised,
    promised_above,
    ranks_above,
)
from engine.contract.results.detect import Policy, Threshold, ThresholdTold

# of the pictures of a line, for the cost-based threshold: a test set holds far more defects than a line that runs well,
# and by its own share nearly everything would be called defective. One in a hundred is a common yield loss
DEFECT_RATE = 0.01
SAME = 1e-5  # of a score's size: two scores that lie no farther apart are told apart by rounding only
SURE = 0.95  # how sure one wants to be when an overkill is shown by images without a false alarm


def set_threshold(
    scores: ArrayLike, *, overkill_rate: float, policy: GoodPolicy = "split_conformal", folds: int | None = None
) -> Threshold:
    """The threshold that good images set, by policy. For a pixel threshold give each good image's largest pixel score.

    Args:
        scores: (N,) of good images that the model (leave_one_out: the model of their fold) has not seen.
        overkill_rate: share of good images that may be called defective, between 0 and 1.
        folds: of leave_one_out, how many models were fitted; None is one for each image.

    Raises:
        ValueError: no scores, a score that is not finite, a rate outside (0, 1), fewer than 2 folds or an unknown policy.
    """
    if policy not in POLICIES:
        raise ValueError(f"unknown threshold policy {policy!r} (have: {', '.join(POLICIES)})")
    if policy == "leave_one_out":
        return leave_one_out(scores, overkill_rate=overkill_rate, folds=folds)
    return POLICIES[policy](scores, overkill_rate=overkill_rate)


def split_conformal(scores: ArrayLike, *, overkill_rate: float) -> Threshold:
    """The ceil((n + 1)(1 - overkill_rate))-th smallest of n held-out good scores, `raised`; the largest where n is too small.

    For a pixel threshold give each good image's largest pixel score: then at most that share of good images has any
    pixel marked.

    Raises:
        ValueError: no scores, a score that is not finite, or a rate outside (0, 1).
    """
    held_out = _checked(scores, overkill_rate)
    n = len(held_out)
    return Threshold(
        value=float(raised(held_out)[n - ranks_above(n, overkill_rate)]),
        overkill_rate=overkill_rate,
        calibration_images=n,
        promised=promised("split_conformal", images=n, overkill_rate=overkill_rate),
        smallest_promise=1 / (n + 1),
        images_needed=images_needed(overkill_rate),
        policy="split_conformal",
        images_to_show=images_to_show(overkill_rate),
    )


def leave_one_out(scores: ArrayLike, *, overkill_rate: float, folds: int | None = None) -> Threshold:
    """The same rank among good scores that each come from a model fitted without that image, or without its fold.

    Usually about overkill_rate of new good images fail. What holds whatever the model does is twice that, and a little
    more where there are fewer folds than images (theorem 4 of Barber et al.).

    Raises:
        ValueError: as `split_conformal`; fewer than 2 folds, or more folds than images.
    """
    plain = split_conformal(scores, overkill_rate=overkill_rate)
    n = plain.calibration_images
    k = n if folds is None else folds
    if not 2 <= k <= n:
        raise ValueError(f"leave_one_out over {n} good images with {k} folds; 2 to {max(n, 2)} folds are possible")
    share = promised("leave_one_out", images=n, overkill_rate=overkill_rate, folds=k)
    return plain.model_copy(update={"policy": "leave_one_out", "promised": share})


def percentile(scores: ArrayLike, *, overkill_rate: float) -> Threshold:
    """The plain quantile of held-out good scores, between two of them where it falls there. It promises nothing.

    Raises:
        ValueError: as `split_conformal`.
    """
    held_out = _checked(scores, overkill_rate)
    return Threshold(
        value=float(np.quantile(raised(held_out), 1 - overkill_rate)),
        overkill_rate=overkill_rate,
        calibration_images=len(held_out),
        promised=None,
        smallest_promise=1 / (len(held_out) + 1),
        images_needed=images_needed(overkill_rate),
        policy="percentile",
        images_to_show=images_to_show(overkill_rate),
    )


POLICIES: dict[str, Callable[..., Threshold]] = {
    "split_conformal": split_conformal,
    "leave_one_out": leave_one_out,
    "percentile": percentile,
}


def f1_optimal(scores: ArrayLike, labels: ArrayLike) -> Threshold:
    """The threshold with the best F1 on these labelled images (0 good, 1 defective, others left out). An oracle.

    Raises:
        ValueError: a class is missing.
    """
    values, false_alarms, missed, good, defective = _verdicts(scores, labels)
    found = defective - missed
    f1 = 2 * found / (found + false_alarms + defective)
    best = int(f1.argmax())
    return _oracle(values[best], "f1_optimal", false_alarms[best], good, defective)


def cost_based(
    scores: ArrayLike, labels: ArrayLike, *, escape_cost: float, defect_rate: float = DEFECT_RATE
) -> Threshold:
    """The threshold of the least cost on these labelled images: a missed defect costs `escape_cost` overkilled good ones.

    Both count by their shares, so how many of each class the test data happens to hold does not matter: the cost of a
    picture of the line is overkill * (1 - defect_rate) + escape_cost * escape * defect_rate. An oracle. Of several that
    cost the same the highest is taken.

    Args:
        defect_rate: share of the line's pictures that are defective, between 0 and 1.

    Raises:
        ValueError: a class is missing, a cost that is not above 0, or a rate outside (0, 1).
    """
    if not escape_cost > 0:
        raise ValueError(
            f"escape_cost is {escape_cost}, it must be above 0; 10 makes one missed defect worth 10 overkills"
        )
    if not 0 < defect_rate < 1:
        raise ValueError(f"defect_rate is {defect_rate}, it must lie between 0 and 1; 0.01 is one defect in 100 images")
    values, false_alarms, missed, good, defective = _verdicts(scores, labels)
    cost = (1 - defect_rate) * false_alarms / good + defect_rate * escape_cost * missed / defective
    best = int(cost.argmin())
    return _oracle(values[best], "cost_based", false_alarms[best], good, defective)


def by_escapes(scores: ArrayLike, labels: ArrayLike, *, escape_rate: float) -> Threshold:
    """The highest threshold that at most this share of the labelled defects passes as good; 0 lets none pass. An oracle.

    Raises:
        ValueError: a class is missing, or a rate outside [0, 1).
    """
    if not 0 <= escape_rate < 1:
        raise ValueError(f"escape_rate is {escape_rate}, it must lie between 0 and 1; 0 lets no defect pass")
    values, false_alarms, missed, good, defective = _verdicts(scores, labels)
    first = int((missed <= escape_rate * defective + ROUNDING).argmax())  # the highest of them, as values fall
    return _oracle(values[first], "escape_rate", false_alarms[first], good, defective)


def by_value(value: float, held_out: ArrayLike, *, policy: GoodPolicy, folds: int | None = None) -> Threshold:
    """This threshold, with what the good images that set the promised one say of it: the share of new ones above it at most.

    Args:
        held_out: (N,) scores of good images that the model has not seen, at least one.
        policy: that of the promised threshold; where that promises nothing, these images promise what those of a split do.
    """
    ordered = _checked(held_out, 0.5)
    n = len(ordered)
    ranks = 1 + int((raised(ordered) > value).sum())
    by: GoodPolicy = "leave_one_out" if policy == "leave_one_out" else "split_conformal"
    return Threshold(
        value=value,
        overkill_rate=(ranks - 1) / n,
        calibration_images=n,
        promised=promised_above(by, images=n, ranks=ranks, folds=folds),
        smallest_promise=1 / (n + 1),
        images_needed=0,
        policy="value",
        images_to_show=0,
    )


def told(threshold: Threshold, *, pixel: float) -> ThresholdTold:
    """What an evaluation tells of its thresholds. Facts that belong to a rate which nobody asked for are left out."""
    said: dict[str, Any] = {
        "image": threshold.value,
        "pixel": pixel,
        "policy": threshold.policy,
        "oracle": threshold.is_oracle,
    }
    said |= {"promise": promise(threshold), "promised": threshold.promised}
    if threshold.policy in POLICIES:
        names = ("overkill_rate", "calibration_images", "smallest_promise", "images_needed", "images_to_show")
        said |= {name: getattr(threshold, name) for name in names}
        said |= {"kept": True} if threshold.kept else {}
    elif not threshold.is_oracle:
        said |= {name: getattr(threshold, name) for name in ("calibration_images", "smallest_promise")}
    return ThresholdTold.model_validate(said)


def promise(threshold: Threshold) -> str:
    """What the threshold promises, in one or two English sentences."""
    n = threshold.calibration_images
    if threshold.is_oracle:
        by = {"f1_optimal": "has the best F1", "cost_based": "costs the least"}.get(
            threshold.policy, "lets so few pass"
        )
        return f"It {by} on the {n} test images that chose it; on new images it will do worse."
    if threshold.policy == "value":
        assert threshold.promised is not None
        of = f"{n} good image{'s' if n != 1 else ''}"
        return f"By {of} at most {percent(threshold.promised)} % of new good images are called defective, on average."
    said_of = threshold.promise.said()
    asked, images = f"{said_of['rate']} %", f"{n} good image{'s' if n != 1 else ''}"
    if threshold.policy == "percentile":
        said = f"About {asked} of {images} score above it; nothing is promised about new ones."
    elif threshold.policy == "leave_one_out":
        assert threshold.promised is not None
        said = (
            f"It was set from {images}, each scored by a model that had not seen it: usually about {asked} of new good "
            f"images are called defective, and at most {said_of['promised']} % is promised, as far as the final "
            "model scores like those models."
        )
    else:
        assert threshold.promised is not None
        said = f"On average at most {said_of['promised']} % of new good images are called defective."
    if not threshold.promise.is_enough:
        said += f" {images} cannot set {asked}: {said_of['needed']} are needed."
    return f"{said} To show {asked}, {threshold.images_to_show} good test images without a false alarm are needed."


def expected_overkill(
    threshold: Threshold | ThresholdTold, *, images: int, level: float = 0.95
) -> tuple[float, float] | None:
    """Where the overkill of so many good test images lies with this chance, where they are like those that set it.

    The threshold itself hangs on which n good images set it: the share above it is beta-distributed around the promise
    (Vovk, Conditional validity of inductive conformal predictors, 2012, https://arxiv.org/abs/1209.2673), so false alarms
    are beta-binomial. For leave_one_out, whose scores come from several models, this is an approximation. None where
    nothing is promised, or there are no images.
    """
    n, share = threshold.calibration_images, threshold.promised
    if share is None or n is None or images == 0:
        return None
    if share >= 1:
        return 0.0, 1.0
    from scipy.special import betaln, gammaln  # not before it is asked for: the first page needs none of it

    above, below, alarms = share * (n + 1), (1 - share) * (n + 1), np.arange(images + 1)
    ways = gammaln(images + 1) - gammaln(alarms + 1) - gammaln(images - alarms + 1)
    at_most = np.cumsum(np.exp(ways + betaln(alarms + above, images - alarms + below) - betaln(above, below)))
    low, high = np.searchsorted(at_most, [(1 - level) / 2, (1 + level) / 2])
    return float(low) / images, float(high) / images


def images_to_show(overkill_rate: float) -> int:
    """How many good test images without one false alarm show, 95 % sure, that the overkill is at most this: about 3 / rate."""
    return math.ceil(min(math.log(1 - SURE) / math.log1p(-overkill_rate), MOST_NEEDED) - ROUNDING)


def p_values(scores: ArrayLike, held_out: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Conformal p-value of each score: (1 + held-out good scores, `raised`, at least as high) / (n + 1). Small is anomalous.

    A score lies above the threshold of `split_conformal` exactly when its p-value is at most the promised rate.
    """
    ordered = raised(np.sort(np.asarray(held_out, dtype=np.float64).ravel()))
    at_least = len(ordered) - np.searchsorted(ordered, np.asarray(scores, dtype=np.float64), side="left")
    return (1 + at_least) / (len(ordered) + 1)


def raised(held_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Held-out scores (n,) with the most that rounding may add: SAME of their own size, or of their median's where that is more.

    The order stays. The median stands for the scale where a score happens to lie near 0, as a log-likelihood can.
    """
    size = np.abs(held_out)
    return held_out + SAME * np.maximum(size, np.median(size) if len(size) else 0.0)


def _checked(scores: ArrayLike, overkill_rate: float) -> NDArray[np.float64]:
    """The held-out scores in order. Raises ValueError."""
    held_out = np.sort(np.asarray(scores, dtype=np.float64).ravel())
    if len(held_out) == 0:
        raise ValueError("no good images are held out to set the threshold; raise calibration_share or add good images")
    if not np.isfinite(held_out).all():
        raise ValueError("a held-out score is not a finite number; the model has diverged, train it anew")
    if not 0 < overkill_rate < 1:
        raise ValueError(
            f"overkill_rate is {overkill_rate}, it must lie between 0 and 1; 0.05 lets 5 % of good images fail"
        )
    return held_out


def _verdicts(
    scores: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], int, int]:
    """All thresholds that differ, highest first, the false alarms and missed defects at each; how many good, defective."""
    score_of, label_of = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(labels).ravel()
    good, defective = int((label_of == 0).sum()), int((label_of == 1).sum())
    if not good or not defective:
        raise ValueError(f"{good} good and {defective} defective images: a threshold chosen by labels needs both")
    known = (label_of == 0) | (label_of == 1)
    distinct, position = np.unique(score_of[known], return_inverse=True)
    at_most_good = np.cumsum(np.bincount(position[label_of[known] == 0], minlength=len(distinct)))
    at_most_defective = np.cumsum(np.bincount(position[label_of[known] == 1], minlength=len(distinct)))
    between = distinct[:-1] + np.diff(distinct) / 2
    values = np.concatenate([[np.nextafter(distinct[0], -np.inf)], np.minimum(between, distinct[1:]), distinct[-1:]])
    values[1:-1] = np.where(values[1:-1] < distinct[1:], values[1:-1], distinct[:-1])  # no number fits between the two
    false_alarms = good - np.concatenate([[0], at_most_good])
    missed = np.concatenate([[0], at_most_defective])
    return values[::-1], false_alarms[::-1], missed[::-1], good, defective


def _oracle(value: float, policy: Policy, false_alarms: int, good: int, defective: int) -> Threshold:
    return Threshold(
        value=float(value),
        overkill_rate=float(false_alarms / good),
        calibration_images=good + defective,
        promised=None,
        smallest_promise=1 / (good + 1),
        images_needed=0,
        policy=policy,
        images_to_show=0,
    )
