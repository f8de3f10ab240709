"""Which run is meant by what it was trained with and on: "how did the oled run do", 三号线那次的结果."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistant.state import Choice, Question, Request
from assistant.tools import traits

ACTIVE = ("queued", "running")
MOST = 4


@dataclass(frozen=True)
class KnownRun:
    """A run as far as a person names it. `spoken`: this conversation spoke of it."""

    run: str
    dataset: str
    model: str
    state: str
    spoken: bool


def with_run_meant(request: Request, runs: Sequence[KnownRun]) -> Request | Question:
    """The request with the run that is meant: the latest spoken of that fits, else the only one there is. Where several fit, or none does,
    it is asked about."""
    if not request.of or request.tool is None or "run" in request.arguments:
        return request
    fitting = [each for each in runs if all(getattr(each, name) == value for name, value in request.of.items())]
    rather = traits(request.tool).rather
    meant = (
        [each for each in fitting if each.spoken and each.state in rather]
        or [each for each in fitting if each.spoken]
        or [each for each in fitting if each.state in rather]
        or fitting
    )
    if meant and (meant[0].spoken or len(meant) == 1):
        return _of(request, meant[0])
    if meant:
        return _which("which_one", request, meant)
    named = ", ".join(map(str, request.of.values()))
    return _which("no_run_of", request, [each for each in runs if each.spoken or each.state in rather], named=named)


def under_way(runs: Sequence[KnownRun]) -> KnownRun | None:
    """The run that this conversation spoke of last of those that are not at their end."""
    return next((each for each in runs if each.spoken and each.state in ACTIVE), None)


def _which(code: str, request: Request, among: Sequence[KnownRun], *, named: str = "") -> Question:
    choices = tuple(Choice(each.run, _of(request, each)) for each in among[:MOST])
    return Question(code, choices, asked=replace(request, of={}), missing="run", named=named)


def _of(request: Request, run: KnownRun) -> Request:
    return replace(request, arguments={**request.arguments, "run": run.run}, of={})
