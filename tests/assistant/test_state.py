"""What a conversation remembers: taken forward step by step, and what is meant without its name."""

from typing import Any

import pytest

from assistant.state import (
    Choice,
    PlanVersion,
    Question,
    Reference,
    Request,
    Sort,
    State,
    after_refusal,
    after_result,
    answered,
    candidates,
    completed,
    meant,
    renamed,
    undone,
    with_plan,
    with_question,
    with_run,
    without_plan,
)

THREE_RUNS = {"runs": [{"run": "r7"}, {"run": "r5"}, {"run": "r2"}]}
WHICH = Question(
    "which_dataset",
    tuple(Choice(name, Request("propose_training", {"model": "padim", "dataset": name})) for name in ("oled", "tiles")),
    asked=Request("propose_training", {"model": "padim"}),
    missing="dataset",
)


def version(chosen: dict[str, Any], *, proposal: str = "p1", dataset: str = "oled") -> PlanVersion:
    return PlanVersion(proposal=proposal, kind="detect", dataset=dataset, model="padim", chosen=chosen)


def listed(result: dict[str, Any]) -> State:
    return after_result(State(), "list_runs", {}, result)


def test_the_latest_spoken_of_comes_first() -> None:
    state = State()
    for run in ("r1", "r2", "r1"):
        state = after_result(state, "run_status", {"run": run}, {"run": run, "dataset": f"of_{run}"})
    assert (state.runs, state.datasets) == (["r1", "r2"], ["of_r1", "of_r2"])


def test_a_run_that_was_refused_was_not_spoken_of() -> None:
    state = after_refusal(
        State(), "run_status", {"run": "r9"}, code="unknown_run", message="no r9", values={"run": "r9"}
    )
    assert state.runs == []
    assert state.act is not None
    assert (state.act.outcome, state.act.told["code"]) == ("refused", "unknown_run")


def test_what_is_listed_is_not_spoken_of_unless_it_is_one() -> None:
    assert listed(THREE_RUNS).runs == []
    assert listed({"runs": [{"run": "r2"}]}).runs == ["r2"]


def test_compared_runs_are_spoken_of_and_can_be_counted() -> None:
    state = after_result(State(), "compare_runs", {"runs": ["r2", "r5"]}, {"runs": ["r2", "r5"]})
    assert state.runs == ["r5", "r2"]
    assert meant(state, Reference(how="nth", number=2), "run") == ["r5"]
    assert meant(state, Reference(how="other"), "run") == ["r2"]


@pytest.mark.parametrize(("number", "run"), [(1, "r7"), (2, "r5"), (-1, "r2"), (4, None), (-4, None)])
def test_an_ordinal_counts_in_the_list_that_was_shown_last(number: int, run: str | None) -> None:
    assert meant(listed(THREE_RUNS), Reference(how="nth", number=number), "run") == ([run] if run else [])


@pytest.mark.parametrize("sort", ["dataset", "model", "image"])
def test_an_ordinal_never_counts_in_a_list_of_something_else(sort: Sort) -> None:
    assert meant(listed(THREE_RUNS), Reference(how="nth", number=1), sort) == []


def test_of_three_the_other_one_is_asked_about() -> None:
    state = with_run(listed(THREE_RUNS), "r7")
    assert meant(state, Reference(how="other"), "run") == []
    assert candidates(state, "run") == ["r7", "r5", "r2"]


def test_the_last_two_are_those_spoken_of_last_in_their_order() -> None:
    state = with_run(with_run(with_run(State(), "r1"), "r2"), "r3")
    assert meant(state, Reference(how="last", number=2), "run") == ["r2", "r3"]
    assert meant(state, Reference(how="last", number=4), "run") == []


def test_the_plan_is_kept_as_it_was_before_each_change_and_undone_step_by_step() -> None:
    state = State()
    for chosen in ({}, {"batch_size": 8}, {"batch_size": 8}, {"batch_size": 4}):
        state = with_plan(state, version(chosen))
    assert [each.chosen for each in state.plans] == [{}, {"batch_size": 8}, {"batch_size": 4}]
    assert undone(state, version({"batch_size": 8})).plans == state.plans[:2]
    assert undone(state.model_copy(update={"plans": []}), version({})).plans == [version({})]


def test_a_plan_that_was_decided_is_open_no_more_and_another_stays() -> None:
    state = with_plan(State(), version({}))
    assert without_plan(state, "p2") == state
    assert without_plan(state, "p1").plan is None


def test_a_renamed_data_set_is_known_by_its_new_name() -> None:
    state = renamed(with_plan(State(), version({})), "oled", "panels")
    assert state.plan is not None
    assert (state.plan.dataset, state.datasets) == ("panels", ["panels"])


@pytest.mark.parametrize(
    ("said", "nth", "yes", "dataset"),
    [
        ("Tiles.", None, False, "tiles"),
        ("the first", 1, False, "oled"),
        ("the last", -1, False, "tiles"),
        ("the third", 3, False, None),
        ("yes", None, True, None),  # which of two?
        ("bottles", None, False, None),
    ],
)
def test_a_choice_is_said_counted_or_not_made(said: str, nth: int | None, yes: bool, dataset: str | None) -> None:
    chosen = answered(WHICH, said, nth=nth, yes=yes)
    assert (chosen.arguments["dataset"] if chosen else None) == dataset


def test_a_yes_takes_the_only_choice() -> None:
    only = Question("which_dataset", WHICH.choices[:1])
    assert answered(only, "yes", yes=True) == WHICH.choices[0].request


def test_what_was_missing_completes_what_was_asked_and_nothing_else_does() -> None:
    assert completed(WHICH, {"dataset": "bottles"}) == Request(
        "propose_training", {"model": "padim", "dataset": "bottles"}
    )
    assert completed(WHICH, {"dataset": "bottles", "model": "stfpm"}) is None
    assert completed(None, {"dataset": "bottles"}) is None


def test_it_is_plain_data_and_an_older_version_of_it_is_read() -> None:
    refused = after_refusal(State(), "x", {}, code="c", message="m", values={})
    state = with_plan(with_question(refused, WHICH), version({}))
    stored = state.model_dump(mode="json")
    assert State.model_validate(stored) == state
    assert State.model_validate({"runs": ["r1"], "once_known": 1}).runs == ["r1"]


def test_an_llm_is_shown_the_plan_and_the_open_question() -> None:
    state = with_plan(with_plan(State(question=WHICH), version({})), version({"batch_size": 8}))
    told = state.told()
    assert (told["plan"]["chosen"], told["changes_that_can_be_undone"]) == ({"batch_size": 8}, 1)
    assert told["open_question"]["choices"] == ["oled", "tiles"]
    assert State().told() == {}
