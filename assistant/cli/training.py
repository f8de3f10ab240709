"""`murascope train`, `extend` and `adapt`: one training without a server, told line by line on stderr, with one JSON object at the end if wanted."""

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assistant.cli.common import INVALID, print_json, tell, who
from assistant.data.left_out import lines_of_left_out
from assistant.kinds import kind_of
from assistant.kinds.summary import run_facts
from assistant.models.registry import Version, valid_name
from assistant.plans.launching import launch_unstored
from assistant.plans.plan import Plan, plan_on
from assistant.refused import Refused
from assistant.runs.continuing import latest_of, rest_in
from assistant.runs.queue import Becomes
from assistant.runs.same_data import on_the_same_data
from assistant.runs.took import took
from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.telling.runs import Others, sentences_of_run, summary_of
from assistant.workspace import Workspace
from engine.contract.events import DamagedLog, Epoch, Event, Finished, Fitting, Stage, Warned, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Problem, SpecError, flat_settings
from prompts.durations import duration

EXIT_CODES = {"succeeded": 0, "failed": 1, "stopped": 3}


async def train_here(
    settings: Settings,
    data: str,
    changes: Sequence[str],
    *,
    kind: str,
    model: str | None,
    confirmed: Callable[[], bool],
    as_json: bool,
    register: str | None = None,
) -> int:
    """Plan, ask, run, register where a name is given, and tell the outcome. Returns the exit code: 0 succeeded, 1 failed, 2 not started, 3 stopped."""
    async with Workspace.open(settings) as workspace:
        try:
            register = None if register is None else valid_name(register)
            facts = await workspace.datasets.facts_of(data)
            chosen = read_changes(changes)
            like = kind_of(kind).like_of(chosen)
            model = model or ((await workspace.runs.get(like)).subject if like else kind_of(kind).default_model)
            plan = await plan_on(settings, workspace.runs, facts, kind=kind, model=model, chosen=chosen)
        except SpecError as error:
            return refuse([problem.message for problem in error.problems], as_json=as_json)
        except Refused as error:
            return refuse([str(error)], as_json=as_json)
        _tell_plan(plan)
        if not confirmed():
            return refuse(["not started: say --yes, or answer y in a terminal"], as_json=as_json)
        row = await launch_unstored(workspace.runs, plan, who=who(), name=register)
        return await _run_to_its_end(workspace, row, as_json=as_json)


async def extend_here(
    settings: Settings,
    reference: str,
    data: str,
    changes: Sequence[str],
    *,
    confirmed: Callable[[], bool],
    as_json: bool,
    register: str | None,
) -> int:
    """`train_here` of a model that keeps the memory of the one that `reference` means, and extends it. Where that is a registered model the
    result is registered under its name, unless another is given."""
    async with Workspace.open(settings) as workspace:
        try:
            before = await workspace.predictions.resolve(reference)
            waiting = (
                (await workspace.models.registry.get(before.model)).with_alias("candidate") if before.model else None
            )
        except Refused as error:
            return refuse([str(error)], as_json=as_json)
    if waiting is not None and waiting.row.version != before.version:
        number = waiting.row.version
        tell(
            f"{before.label} is extended; what the candidate, version {number}, has learnt is not in it (murascope extend {before.model}@{number})"
        )
    return await train_here(
        settings,
        data,
        [*changes, f"learns_on={before.run}"],
        kind=before.kind,
        model=None,
        confirmed=confirmed,
        as_json=as_json,
        register=register or before.model,
    )


async def adapt_here(
    settings: Settings, name: str, *, promote: bool, confirmed: Callable[[], bool], as_json: bool
) -> int:
    """One step of adaptive mode (assistant/models/adapting.py): extend the champion by what it judged good without doubt, register the result, and
    promote it where that is asked for and nothing gives pause. Returns what `train_here` does."""
    async with Workspace.open(settings) as workspace:
        try:
            made = await workspace.models.make_line_data(name)
        except Refused as error:
            return refuse([str(error)], as_json=as_json)
    tell(f"{made.pictures} pictures of the line are the data set {made.dataset}, by which {made.run} is extended")
    code = await extend_here(settings, made.run, made.dataset, [], confirmed=confirmed, as_json=as_json, register=name)
    async with Workspace.open(settings) as workspace:
        if code == INVALID:  # nothing was started
            await workspace.datasets.remove(made.dataset)
        if code != EXIT_CODES["succeeded"]:
            return code
        versions = (await workspace.models.registry.get(name)).versions
        version = next((each.row.version for each in versions if each.facts.dataset == made.dataset), None)
        if version is None:  # why was told
            return EXIT_CODES["failed"]
        if not promote:
            return code
        try:
            await workspace.models.promote(name, version, who=f"{who()}, adaptive mode")
        except Refused as error:
            tell(f"it waits as the candidate: {error}")
            return code
    tell(f"version {version} of {name} is the champion now; murascope rollback {name} takes it back")
    return code


async def continue_here(settings: Settings, run: str, *, as_json: bool) -> int:
    """Continue a run that ended without a result, and tell the outcome. Returns what `train_here` does."""
    async with Workspace.open(settings) as workspace:
        try:
            row = await latest_of(workspace.runs, await workspace.runs.get(run))
            row = await workspace.continue_run(row.id)
        except Refused as error:
            return refuse([str(error)], as_json=as_json)
        tell(f"{row.id} takes the place of {row.continues}")
        return await _run_to_its_end(workspace, row, as_json=as_json)


