"""What a sentence asks for in a conversation: what can be done there, and which of the choices is meant."""

import pytest

from assistant.offline.choices import named_choice
from assistant.offline.in_context import in_context
from assistant.offline.references import asks_why
from assistant.offline.requests import Understood
from assistant.offline.runs_meant import KnownRun
from assistant.offline.said import Said, read
from assistant.offline.understand import understand
from assistant.state import Choice, PlanVersion, Question, Request, State, after_result, with_plan
from prompts.languages import Language

NAMES = ("bottles_old", "bottles_new", "panel_line3", "panel_line4")
WHICH = Question("which_dataset", tuple(Choice(name, Request("propose_training", {"dataset": name})) for name in NAMES))
NEAR = Understood(
    asks=Question("which_intent", tuple(Choice(tool, Request(tool)) for tool in ("undo_change", "start_training")))
)
PLAN = PlanVersion(proposal="p1", kind="classify", dataset="oled", model="mobilenet")


def heard(understood: Understood, text: str, state: State, *runs: KnownRun) -> Understood:
    return in_context(understood, Said(text, "en", False, None), state, language="en", runs=runs)


@pytest.mark.parametrize(
    ("text", "language", "name"),
    [
        ("the old ones", "en", "bottles_old"),
        ("line three please", "en", "panel_line3"),
        ("3호 라인으로", "ko", "panel_line3"),
        ("用三号线", "zh", "panel_line3"),
    ],
)
def test_a_choice_is_made_by_the_part_of_its_name_that_no_other_has(text: str, language: Language, name: str) -> None:
    chosen = named_choice(WHICH, text, language=language)
    assert chosen == Request("propose_training", {"dataset": name})


@pytest.mark.parametrize("text", ["the bottles", "what is in line three?", "delete the old ones", "3"])
def test_what_says_more_or_less_than_one_choice_makes_none(text: str) -> None:
    assert named_choice(WHICH, text, language="en") is None


def test_of_near_requests_only_what_can_be_done_is_asked_about() -> None:
    assert heard(NEAR, "do it then", State()).requests == (Request("start_training"),)
    open_plan = with_plan(State(), PLAN)
    assert heard(NEAR, "do it then", open_plan).asks is not None


def test_of_near_requests_the_one_that_was_done_last_is_done_once_more() -> None:
    state = after_result(with_plan(State(), PLAN), "undo_change", {}, {"proposal": "p1"})
    assert heard(NEAR, "do that again then", state).requests == (Request("undo_change"),)


def test_a_name_that_only_plans_of_a_kind_have_is_the_model_of_such_a_plan() -> None:
    change = Understood((Request("propose_training"),), masked="let's use vit instead", margin=2.0)
    assert heard(change, "let's use vit instead", with_plan(State(), PLAN)).requests == (
        Request("propose_training", {"model": "vit"}),
    )


def test_a_model_that_was_advised_first_is_taken_where_it_is_said_to_start() -> None:
    advised = after_result(State(), "list_models", {}, {"advised": ["draem", "padim"]})
    start = Understood((Request("start_training"),))
    assert heard(start, "let us do it", advised).requests == (Request("propose_training", {"model": "draem"}),)


def test_nobody_else_s_run_is_meant_where_it_is_asked_how_long_it_takes() -> None:
    duration = Understood((Request(None, {}, "duration"),))
    stranger = KnownRun("r9", "oled", "padim", "running", spoken=False)
    assert heard(duration, "how long", State(), stranger).requests == duration.requests


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("why?", "bare"),
        ("왜?", "bare"),
        ("为什么？", "bare"),
        ("why these settings", "of a plan"),
        ("왜 이렇게 설정했어", "of a plan"),
        ("为什么这么设置", "of a plan"),
        ("why does it miss so many", "of something"),
        ("왜 이렇게 많이 놓쳤어", "of something"),
        ("how good is it", None),
    ],
)
def test_of_what_a_reason_is_asked_for(text: str, of: str | None) -> None:
    assert asks_why(text) == of


@pytest.mark.parametrize("text", ["show me the heatmaps of second-shift", "second-shift 히트맵 보여줘"])
def test_a_word_in_a_name_is_no_place_in_a_list(text: str) -> None:
    listed = after_result(State(), "list_runs", {}, {"runs": [{"run": "r9"}, {"run": "r8"}]})
    runs = [
        KnownRun("r9", "oled", "padim", "succeeded", spoken=True),
        KnownRun("r7", "second-shift", "padim", "succeeded", spoken=False),
    ]
    said = read(text, otherwise="en")
    understood = understand(text, datasets=["oled", "second-shift"], language=said.language)
    meant = in_context(understood, said, listed, language=said.language, runs=runs, datasets=["oled", "second-shift"])
    assert [request.arguments.get("run") for request in meant.requests] == ["r7"]


def test_one_run_is_compared_with_the_one_spoken_of_last_beside_it() -> None:
    state = after_result(State(), "summarize_results", {"run": "r4"}, {"run": "r4"})
    one = Understood((Request("compare_runs", {"runs": ["r1"]}),), margin=2.0)
    assert heard(one, "is r1 better than that?", state).requests == (Request("compare_runs", {"runs": ["r1", "r4"]}),)
