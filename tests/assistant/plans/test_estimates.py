"""How long a training will take: a count of its work, set right by what earlier runs on this machine took."""

from datetime import timedelta

import pytest

from assistant.kinds.detect.work import START_SECONDS
from assistant.plans.estimates import count_work, expected
from assistant.store.tables import RunRow, now
from engine.contract.jobs import make_job
from engine.contract.policy import share_out
from tests.data_facts import facts

FACTS = facts(train_good=40, test_defective=10)


def finished(model: str, *, estimate_s: float | None, took_s: float) -> RunRow:
    began = now()
    return RunRow(subject=model, estimate_s=estimate_s, started_at=began, finished_at=began + timedelta(seconds=took_s))


def test_every_fold_is_a_further_training() -> None:
    """Of a model whose learning takes nearly all of the time, so that its trainings can be counted in it."""
    slow = {"epochs": 5000, "calibration_share": 0.05, "validation_share": 0.1}
    single = make_job("detect", "oled", "autoencoder", {**slow, "threshold_policy": "split_conformal"})
    folds = make_job("detect", "oled", "autoencoder", {**slow, "threshold_policy": "leave_one_out"})
    once = START_SECONDS
    count = share_out(folds, good=40, has_own_test=True).folds
    assert count is not None
    assert count > 2
    assert (count_work(folds, FACTS) - once) / (count_work(single, FACTS) - once) > count


def test_earlier_runs_of_the_model_set_the_estimate_right() -> None:
    spec = make_job("detect", "oled", "padim")
    first = expected(spec, FACTS, [])
    assert first.basis == 0
    slow = [finished("padim", estimate_s=10, took_s=took_s) for took_s in (20, 30, 90)]
    told = expected(spec, FACTS, slow)
    assert (told.basis, told.seconds) == (3, pytest.approx(3 * first.seconds))


def test_runs_of_other_models_and_runs_without_an_estimate_say_nothing() -> None:
    spec = make_job("detect", "oled", "padim")
    others = [finished("patchcore", estimate_s=10, took_s=90), finished("padim", estimate_s=None, took_s=90)]
    assert expected(spec, FACTS, others) == expected(spec, FACTS, [])
