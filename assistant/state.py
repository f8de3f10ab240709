"""What a conversation remembers, as plain data: the open plan and what it was before, the runs and data sets spoken of, the list that was
shown last, the question back that stands open, and what was done last.

Functions take a state and give the next one; nothing here reads or writes (assistant/chat/memory.py does), and nothing knows a language.
What is meant without its name (*the second one*, *the other one*) is found here, or is not found: then it is asked about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Sort = Literal["run", "dataset", "model", "image"]
Outcome = Literal["done", "asks", "refused", "declined"]

LISTS: Mapping[
    str, tuple[Sort, str]
] = {  # where a tool's result holds a list: of what, and under which name each has its id
    "runs": ("run", "run"),
    "datasets": ("dataset", "dataset"),
    "advised": ("model", "model"),
    "models": ("model", "model"),
    "shown": ("image", "name"),
}
MOST_SPOKEN = 20
MOST_PLANS = 20
MOST_OFFERS = 12
MOST_LISTED = 200
LONGEST_TOLD = 200  # characters of a value that is kept of what a tool told


class Remembered(BaseModel):
    """A part of a state. What an older or newer version stored beside its fields is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True)
class Request:
    """What is asked for: a tool with the arguments that were given for it, or where `tool` is none an intent that needs no tool.

    `of`: what a run that is meant was trained with and on, where that is said and not its id ("how did the oled run do").
    """

    tool: str | None
    arguments: dict[str, Any] = field(default_factory=dict)
    intent: str = ""
    of: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One answer to a question back: what its button says, in the words of a person, and what is then done."""

    says: str
    request: Request


@dataclass(frozen=True)
class Question:
    """A question back. `code` tells why; `asked` is what it was asked about, without its argument `missing`; `named` is a name in its place
    that nobody knows."""

    code: str
    choices: tuple[Choice, ...] = ()
    asked: Request | None = None
    missing: str | None = None
    named: str = ""


class PlanVersion(Remembered):
    """A plan as it was once: what it trains, and the settings that somebody chose."""

    proposal: str
    kind: str
    dataset: str
    model: str
    chosen: dict[str, Any] = {}


class Listed(Remembered):
    """A list that was shown, in its order."""

    sort: Sort
    ids: list[str]


class Act(Remembered):
    """What was done last: a tool with its arguments, or a person's own act, and what of it was told."""

    tool: str
    arguments: dict[str, Any] = {}
    outcome: Outcome = "done"
    told: dict[str, Any] = {}


class State(Remembered):
    """What one conversation remembers.

    `plans`: the open plan last, before it what it was before each of its changes; empty where no plan is open.
    `runs`, `datasets`: spoken of, the latest first.
    `offers`: what was offered beside answers, the latest last: who says exactly that means it.
    """

    plans: list[PlanVersion] = []
    runs: list[str] = []
    datasets: list[str] = []
    listed: Listed | None = None
    question: Question | None = None
    offers: tuple[Choice, ...] = ()
    act: Act | None = None

    @property
    def plan(self) -> PlanVersion | None:
        """The open plan."""
        return self.plans[-1] if self.plans else None

    def told(self) -> dict[str, Any]:
        """What an LLM is shown of it."""
        shown = self.model_dump(exclude={"plans", "question", "offers"}, exclude_defaults=True)
        if self.plan is not None:
            shown |= {"plan": self.plan.model_dump(), "changes_that_can_be_undone": len(self.plans) - 1}
        if self.question is not None:
            shown["open_question"] = {
                "why": self.question.code,
                "choices": [each.says for each in self.question.choices],
            }
        return shown


# ---- taking it forward ----


