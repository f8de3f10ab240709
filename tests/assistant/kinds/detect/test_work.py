"""What a detection costs, counted before it starts: right to a factor of two, and never hours taken for minutes."""

from typing import Any

import pytest

from assistant.kinds.detect import work as detect_work
from assistant.kinds.detect.work import START_SECONDS, count_work
from engine.contract.jobs import make_job
from engine.contract.models import MODELS
from tests.data_facts import facts

LEARNING = [name for name, params in MODELS.items() if params.learns_in_epochs]
HOUR = 3600


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a plain machine, whatever this one is."""
    monkeypatch.setattr(detect_work, "cores", lambda: 2)
    monkeypatch.setattr(detect_work, "gmacs_per_second_and_core", lambda: 30.0)


def work(model: str, *, good: int = 100, **settings: Any) -> float:
    """Seconds beyond those that every run takes."""
    needed = {"members": ["r1", "r2"]} if MODELS[model].joins_runs else {}
    job = make_job("detect", "oled", model, {**needed, **settings})
    return count_work(job, facts(train_good=good, test_defective=20)) - START_SECONDS


@pytest.mark.parametrize("model", MODELS)
def test_more_pictures_are_more_work(model: str) -> None:
    assert work(model, good=1000) > 2 * work(model, good=100)


@pytest.mark.parametrize("model", MODELS)
def test_larger_pictures_are_more_work(model: str) -> None:
    assert work(model, image_size=448) > work(model, image_size=224)


@pytest.mark.parametrize("model", LEARNING)
def test_twice_the_epochs_are_nearly_twice_the_work(model: str) -> None:
    assert work(model, epochs=2000) == pytest.approx(2 * work(model, epochs=1000), rel=0.1)


@pytest.mark.parametrize("model", [name for name, params in MODELS.items() if params.needs_gpu])
def test_a_training_that_wants_a_gpu_is_not_called_a_matter_of_minutes(model: str) -> None:
    assert work(model, good=200) > HOUR


@pytest.mark.parametrize("model", [name for name, params in MODELS.items() if params.passes_over_augmented > 1])
def test_augmented_pictures_are_looked_at_once_more(model: str) -> None:
    plain, augmented = (work(model, good=good, augmentation=how) for good, how in ((200, "none"), (100, "light")))
    more = work(model, good=100, augmentation="light") - work(model, good=100)
    assert more == pytest.approx(work(model, good=100, augmentation="strong") - work(model, good=100))
    assert 0 < more < augmented < plain


def test_a_faster_machine_is_expected_to_take_less(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = work("autoencoder", epochs=500)
    monkeypatch.setattr(detect_work, "gmacs_per_second_and_core", lambda: 60.0)
    assert work("autoencoder", epochs=500) < 0.7 * slow


def test_a_light_network_is_not_expected_to_cost_next_to_nothing() -> None:
    light, whole = (work("padim", good=500, backbone=name) for name in ("mobilenetv2_035", "mobilenetv2_100"))
    assert light > 0.7 * whole
