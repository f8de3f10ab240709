"""Settings by the number of good images, and models by circumstances."""

from pathlib import Path
from typing import Any

import pytest

from assistant.kinds.detect.advice import advise, best_for, recommended
from assistant.plans.form import describe
from assistant.plans.plan import make_plan
from assistant.settings import Settings
from engine.contract.jobs import flat_settings
from engine.contract.models import MODELS
from tests.data_facts import facts

FACTS = facts(train_good=35)


def values(model: str, good: int) -> dict[str, Any]:
    return {name: each.value for name, each in advise(model, good=good).items()}


@pytest.mark.parametrize(
    ("model", "good", "expected"),
    [
        ("patchcore", 49, {"coreset_ratio": 0.2, "augmentation": "light"}),
        ("patchcore", 50, {"coreset_ratio": 0.1}),
        ("patchcore", 200, {}),
        ("dino_bank", 100, {}),
        ("padim", 20, {}),
        ("stfpm", 20, {"augmentation": "light", "batch_size": 4}),
        ("efficientad", 20, {}),
        ("fastflow", 20, {"batch_size": 4}),
        ("ensemble", 20, {}),
    ],
)
def test_small_sets_get_settings_of_their_own(model: str, good: int, expected: dict[str, Any]) -> None:
    assert values(model, good) == expected


@pytest.mark.parametrize("good", [1, 30, 100, 1000])
@pytest.mark.parametrize("model", [name for name in MODELS if name != "ensemble"])
def test_advice_always_makes_a_valid_plan_that_differs_from_the_defaults(tmp_path: Path, model: str, good: int) -> None:
    plan = make_plan(Settings(home=tmp_path, hub="off"), facts(train_good=good), model, {}, [])
    settings = {setting.name: setting for setting in describe(plan.spec, plan.because)}
    assert all(settings[name].value != settings[name].default for name in plan.because)
    assert plan.estimate.seconds > 0


def test_a_plan_says_why_and_the_wish_of_the_user_goes_first(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, hub="off")
    plan = make_plan(settings, FACTS, "patchcore", {"coreset_ratio": 0.03}, [])
    assert flat_settings(plan.spec)["coreset_ratio"] == 0.03
    assert plan.because.keys() == {"augmentation", "backbone"}
    assert plan.because["backbone"].code == "weights_missing"
    assert plan.because["augmentation"].message == "because there are 35 good images"


def test_models_are_recommended_by_circumstances() -> None:
    by = recommended()
    assert by["few_images"] == {"fewer_good_images_than": 50, "models": ["padim", "subspace"]}
    assert by["real_time"]["models"] == ["efficientad", "fastflow"]
    assert by["otherwise"]["models"] == ["patchcore"]
    assert recommended(["cflow"])["otherwise"]["models"] == []


@pytest.mark.parametrize(
    ("good", "at_hand", "models"),
    [(49, True, ["padim", "subspace"]), (50, True, ["patchcore"]), (500, False, ["autoencoder", "draem"])],
)
def test_the_model_to_begin_with_follows_from_the_data_and_the_weights(
    good: int, at_hand: bool, models: list[str]
) -> None:
    assert best_for(good=good, weights_at_hand=at_hand) == models