def after_result(
    state: State, tool: str, arguments: Mapping[str, Any], result: Any, *, outcome: Outcome = "done"
) -> State:
    """A tool returned this."""
    result = result if isinstance(result, Mapping) else {}
    act = Act(tool=tool, arguments=dict(arguments), outcome=outcome, told=_worth_keeping(result))
    named = [arguments, result] if outcome == "done" else [result]
    listed = next((each for key in LISTS if (each := _listed(key, result.get(key))) is not None), None)
    return _changed(
        state,
        act=act,
        runs=_spoken(state.runs, [*_named(named, "runs", "run"), *_only(listed, "run")]),
        datasets=_spoken(state.datasets, [*_named(named, "datasets", "dataset"), *_only(listed, "dataset")]),
        listed=listed or state.listed,
    )


def after_refusal(
    state: State,
    tool: str,
    arguments: Mapping[str, Any],
    *,
    code: str,
    message: str,
    values: Mapping[str, Any],
) -> State:
    """A tool could not do what was asked, for this reason."""
    told = {"code": code, "message": message, **values}
    act = Act(tool=tool, arguments=dict(arguments), outcome="refused", told=told)
    return _changed(state, act=act)


def with_question(state: State, question: Question | None) -> State:
    """This is asked back now; None where the person has spoken and nothing is."""
    return _changed(state, question=question)


def with_offers(state: State, offers: Sequence[Choice]) -> State:
    """This is offered now, beside an answer."""
    said = {each.says for each in offers}
    kept = [each for each in state.offers if each.says not in said]
    return _changed(state, offers=(*kept, *offers)[-MOST_OFFERS:])


def with_run(state: State, run: str) -> State:
    """A run was shown, started or told of."""
    return _changed(state, runs=_spoken(state.runs, [run]))


def with_images(state: State, names: Sequence[str]) -> State:
    """These inspected images were shown last."""
    return _changed(state, listed=Listed(sort="image", ids=[*names][:MOST_LISTED])) if names else state


def with_plan(state: State, plan: PlanVersion) -> State:
    """The open plan is this now. What it was before is kept, so that its last changes can be undone."""
    if state.plan == plan:
        return state
    return _changed(state, plans=[*state.plans, plan][-MOST_PLANS:], datasets=_spoken(state.datasets, [plan.dataset]))


def without_plan(state: State, proposal: str) -> State:
    """The plan was started, declined or forgotten."""
    return _changed(state, plans=[]) if state.plan is not None and state.plan.proposal == proposal else state


def undone(state: State, plan: PlanVersion) -> State:
    """The open plan's last change was undone: it is this again."""
    return _changed(state, plans=[*state.plans[:-2], plan])


def renamed(state: State, old: str, new: str) -> State:
    """A data set has another name now."""
    plans = [each.model_copy(update={"dataset": new}) if each.dataset == old else each for each in state.plans]
    return _changed(state, plans=plans, datasets=[new if each == old else each for each in state.datasets])


# ---- what is meant ----


def last_changed(state: State) -> list[str]:
    """The settings that the open plan's last change chose: "no wait, 256" is about one of them."""
    before = state.plans[-2].chosen if len(state.plans) > 1 else {}
    return [name for name, value in (state.plan.chosen if state.plan else {}).items() if before.get(name) != value]


def is_new(state: State) -> bool:
    """Whether the open plan was made by what was done last, and was not changed since."""
    if state.act is None or state.plan is None or len(state.plans) > 1:
        return False
    return state.act.outcome == "done" and state.act.told.get("new") == state.plan.proposal


class Reference(Remembered):
    """How something is meant without its name.

    nth: of the list that was shown last, from 1; a negative number counts from its end. last: the `number` latest that were spoken of.
    other: of two the one that was not spoken of last.
    """

    how: Literal["nth", "last", "other"]
    number: int = 1


