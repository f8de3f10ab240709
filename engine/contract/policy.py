"""How many good images do what in a run, and what their number can promise. Loads no torch.

The plan that a person says yes to and the run that follows it count by these rules alone. What stands behind the
promises is told in engine/contract/thresholds.py.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from engine.contract.jobs.detect import DetectJob

GoodPolicy = Literal["split_conformal", "leave_one_out", "percentile"]

FEW_GOOD = (
    40  # with fewer good images than this, those for the test not counted, `auto` leaves one out in memory models
)
TEST_SHARE = 0.2  # of the good images, where the data set keeps none for testing
MOST_NEEDED = 10**9
ROUNDING = 1e-9  # 20 * 0.05 must count as 1, whatever the binary fractions make of it


@dataclass(frozen=True)
class GoodImages:
    """What a run does with the good images that are not in the data set's own test.

    threshold and fit are the same images in leave_one_out: each is scored by a model that was fitted without its fold.
    """

    policy: GoodPolicy
    fit: int
    validation: int
    threshold: int
    test: int
    folds: int | None = None  # of leave_one_out: further trainings


def choose_policy(spec: DetectJob, *, good: int, has_own_test: bool) -> GoodPolicy:
    """The threshold policy that the spec's stands for, with `good` readable good images to share out."""
    if spec.threshold_policy != "auto":
        return spec.threshold_policy
    few = good - (0 if has_own_test else held_out(good, TEST_SHARE)) < FEW_GOOD
    return "leave_one_out" if spec.model.leaves_one_out and few else "split_conformal"


def share_out(spec: DetectJob, *, good: int, has_own_test: bool) -> GoodImages:
    """How many of `good` readable good images do what. Groups (panels, lots), which are kept whole, shift it a little."""
    good = good if spec.most_good is None else min(good, spec.most_good)
    policy = choose_policy(spec, good=good, has_own_test=has_own_test)
    threshold = held_out(good, spec.calibration_share)
    test = 0 if has_own_test else held_out(good, TEST_SHARE)
    validation = held_out(good, validation_share(spec))
    fit = max(good - threshold - test - validation, 0)
    if policy != "leave_one_out":
        return GoodImages(policy, fit, validation, threshold, test)
    fit += threshold
    return GoodImages(policy, fit, validation, fit, test, folds=min(spec.model.most_folds, fit))


def validation_share(spec: DetectJob) -> float:
    """Share of the good images that is held back for the validation loss; only models that learn in epochs have one."""
    return spec.validation_share if spec.model.holds_back_validation else 0.0


def held_out(good: int, share: float) -> int:
    """Images that a share of the good ones is: at least one where it is not 0."""
    return max(1, round(share * good)) if share > 0 else 0


@dataclass(frozen=True)
class Promise:
    """What so many good images promise of the overkill: plan, warning, model card, summary and page say it by these figures.

    rate is the share of good images that may be called defective, as it was asked for; promised the share of new ones that
    are at most, more than that where the images are too few, None where nothing is promised.
    """

    policy: str
    images: int
    rate: float
    promised: float | None

    @property
    def smallest(self) -> float:
        """The least overkill that so many images can set at all."""
        return 1 / (self.images + 1)

    @property
    def needed(self) -> int:
        """The least number of images that can set the rate."""
        return images_needed(self.rate)

    @property
    def is_enough(self) -> bool:
        return self.images >= self.needed

    def chance_of(self, alarms: int, *, of: int) -> float | None:
        """How often so many good images would raise at least so many false alarms, were they like those that set the threshold and
        the promise just kept; None where nothing is promised.

        Which n images set the threshold is chance too: the share above it is beta-distributed around the promise, and false alarms
        are beta-binomial (engine/contract/thresholds.py). For leave_one_out an approximation.
        """
        if self.promised is None:
            return None
        if self.promised >= 1 or alarms <= 0:
            return 1.0
        a, b = self.promised * (self.images + 1), (1 - self.promised) * (self.images + 1)
        fewer = math.fsum(math.exp(_log_beta_binomial(k, of, a, b)) for k in range(min(alarms, of + 1)))
        return min(max(1.0 - fewer, 0.0), 1.0)

    def said(self) -> dict[str, Any]:
        """Its figures as all words about it give them: shares in percent, rounded once and here."""
        return {
            "count": self.images,
            "rate": percent(self.rate),
            "promised": None if self.promised is None else percent(self.promised),
            "needed": self.needed,
            "enough": self.is_enough,
        }


def promise_of(policy: GoodPolicy, *, images: int, overkill_rate: float, folds: int | None = None) -> Promise:
    """What `images` good images that set the threshold promise, by policy; `folds` as in `promised`."""
    share = promised(policy, images=images, overkill_rate=overkill_rate, folds=folds)
    return Promise(policy, images, overkill_rate, share)


def percent(share: float) -> float:
    """A share in percent to three digits, whole where it is; the rate that was asked for is never told as another one."""
    value = float(f"{100 * share:.3g}")
    return int(value) if value.is_integer() else value


def promised(policy: GoodPolicy, *, images: int, overkill_rate: float, folds: int | None = None) -> float | None:
    """The share of new good images that are called defective at most, when `images` good ones set the threshold.

    Too few cannot promise the rate that was asked for: then this is more. A percentile promises nothing.

    Args:
        folds: of leave_one_out, how many models are fitted; None is one for each image.
    """
    return promised_above(policy, images=images, ranks=ranks_above(images, overkill_rate), folds=folds)


def promised_above(policy: GoodPolicy, *, images: int, ranks: int, folds: int | None = None) -> float | None:
    """The same of a threshold above which so many of the images + 1 ranks lie."""
    if policy == "percentile":
        return None
    share = min(ranks / (images + 1), 1.0)
    if policy == "split_conformal":
        return share
    k = images if folds is None else folds
    # theorem 4 of Barber et al.; nothing is added with a fold for each image
    more = min(2 * (1 - 1 / k) / (images / k + 1), (1 - k / images) / (k + 1))
    return min(2 * share + more, 1.0)


def ranks_above(images: int, overkill_rate: float) -> int:
    """How many of the images + 1 ranks lie above the threshold; at least one."""
    return max(math.floor((images + 1) * overkill_rate + ROUNDING), 1)


def images_needed(overkill_rate: float) -> int:
    """The least number of good images that can set this rate: 1 / overkill_rate - 1; beyond MOST_NEEDED nobody counts."""
    return math.ceil(min(1 / overkill_rate, MOST_NEEDED) - ROUNDING) - 1


def _log_beta_binomial(k: int, n: int, a: float, b: float) -> float:
    """The logarithm of the chance of k of n."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + _log_beta(k + a, n - k + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
