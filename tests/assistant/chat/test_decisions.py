"""A bare word answers what was asked last, a plan only when it was the last thing shown, and of two open questions none by itself."""

from typing import Any

import pytest

from assistant.chat.decisions import Standing, decide, standing
from assistant.frames import AssistantItem, ChoicesItem, ConfirmItem, Estimate, Item, ProposalItem, UserItem
from tests.data_facts import stored_facts

PLAN = ProposalItem(
    proposal="p1", revision=1, dataset="oled", dataset_facts=stored_facts(), model="patchcore", model_title="PatchCore", settings=[], notices=[], estimate=Estimate(seconds=30, basis=0)
)  # fmt: skip
STOP = ConfirmItem(call="c1", action="stop_run", values={"run": "r1"})
ASKED = {"c0": "start_training"}


def at(*items: Item, waits_for: dict[str, str] = ASKED, talks: bool = True) -> Standing:
    numbered = [(f"answer-{number}", number, item) for number, item in enumerate(items, 1)]
    return standing(numbered, waits_for=waits_for, talks=talks)


@pytest.mark.parametrize(("said", "decision"), [("yes", "approve"), ("approve", "approve"), ("no", "decline"), ("wait", "keep_plan"), ("unclear", "ask_again")])  # fmt: skip
def test_a_plan_that_was_just_shown_is_what_a_word_means(said: Any, decision: str) -> None:
    assert decide(said, at(UserItem(text="train it"), PLAN, AssistantItem(text="Here is the plan."))) == decision


@pytest.mark.parametrize(("said", "decision"), [("yes", "tell_plan"), ("no", "tell_plan"), ("wait", "keep_plan"), ("approve", "approve")])  # fmt: skip
def test_a_plan_from_before_is_asked_about_first(said: Any, decision: str) -> None:
    items = (UserItem(text="train it"), PLAN, UserItem(text="what is AUROC"), AssistantItem(text="A measure."))
    assert decide(said, at(*items, waits_for={}, talks=False)) == decision


def test_a_yes_belongs_to_the_words_that_asked_while_the_plan_is_not_asked_about() -> None:
    items = (UserItem(text="train it"), PLAN, AssistantItem(text="Done.\n\nShall I explain AUROC?"))
    assert decide("yes", at(*items, waits_for={})) == "pass_on"
    assert decide("go", at(*items, waits_for={})) == "pass_on"
    assert decide("yes", at(*items)) == "ask_which"
    assert decide("yes", at(*items, talks=False)) == "approve"


@pytest.mark.parametrize(
    "question",
    ["설명해 드릴까요?", "要我解释一下吗？", "**Shall I** explain *AUROC*? It is quick.", "Shall I explain AUROC first?\n\nJust say so.", "Would you like me to explain AUROC first.", "설명해 드릴까요", "要不要我先解释一下 AUROC。", "Explain AUROC first⸮"],
)  # fmt: skip
def test_a_question_in_any_language_with_or_without_its_mark_is_one(question: str) -> None:
    items = (UserItem(text="hi"), PLAN, AssistantItem(text=question))
    assert decide("yes", at(*items)) == "ask_which"
    assert decide("yes", at(*items, waits_for={})) == "pass_on"


def test_what_was_withheld_may_have_been_a_question() -> None:
    items = (UserItem(text="hi"), PLAN, AssistantItem(text="A sentence was left out.", withheld=True))
    assert decide("yes", at(*items)) == "ask_which"


def test_words_of_an_llm_beside_a_plan_that_it_does_not_ask_about_take_the_yes() -> None:
    items = (UserItem(text="hi"), PLAN, AssistantItem(text="I can explain AUROC first; tell me if I should."))
    assert decide("yes", at(*items, waits_for={})) == "pass_on"


def test_our_own_words_about_the_plan_are_no_question_of_an_llm() -> None:
    items = [("u", 1, UserItem(text="and then?")), ("said-1", 2, AssistantItem(text="Shall it start?")), ("p", 3, PLAN)]
    assert decide("yes", standing(items, waits_for={}, talks=True)) == "approve"


@pytest.mark.parametrize(("said", "decision"), [("yes", "ask_which"), ("approve", "approve"), ("no", "no_to_question"), ("wait", "keep_question")])  # fmt: skip
def test_where_a_plan_and_a_question_stand_open_a_yes_is_asked_about(said: Any, decision: str) -> None:
    items = (UserItem(text="train it"), PLAN, UserItem(text="stop r1"), STOP)
    assert decide(said, at(*items, waits_for={"c1": "stop_run"})) == decision