def meant(state: State, reference: Reference, sort: Sort) -> list[str]:
    """The ids of what is meant, of this sort; empty where it cannot be told: then `candidates` are what to ask about."""
    spoken = _of_sort(state, sort)
    listed = state.listed.ids if state.listed is not None and state.listed.sort == sort else []
    match reference.how:
        case "nth":
            at = reference.number - 1 if reference.number > 0 else len(listed) + reference.number
            return [listed[at]] if 0 <= at < len(listed) else []
        case "last":
            return spoken[: reference.number][::-1] if len(spoken) >= reference.number else []
        case "other":
            pair = listed if len(listed) == 2 and (not spoken or spoken[0] in listed) else spoken[:2]
            return [each for each in pair if each != spoken[0]] if len(pair) == 2 and spoken else []


def candidates(state: State, sort: Sort, *, most: int = 4) -> list[str]:
    """What may be meant where it cannot be told: what was listed last, else what was spoken of."""
    listed = state.listed.ids if state.listed is not None and state.listed.sort == sort else []
    return list(listed or _of_sort(state, sort))[:most]


def answered(question: Question | None, said: str, *, nth: int | None = None, yes: bool = False) -> Request | None:
    """What a person chose: by saying what a button says, by its place, or by a yes where there is but one."""
    choices = question.choices if question is not None else ()
    if yes and len(choices) == 1:
        return choices[0].request
    if nth is not None:
        at = nth - 1 if nth > 0 else len(choices) + nth
        return choices[at].request if 0 <= at < len(choices) else None
    return next((each.request for each in choices if is_said(each.says, said)), None)


def offer_taken(state: State, said: str) -> State:
    """The state as it is where a person says what was offered: as the answer to it. Unchanged where nothing offered says that."""
    taken = next((each for each in reversed(state.offers) if is_said(each.says, said)), None)
    return state if taken is None else with_question(state, Question("offered", (taken,)))


def is_said(choice: str, text: str) -> bool:
    """Whether a text says what a button says, and no more."""
    return _plain(choice) == _plain(text)


def completed(question: Question | None, arguments: Mapping[str, Any]) -> Request | None:
    """What was asked for, with the argument that was missing, where that is all that is given now."""
    if question is None or question.asked is None or question.missing is None or {*arguments} != {question.missing}:
        return None
    return replace(question.asked, arguments={**question.asked.arguments, **arguments})


# ---- pieces ----


def _changed(state: State, **changes: Any) -> State:
    return state.model_copy(update=changes)


def _spoken(before: Sequence[str], named: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*reversed(named), *before]))[:MOST_SPOKEN]


def _named(values: Sequence[Mapping[str, Any]], several: str, one: str) -> list[str]:
    """What arguments and a result name, in their order; of a result's lists nothing: they are shown, not spoken of."""
    arguments = values[0] if len(values) > 1 else {}
    members = arguments.get(several)
    named = [str(each) for each in members] if isinstance(members, list) else []
    return [*named, *(each[one] for each in values if isinstance(each.get(one), str))]


def _listed(key: str, value: Any) -> Listed | None:
    if not isinstance(value, list) or not value:
        return None
    sort, name = LISTS[key]
    ids = [each.get(name) if isinstance(each, Mapping) else each for each in value]
    return Listed(sort=sort, ids=ids[:MOST_LISTED]) if all(isinstance(each, str) for each in ids) else None


def _only(listed: Listed | None, sort: Sort) -> list[str]:
    return listed.ids if listed is not None and listed.sort == sort and len(listed.ids) == 1 else []


def _of_sort(state: State, sort: Sort) -> list[str]:
    of_sort: dict[str, list[str]] = {"run": state.runs, "dataset": state.datasets}
    return of_sort.get(sort, [])


def _worth_keeping(result: Mapping[str, Any]) -> dict[str, Any]:
    """Of a result what is short, and the ids of the sentences that tell it."""
    kept = {name: value for name, value in result.items() if _is_short(value)}
    sentences = result.get("sentences")
    if isinstance(sentences, list):
        kept["sentences"] = [each["id"] for each in sentences if isinstance(each, Mapping) and "id" in each]
    return kept


def _is_short(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, bool | int | float)
        or (isinstance(value, str) and len(value) <= LONGEST_TOLD)
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!。！")
