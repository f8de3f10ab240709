"""Which question a bare word answers: the one that was asked last, and a plan only when it was the last thing shown.

Decided over plain facts, apart from the conversation that carries it out. A word that could mean two questions is asked about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.frames import AssistantItem, ConfirmItem, Item, ProposalItem, UserItem
from assistant.offline.answers import Answer

Decision = Literal[
    "approve",  # the plan starts
    "decline",
    "yes_to_question",  # of a card of its own, such as whether to stop a run
    "no_to_question",
    "take_up",  # the plan that was just declined is open again
    "ask_which",  # two questions stand open
    "tell_plan",  # the plan waits, and how it is approved
    "keep_plan",  # not yet: the plan stays open
    "keep_question",
    "ask_again",  # neither a yes nor a no
    "pass_on",  # to the agent, like anything else that is said
]


@dataclass(frozen=True)
class Standing:
    """What stands open when a person says something.

    Args:
        plan: the open plan's card.
        plan_is_last: it was shown or changed after the person's latest message.
        plan_is_asked: the agent waits for its yes.
        question: the open question on a card of its own.
        asked_in_words: an LLM's latest words ask something themselves.
        declined: the card of a plan that was declined after the person's latest message.
        talks: an LLM is there, to which a question in return can be passed on.
    """

    plan: ProposalItem | None = None
    plan_is_last: bool = False
    plan_is_asked: bool = False
    question: ConfirmItem | None = None
    asked_in_words: bool = False
    declined: ProposalItem | None = None
    talks: bool = False


def standing(items: Sequence[tuple[str, int, Item]], *, waits_for: Mapping[str, str], talks: bool) -> Standing:
    """What stands open in a conversation, given its items in order with their revisions.

    `waits_for`: the calls that the agent waits to be answered, tool by call id.
    """
    said = max((revision for _, revision, item in items if isinstance(item, UserItem)), default=0)
    plans = [(revision, item) for _, revision, item in items if isinstance(item, ProposalItem)]
    plan = max((each for each in plans if each[1].state == "open"), key=lambda each: each[0], default=None)
    declined = [item for revision, item in plans if item.state == "declined" and revision > said]
    questions = [item for _, _, item in items if isinstance(item, ConfirmItem) and item.state == "open"]
    words = [item.text for _, revision, item in items if isinstance(item, AssistantItem) and revision > said]
    return Standing(
        plan=plan[1] if plan else None,
        plan_is_last=plan is not None and plan[0] > said,
        plan_is_asked="start_training" in waits_for.values(),
        question=next((each for each in reversed(questions) if each.call in waits_for), None),
        asked_in_words=talks and bool(words) and _asks(words[-1]),
        declined=declined[-1] if declined and plan is None else None,
        talks=talks,
    )


def decide(said: Answer, at: Standing) -> Decision:
    """What a bare word does."""
    if at.question is not None:
        return _to_question(said, at)
    if at.plan is not None:
        return _to_plan(said, at)
    return "take_up" if at.declined is not None and said in ("yes", "approve") else "pass_on"


def _to_question(said: Answer, at: Standing) -> Decision:
    match said:
        case "approve" if at.plan is not None:
            return "approve"
        case "yes" if at.plan is None:
            return "yes_to_question"
        case "yes" | "approve":
            return "ask_which"
        case "no":
            return "no_to_question"
        case "wait" | "unclear":
            return "keep_question"
        case "question":
            return "pass_on" if at.talks else "keep_question"


def _to_plan(said: Answer, at: Standing) -> Decision:
    if at.asked_in_words and said != "approve":
        return "ask_which" if at.plan_is_asked and said == "yes" else "pass_on"
    match said:
        case "approve":
            return "approve"
        case "yes":
            return "approve" if at.plan_is_last else "tell_plan"
        case "no":
            return "decline" if at.plan_is_last else "tell_plan"
        case "wait":
            return "keep_plan"
        case "unclear":
            return "ask_again"
        case "question":
            return "pass_on" if at.talks else "tell_plan"


def _asks(text: str) -> bool:
    """Whether the last paragraph holds a question."""
    last = text.strip().splitlines()[-1] if text.strip() else ""
    return any(mark in last for mark in "?？")
