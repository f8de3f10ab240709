"""What good images are used for, and what their number can promise."""

import pytest

from engine.contract.jobs import make_job
from engine.contract.policy import choose_policy, promised, share_out
from engine.contract.thresholds import leave_one_out, split_conformal


@pytest.mark.parametrize(
    ("model", "good", "has_own_test", "expected"),
    [
        ("padim", 39, True, "leave_one_out"),
        ("padim", 40, True, "split_conformal"),
        ("padim", 45, False, "leave_one_out"),  # 9 of them are tested with
        ("padim", 50, False, "split_conformal"),
        ("autoencoder", 20, True, "split_conformal"),
    ],
)
def test_auto_leaves_one_out_where_a_memory_model_has_few_good_images(model, good, has_own_test, expected):
    assert choose_policy(make_job("detect", "oled", model), good=good, has_own_test=has_own_test) == expected


def test_a_policy_that_was_asked_for_goes_before_the_rule():
    spec = make_job("detect", "oled", "padim", {"threshold_policy": "percentile"})
    assert choose_policy(spec, good=5, has_own_test=True) == "percentile"


def test_leave_one_out_uses_each_good_image_twice_and_promises_about_twice_the_rate():
    shared = share_out(make_job("detect", "oled", "padim"), good=30, has_own_test=True)
    assert (shared.policy, shared.fit, shared.threshold, shared.test, shared.folds) == ("leave_one_out", 30, 30, 0, 10)
    assert promised("split_conformal", images=30, overkill_rate=0.01) == pytest.approx(1 / 31)
    assert promised("leave_one_out", images=30, overkill_rate=0.01) == pytest.approx(2 / 31)
    assert promised("leave_one_out", images=30, overkill_rate=0.01, folds=10) > 2 / 31
    assert promised("percentile", images=30, overkill_rate=0.01) is None


@pytest.mark.parametrize("images", [5, 19, 40, 200])
def test_a_plan_promises_what_the_threshold_of_its_run_does(images):
    scores = [float(i) for i in range(images)]
    split = promised("split_conformal", images=images, overkill_rate=0.05)
    assert split_conformal(scores, overkill_rate=0.05).promised == split
    crossed = promised("leave_one_out", images=images, overkill_rate=0.05, folds=5)
    assert leave_one_out(scores, overkill_rate=0.05, folds=5).promised == crossed
