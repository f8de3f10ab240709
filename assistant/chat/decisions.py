"""Which question a bare word answers: the one that was asked last, and a plan only when it was the last thing shown.

Decided over plain facts, apart from the conversation that carries it out. A word that could mean two questions is asked about.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.frames import AssistantItem, ChoicesItem, ConfirmItem, Item, ProposalItem, UserItem
from assistant.offline.answers import Answer, is_question
from assistant.tools import starter

Decision = Literal[
    "approve",  # the plan starts
    "decline",
    "yes_to_question",  # of a card of its own, such as whether to stop a run
    "no_to_question",
    "reopen",  # the plan that was just declined is open again
    "ask_which",  # two questions stand open
    "tell_plan",  # the plan waits, and how it is approved
    "keep_plan",  # not yet: the plan stays open
    "keep_question",
    "ask_again",  # neither a yes nor a no
    "ask_choice",  # several answers are offered, and a yes takes none
    "drop_choice",  # none of them: nothing is done
    "pass_on",  # to the agent, like anything else that is said
]

LLM_WORDS = "answer-"  # how the keys of an LLM's words begin; what we say ourselves asks only about the plan


@dataclass(frozen=True)
class Standing:
    """What stands open when a person says something.

    Args:
        plan: the open plan's card.
        plan_is_last: it was shown or changed after the person's latest message.
        plan_is_asked: the agent waits for its yes.
        questions: the open questions on cards of their own, the latest first.
        choices: what the buttons of a question back say, where one is open: it was asked last, for whatever is said settles it.
        spoken: an LLM said something after the person's latest message.
        asked_in_words: it asks something itself there, or something that we withheld.
        declined: the card of a plan that was declined after the person's latest message.
        talks: an LLM is there, to which a question in return can be passed on.
    """

    plan: ProposalItem | None = None
    plan_is_last: bool = False
    plan_is_asked: bool = False
    questions: Sequence[ConfirmItem] = ()
    choices: Sequence[str] = ()
    spoken: bool = False
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
    words = [
        item
        for key, revision, item in items
        if isinstance(item, AssistantItem) and revision > said and talks and key.startswith(LLM_WORDS)
    ]
    asked_back = [
        item for _, _, item in items if isinstance(item, ChoicesItem) and item.state == "open" and not item.offered
    ]
    return Standing(
        choices=asked_back[-1].choices if asked_back else (),
        plan=plan[1] if plan else None,
        plan_is_last=plan is not None and plan[0] > said,
        plan_is_asked=starter() in waits_for.values(),
        questions=[each for each in reversed(questions) if each.call in waits_for],
        spoken=bool(words),
        asked_in_words=any(item.withheld or _asks(item.text) for item in words),
        declined=declined[-1] if declined and plan is None else None,
        talks=talks,
    )


def decide(said: Answer, at: Standing) -> Decision:
    """What a bare word does."""
    if at.choices and said != "approve":
        return _to_choice(said, at)
    if at.questions:
        return _to_question(said, at)
    if at.plan is not None:
        return _to_plan(said, at)
    return "reopen" if at.declined is not None and said in ("yes", "go", "approve") else "pass_on"


def _to_choice(said: Answer, at: Standing) -> Decision:
    """A yes takes the only answer that is offered, a no none."""
    if at.talks or said == "question" or (said in ("yes", "go") and len(at.choices) == 1):
        return "pass_on"
    return "drop_choice" if said in ("no", "wait") else "ask_choice"


def _to_question(said: Answer, at: Standing) -> Decision:
    """Only a yes proper does what is asked: "go ahead" and "great" mean the opposite of a stop, but just what continuing is. Where an LLM
    asks something itself beside the card, a yes may be meant for that, so it is asked for again."""
    is_meant = said == "yes" or (said == "go" and not at.questions[0].ends)
    if said == "approve" and at.plan is not None:
        return "approve"
    if said == "question" and at.talks:
        return "pass_on"
    if is_meant and at.plan is not None:
        return "ask_which"
    if len(at.questions) > 1 or not (is_meant or said == "no") or (is_meant and at.asked_in_words):
        return "keep_question"
    return "yes_to_question" if is_meant else "no_to_question"


def _to_plan(said: Answer, at: Standing) -> Decision:
    is_yes = said in ("yes", "go")
    if at.spoken and said != "approve" and (at.asked_in_words or (is_yes and not at.plan_is_asked)):
        return "ask_which" if at.plan_is_asked and is_yes else "pass_on"  # the words of an LLM are its own question
    match said:
        case "approve":
            return "approve"
        case "yes" | "go":
            return "approve" if at.plan_is_last else "tell_plan"
        case "no":
            return "decline" if at.plan_is_last else "tell_plan"
        case "wait":
            return "keep_plan"
        case "unclear":
            return "ask_again"
        case "question":
            is_of_the_plan = at.plan_is_last  # else "is that good?" is about what came after
            return "tell_plan" if is_of_the_plan and not at.talks else "pass_on"


def _asks(text: str) -> bool:
    """Whether any sentence asks, in whatever language and with or without its mark."""
    return any(is_question(sentence) for sentence in re.split(r"(?<=[.!?。！？;；\n])\s*", text) if sentence.strip())