async def _run_to_its_end(workspace: Workspace, row: RunRow, *, as_json: bool) -> int:
    wanted, registered = Becomes.of(row), None
    row = await _run(workspace, row.id)
    if wanted is not None and row.state == "succeeded":
        try:
            registered = await workspace.models.register_ended(row.id, wanted)
        except Refused as error:
            tell(f"it is not registered: {error}; murascope register {row.id} --name NAME does so")
    folder, others = workspace.runs.folder_of(row), await on_the_same_data(workspace.runs, row)
    await asyncio.to_thread(_print_outcome, row, folder, others, as_json=as_json, registered=registered)
    return EXIT_CODES[row.state]


def read_changes(changes: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` pairs; a value is JSON where it can be read as such, else text."""
    read: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name.strip():
            raise SpecError([Problem("", f"--set takes NAME=VALUE, such as image_size=256, not {change!r}")])
        try:
            read[name.strip()] = json.loads(value)
        except ValueError:
            read[name.strip()] = value
    return read


async def _run(workspace: Workspace, run: str) -> RunRow:
    """Start the run, tell its progress, and hand Ctrl+C and SIGTERM on as a clean stop."""
    stopping: list[asyncio.Future[RunRow]] = []

    def stop() -> None:
        stopping.append(asyncio.ensure_future(workspace.runs.stop(run)))

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    if await workspace.runs.paused_since() is not None:
        tell(
            "the queue is paused: the training starts when it is resumed (POST /api/queue/resume), or Ctrl+C gives it up"
        )
    if not workspace.executor((await workspace.runs.get(run)).executor).shares_disk:
        tell(f"it reports to {workspace.settings.reached_at}: murascope serve must answer there, with this home")
    telling = asyncio.create_task(_tell_events(workspace, run))
    row = await workspace.supervisor.run_one(run)
    telling.cancel()
    with contextlib.suppress(asyncio.CancelledError, DamagedLog):
        await telling
    await asyncio.gather(*stopping)
    return row


async def _tell_events(workspace: Workspace, run: str) -> None:
    async for event in workspace.runs.follow(run):
        if (line := _line(event)) is not None:
            tell(line)


def _line(event: Event) -> str | None:
    """One event as a line of progress; None for those that are too many."""
    match event:
        case Stage():
            return event.name
        case Warned():
            return f"warning: {event.message}"
        case Epoch():
            validation = f", validation {event.val_loss:.5g}" if event.val_loss is not None else ""
            return f"  epoch {event.epoch}/{event.epochs}: loss {event.loss:.5g}{validation}"
        case Fitting() if event.done == event.total:
            return f"  {event.what}: {event.done}"
        case _:
            return None


def _tell_plan(plan: Plan) -> None:
    spec, basis = plan.spec, plan.estimate.basis
    tell(kind_of(spec.kind).in_short(spec, plan.facts))
    for name, reason in plan.because.items():
        tell(f"{name.replace('_', ' ')} {flat_settings(spec)[name]}, {reason.message}")
    rests_on = f"from {basis} earlier run{'s' if basis > 1 else ''}" if basis else "a first guess"
    tell(f"expected: about {duration(plan.estimate.seconds)} ({rests_on})")
    for notice in plan.notices:
        tell(f"note: {notice.message}")
    for line in lines_of_left_out(plan.facts.left_out):
        tell(line)


def _print_outcome(
    row: RunRow, folder: Path, others: Others, *, as_json: bool, registered: Version | None = None
) -> None:
    if registered is not None and not as_json:
        tell(f"registered as {registered.reference}, the candidate: murascope promote {registered.row.model}")
    if as_json:
        print_json(_outcome(row, folder) | ({} if registered is None else {"model": _model(registered)}))
    elif row.state == "succeeded":
        print(plain(summary_of(row.kind, sentences_of_run(row, folder, "en", others), "en").text))
        tell(f"heatmaps and scores: {RunFolder(folder).evaluation.path}")
    else:
        tell(f"{row.id} {row.state}: {row.reason}" + (f"; {row.hint}" if row.hint else ""))
        tell(f"its log: {RunFolder(folder).log}")
        rest = rest_in(folder, row)
        how = "from its beginning" if rest.after_epoch is None else f"after epoch {rest.after_epoch} of {rest.epochs}"
        tell(f"to take it up again, {how}: murascope runs continue {row.id}")


def _outcome(row: RunRow, folder: Path) -> dict[str, Any]:
    """What a script wants to know, with what makes a figure worth less: random weights, few images, warnings."""
    events, kind = read_events(folder), kind_of(row.kind)
    last = events[-1]
    metrics = {
        name: int(value) if name in kind.counted and value is not None else value
        for name, value in (row.metrics or {}).items()
    }
    outcome: dict[str, Any] = {"run": row.id, "status": row.state, "folder": str(folder), "metrics": metrics}
    stages = last.seconds if isinstance(last, Finished) else {}
    outcome["seconds"] = {**stages, "total": took(row, folder)}
    outcome["warnings"] = [
        {"code": event.code, "message": event.message} for event in events if isinstance(event, Warned)
    ]
    if row.state == "succeeded":
        facts = run_facts(row, folder)
        return outcome | {name: facts[name] for name in kind.told_to_scripts}
    return outcome | {"reason": row.reason, "hint": row.hint}


def _model(version: Version) -> dict[str, Any]:
    return {"name": version.row.model, "version": version.row.version, "alias": version.alias}


def plain(markdown: str) -> str:
    """Our own Markdown without its marks, for a terminal."""
    return re.sub(r"\*+([^*\s](?:[^*]*[^*\s])?)\*+", r"\1", markdown)


def refuse(problems: list[str], *, as_json: bool) -> int:
    if as_json:
        print_json({"run": None, "status": "invalid", "problems": problems})
    for problem in problems:
        tell(problem)
    return INVALID
