"""What a recommendation by trial tries."""

import pytest

from assistant.kinds.detect.candidates import FEW_SHOT, candidates, on_a_cut
from engine.contract.jobs import make_job
from engine.contract.models import MODELS
from tests.data_facts import facts


@pytest.mark.parametrize("goal", ["accuracy", "speed", "memory", "few_shot"])
@pytest.mark.parametrize("good", [12, 300])
def test_only_models_that_suit_the_data_and_this_kind_of_machine_are_tried_and_each_can_be(
    goal: str, good: int
) -> None:
    data = facts(train_good=good)
    tried = candidates(data, goal)
    models = [MODELS[each["model"]] for each in tried]
    assert len(tried) > 3
    assert not any(model.joins_runs or model.needs_gpu for model in models)
    assert any(model.learns_in_epochs for model in models) == (good >= 50 and goal != "few_shot")
    for each in tried:
        differs = {name: value for name, value in each.items() if name != "model"}
        assert make_job("detect", "oled", each["model"], {**on_a_cut(data, goal, 60), **differs})


def test_a_first_choice_is_tried_first_and_with_few_good_images_one_that_is_good_with_few() -> None:
    data = facts(train_good=300)
    assert MODELS[candidates(data, "accuracy")[0]["model"]].first_choice
    assert MODELS[candidates(facts(train_good=12), "accuracy")[0]["model"]].good_with_few


@pytest.mark.parametrize(("own", "tested"), [(0, "synthetic"), (3, "both"), (40, "own")])
def test_made_up_defects_are_tested_with_where_there_are_hardly_any_own_ones(own: int, tested: str) -> None:
    assert on_a_cut(facts(test_defective=own), "accuracy", None)["test_defects"] == tested


def test_no_more_good_images_are_learnt_from_than_there_are_and_few_where_few_are_meant() -> None:
    data = facts(train_good=100)
    assert on_a_cut(data, "accuracy", 60)["most_good"] == 60
    assert "most_good" not in on_a_cut(data, "accuracy", 200)
    assert on_a_cut(data, "few_shot", 60)["most_good"] == FEW_SHOT


def test_every_model_has_its_turn_before_one_is_tried_at_a_second_size() -> None:
    models = [each["model"] for each in candidates(facts(train_good=300), "accuracy")]
    assert len(set(models[: len(set(models))])) == len(set(models))
