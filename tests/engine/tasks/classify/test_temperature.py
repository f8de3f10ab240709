import numpy as np
import pytest

from engine.tasks.classify.temperature import fit_temperature, probabilities


def logits(labels: np.ndarray, *, right: float, strength: float, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    called = np.where(generator.random(len(labels)) < right, labels, (labels + 1) % 3)
    return strength * np.eye(3)[called]


def test_a_classifier_that_is_too_sure_is_toned_down_to_what_is_so():
    labels = np.random.default_rng(1).integers(0, 3, 3000)
    found = logits(labels, right=0.7, strength=8.0)
    temperature = fit_temperature(found, labels)
    assert temperature > 1
    assert probabilities(found, temperature).max(axis=1).mean() == pytest.approx(0.7, abs=0.02)


def test_a_few_pictures_that_are_all_right_do_not_give_endless_confidence():
    labels = np.array([0, 1, 2, 0, 1, 2])
    found = logits(labels, right=1.0, strength=5.0)
    assert probabilities(found, fit_temperature(found, labels)).max() <= 7 / 9 + 1e-6


def test_which_class_is_called_does_not_change():
    found = np.random.default_rng(2).normal(size=(50, 4))
    assert (probabilities(found, 3.0).argmax(axis=1) == found.argmax(axis=1)).all()
    assert probabilities(found, 3.0).sum(axis=1) == pytest.approx(np.ones(50))