def test_a_question_alone_is_answered_by_a_yes_and_one_nobody_waits_for_by_none() -> None:
    assert decide("yes", at(UserItem(text="stop"), STOP, waits_for={"c1": "stop_run"})) == "yes_to_question"
    assert decide("yes", at(UserItem(text="stop"), STOP, waits_for={})) == "pass_on"


@pytest.mark.parametrize(("said", "decision"), [("yes", "yes_to_question"), ("go", "keep_question"), ("approve", "keep_question"), ("unclear", "keep_question")])  # fmt: skip
def test_only_a_yes_proper_stops_a_run(said: Any, decision: str) -> None:
    assert decide(said, at(UserItem(text="stop"), STOP, waits_for={"c1": "stop_run"})) == decision


def test_a_yes_to_what_an_llm_asks_beside_the_question_stops_nothing() -> None:
    beside = Standing(questions=[STOP], spoken=True, asked_in_words=True, talks=True)
    assert [decide(said, beside) for said in ("yes", "no")] == ["keep_question", "no_to_question"]


def test_continuing_is_answered_by_go_ahead() -> None:
    continuing = STOP.model_copy(update={"action": "continue_run", "ends": False})
    assert (
        decide("go", at(UserItem(text="retry r1"), continuing, waits_for={"c1": "continue_run"})) == "yes_to_question"
    )


def test_of_two_questions_on_cards_of_their_own_a_yes_takes_none() -> None:
    other = STOP.model_copy(update={"call": "c2", "values": {"run": "r2"}})
    two = at(UserItem(text="stop both"), STOP, other, waits_for={"c1": "stop_run", "c2": "stop_run"})
    assert [decide(said, two) for said in ("yes", "no", "go")] == ["keep_question"] * 3


def test_a_question_in_return_goes_to_an_llm_and_is_answered_by_us_without_one() -> None:
    items = (UserItem(text="train it"), PLAN)
    assert decide("question", at(*items, talks=True)) == "pass_on"
    assert decide("question", at(*items, talks=False)) == "tell_plan"


@pytest.mark.parametrize(("said", "decision"), [("yes", "reopen"), ("no", "pass_on"), ("question", "pass_on")])
def test_only_a_yes_right_after_a_no_reopens_the_declined_plan(said: Any, decision: str) -> None:
    declined = PLAN.model_copy(update={"state": "declined"})
    assert decide(said, at(UserItem(text="no"), declined, waits_for={})) == decision
    assert decide(said, at(declined, UserItem(text="hello"), waits_for={})) == "pass_on"


@pytest.mark.parametrize(("said", "of_one", "of_two"), [("yes", "pass_on", "ask_choice"), ("no", "drop_choice", "drop_choice"), ("unclear", "ask_choice", "ask_choice"), ("approve", "approve", "approve")])  # fmt: skip
def test_a_question_back_was_asked_last_and_a_yes_takes_its_only_answer(said: Any, of_one: str, of_two: str) -> None:
    for choices, decision in ((["oled"], of_one), (["oled", "tiles"], of_two)):
        items = (UserItem(text="train it"), PLAN, UserItem(text="on oldd"), ChoicesItem(choices=choices))
        assert decide(said, at(*items, talks=False)) == decision


def test_what_is_offered_beside_an_answer_is_no_question_and_takes_no_bare_word() -> None:
    offered = ChoicesItem(choices=["Compare r1, r2"], offered=True)
    assert decide("yes", at(UserItem(text="train it"), PLAN, offered, talks=False)) == "approve"
    assert decide("yes", at(UserItem(text="how did it do"), offered, waits_for={}, talks=False)) == "pass_on"


def test_a_question_back_that_is_settled_is_none() -> None:
    items = (UserItem(text="train it"), ChoicesItem(choices=["oled"], state="settled"), PLAN)
    assert decide("yes", at(*items)) == "approve"


def test_a_question_after_something_else_was_told_is_not_about_the_plan() -> None:
    items = (UserItem(text="train it"), PLAN, UserItem(text="how did r1 do"), AssistantItem(text="r1 missed 2."))
    assert decide("question", at(*items, waits_for={}, talks=False)) == "pass_on"
    assert decide("question", at(*items[:2], talks=False)) == "tell_plan"
