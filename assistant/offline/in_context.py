"""What a sentence asks for, given what the conversation remembers: an answer to a question back, the same of something else, once more,
and what is meant without its name. Nothing of another conversation is meant, and what cannot be told is asked about."""

from collections.abc import Sequence
from dataclasses import replace

from assistant.offline.choices import named_choice, unknown_name
from assistant.offline.phrases import Found as Phrase
from assistant.offline.phrases import vocabulary
from assistant.offline.references import (
    find_reference,
    followed,
    is_bare,
    once_more,
    referred,
    says_again,
    says_more,
    says_same,
)
from assistant.offline.requests import Understood
from assistant.offline.runs_meant import KnownRun, under_way, with_run_meant
from assistant.offline.said import Said
from assistant.state import Question, Request, State, answered, completed
from assistant.tools import planner, schema_of, starter, traits
from prompts.languages import Language

YES = ("yes", "go")
ADVISES, TELLS_OF_A_RUN, DURATION, UNDOES, WHICH = (
    "list_models",
    "run_status",
    "duration",
    "undo_change",
    "which_intent",
)
CERTAIN = 0.3  # a lead with which a sentence asks for what it says, whatever plan is open


def in_context(
    heard: Understood,
    said: Said,
    state: State,
    *,
    language: Language,
    runs: Sequence[KnownRun] = (),
    datasets: Sequence[str] = (),
) -> Understood:
    """What was heard, completed from the state and from the `runs` that there are, those that were spoken of first."""
    text = heard.unnamed or said.text
    found = find_reference(text, language)
    nth = found.reference.number if found and found.is_all and found.reference.how == "nth" else None
    whole = (
        answered(state.question, said.text, nth=nth, yes=said.answer in YES)
        or named_choice(state.question, said.text, language=language)
        or completed(state.question, heard.named)
        or (once_more(state) if says_again(text) else None)
        or followed(found, heard.named, state, same=says_same(text))
        or _of_the_plan(heard, state, language=language)
    )
    if isinstance(whole, Request):
        whole = unknown_name([whole], datasets=datasets, language=language) or with_run_meant(whole, runs)
    if whole is not None:
        return Understood((whole,)) if isinstance(whole, Request) else Understood(asks=whole)
    heard = _as_it_can_be(heard, said, state, runs)
    requests: list[Request] = []
    for request in heard.requests:
        request = _of_its_kind(_in_its_time(_advised(request, state), state, runs), heard, state, language=language)
        request = _with_the_other_run(_with_what_was_asked(request, state), state)
        meant = referred(request, found, state) if found else request
        meant = with_run_meant(meant, runs) if isinstance(meant, Request) else meant
        if isinstance(meant, Question):
            return replace(heard, requests=(), asks=meant)
        requests.append(meant)
    return replace(heard, requests=tuple(requests))


def _of_the_plan(heard: Understood, state: State, *, language: Language) -> Request | None:
    """What the open plan shall have, where nothing else is said and it is not plain that something else is asked for."""
    if state.plan is None or (heard.asks is None and heard.margin >= CERTAIN):
        return None
    named = _models_of_its_kind(heard, state, language=language)
    if len(named) != 1:
        return heard.bare
    rest = heard.masked[: named[0].start] + " " + heard.masked[named[0].end :]
    return Request(planner(), {"model": named[0].value}) if is_bare(rest, language, choosing=True) else heard.bare


def _with_what_was_asked(request: Request, state: State) -> Request:
    """A plan that was asked for and lacks something is what its settings are said of meanwhile, until what it lacks is said."""
    asked = state.question.asked if state.question is not None else None
    if asked is None or asked.tool != planner() or request.tool != asked.tool:
        return request
    return replace(request, arguments={**asked.arguments, **request.arguments})


def _with_the_other_run(request: Request, state: State) -> Request:
    """One run is compared with the one that was spoken of last beside it: "is r1 better than that?"."""
    named = request.arguments.get("runs") or []
    other = next((each for each in state.runs if each not in named), None)
    if request.tool is None or "runs" not in schema_of(request.tool) or len(named) != 1 or other is None:
        return request
    return replace(request, arguments={**request.arguments, "runs": [*named, other]})


def _as_it_can_be(heard: Understood, said: Said, state: State, runs: Sequence[KnownRun]) -> Understood:
    """Of what is near to what was said what can be done now, and of that what was done last where it is said to be done once more."""
    if heard.asks is None or heard.asks.code != WHICH:
        return heard
    likely = [each for each in heard.asks.choices if _can_be_done(each.request, state, runs)]
    repeated = [each for each in likely if state.act is not None and each.request.tool == state.act.tool]
    likely = repeated if repeated and says_more(heard.unnamed or said.text) else likely
    if len(likely) == 1:
        return replace(heard, requests=(likely[0].request,), asks=None)
    return replace(heard, asks=replace(heard.asks, choices=tuple(likely))) if likely else heard


def _can_be_done(request: Request, state: State, runs: Sequence[KnownRun]) -> bool:
    """Whether there is what it is done to; what needs nothing can always be done."""
    if request.tool is None or "run" in request.arguments:
        return True
    if request.tool == UNDOES:
        return state.plan is not None
    if traits(request.tool).ends:
        return state.plan is not None or under_way(runs) is not None
    return "run" not in schema_of(request.tool) or bool(runs)


def _of_its_kind(request: Request, heard: Understood, state: State, *, language: Language) -> Request:
    """A change of the open plan with the model that has its name only among plans of that kind."""
    if request.tool != planner() or state.plan is None or {"model", "task", "like"} & request.arguments.keys():
        return request
    named = _models_of_its_kind(heard, state, language=language)
    return replace(request, arguments={**request.arguments, "model": named[0].value}) if len(named) == 1 else request


def _models_of_its_kind(heard: Understood, state: State, *, language: Language) -> Sequence[Phrase]:
    models = vocabulary(language).models_of.get(state.plan.kind) if state.plan is not None else None
    return models.find(heard.masked) if models is not None else []


def _advised(request: Request, state: State) -> Request:
    """Where models were advised last and no plan is open, "let us take that" is the plan for the first of them."""
    listed, act = state.listed, state.act
    is_advice = act is not None and (act.tool, act.outcome) == (ADVISES, "done") and listed and listed.sort == "model"
    if request.tool != starter() or state.plan is not None or not is_advice or listed is None:
        return request
    return Request(planner(), {"model": listed.ids[0]})


def _in_its_time(request: Request, state: State, runs: Sequence[KnownRun]) -> Request:
    """How long it takes: the rest of the run that is under way, where no plan is spoken of."""
    run, act = under_way(runs), state.act
    is_of_the_run = act is not None and run is not None and run.run in (act.told.get("run"), act.arguments.get("run"))
    if request.intent != DURATION or run is None or (state.plan is not None and not is_of_the_run):
        return request
    return Request(TELLS_OF_A_RUN, {"run": run.run})
