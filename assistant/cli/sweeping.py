"""`murascope sweep` and `murascope recommend`: one group of runs without a server, told line by line on stderr, with one JSON object at the end if wanted."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from assistant.cli.common import print_json, tell
from assistant.cli.training import plain, read_changes, refuse
from assistant.groups.recommending import Goal, plan_recommendation
from assistant.groups.told import TrialTold, group_told
from assistant.kinds import DEFAULT_KIND, kind_of, kind_of_model
from assistant.plans.launching import begin
from assistant.plans.plan import Plan, plan_on
from assistant.plans.trials import plan_group
from assistant.plans.tuning import tuned
from assistant.refused import Refused
from assistant.settings import Settings
from assistant.store.tables import ENDED, GroupRow
from assistant.telling.groups import words_of_group
from assistant.workspace import Workspace
from engine.contract.jobs import Problem, SpecError
from prompts.durations import duration
from prompts.figures import counted

LOOK_SECONDS = 0.5
FAILED, STOPPED = 1, 3  # as the exit codes of murascope train


async def sweep_here(
    settings: Settings,
    data: str,
    over: str,
    changes: Sequence[str],
    *,
    model: str | None,
    minutes: float | None,
    confirmed: Callable[[], bool],
    as_json: bool,
) -> int:
    """Plan, ask, run, and tell which is best. Returns the exit code: 0 one has a result, 1 none has, 2 not started, 3 stopped."""

    async def planned(workspace: Workspace) -> Plan:
        return await _planned(workspace, data, over, changes, model=model, minutes=minutes)

    return await _group_here(settings, planned, confirmed=confirmed, as_json=as_json)


async def recommend_here(
    settings: Settings, data: str, *, goal: Goal, minutes: float, confirmed: Callable[[], bool], as_json: bool
) -> int:
    """The same of a recommendation by trial."""

    async def planned(workspace: Workspace) -> Plan:
        facts = await workspace.datasets.facts_of(data)
        return await plan_recommendation(
            workspace.settings, workspace.datasets, workspace.runs, facts, goal=goal, minutes=minutes
        )

    return await _group_here(settings, planned, confirmed=confirmed, as_json=as_json)


async def _group_here(
    settings: Settings,
    planned: Callable[[Workspace], Awaitable[Plan]],
    *,
    confirmed: Callable[[], bool],
    as_json: bool,
) -> int:
    async with Workspace.open(settings) as workspace:
        try:
            plan = await planned(workspace)
        except SpecError as error:
            return refuse([problem.message for problem in error.problems], as_json=as_json)
        except Refused as error:
            return refuse([str(error)], as_json=as_json)
        _tell_plan(plan)
        if not confirmed():
            return refuse(["not started: say --yes, or answer y in a terminal"], as_json=as_json)
        assert plan.approved is not None
        return await to_its_end(workspace, await begin(workspace.groups, plan.approved), as_json=as_json)


async def to_its_end(workspace: Workspace, group: GroupRow, *, as_json: bool) -> int:
    """Go on with a group here until it has its end, and tell of it."""
    shown: set[int] = set()
    async with workspace.working(), _stopping(workspace, group.id):
        while True:
            group = await workspace.groups.get(group.id)
            told = await group_told(workspace.runs, group)
            for trial in told.trials:
                if trial.state in ENDED and trial.number not in shown:
                    shown.add(trial.number)
                    tell(_line(trial, told.total))
            if group.ended is not None:
                break
            await asyncio.sleep(LOOK_SECONDS)
    if as_json:
        print_json(told.model_dump(mode="json"))
    else:
        print(plain(await words_of_group(workspace.runs, told, "en")))
    if told.state == "stopped":
        return STOPPED
    return 0 if any(trial.state == "succeeded" for trial in told.trials) else FAILED


async def _planned(
    workspace: Workspace,
    data: str,
    over: str,
    changes: Sequence[str],
    *,
    model: str | None,
    minutes: float | None,
) -> Plan:
    facts, chosen = await workspace.datasets.facts_of(data), read_changes(changes)
    model = model or kind_of(DEFAULT_KIND).default_model
    kind = kind_of_model(model) or DEFAULT_KIND
    setting, names_values, listed = over.partition("=")
    values = [each.strip() for each in listed.split(",") if each.strip()]
    if names_values and not values:
        message = f"--over {over!r} names no value; possible: {setting}=VALUE,VALUE,... or {setting} alone, for some that are sensible"
        raise SpecError([Problem(setting, message)])
    base = await plan_on(workspace.settings, workspace.runs, facts, kind=kind, model=model, chosen=chosen)
    group = tuned(base, setting.strip(), values, minutes)
    return await plan_group(
        workspace.settings,
        workspace.datasets,
        workspace.runs,
        group,
        kind=kind,
        dataset=facts.dataset,
        model=model,
        chosen=chosen,
        facts=facts,
    )


@asynccontextmanager
async def _stopping(workspace: Workspace, group: str) -> AsyncIterator[None]:
    """Ctrl+C and SIGTERM stop the group cleanly while the context is open."""
    loop, asked = asyncio.get_running_loop(), set[asyncio.Future[GroupRow]]()

    def stop() -> None:
        asked.add(asyncio.ensure_future(workspace.groups.stop(group)))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await asyncio.gather(*asked)


def _tell_plan(plan: Plan) -> None:
    tell(kind_of(plan.spec.kind).in_short(plan.spec, plan.facts))
    for trial in plan.trials:
        what = ", ".join(f"{name} {value}" for name, value in trial.differs.items())
        if trial.left_out is not None:
            tell(f"  {what}: left out: {trial.left_out.message}")
        elif trial.seconds is not None:
            tell(f"  {what}: about {duration(trial.seconds)}")
    group = plan.group
    assert group is not None
    for name, span in group.search.items():
        tell(f"  {name} between {span.low:g} and {span.high:g}, at most {counted(group.most, 'training')}")
    tell(f"expected: about {duration(plan.estimate.seconds)} in all")
    for notice in plan.notices:
        tell(f"note: {notice.message}")


def _line(trial: TrialTold, total: int) -> str:
    what = ", ".join(f"{name} {value}" for name, value in trial.differs.items())
    head = f"{trial.number}/{total} {trial.run}: {what}"
    figures = trial.figures
    if figures is None:
        why = {"worse": "ended early, it learnt worse than the others", "budget": "stopped, the minutes are over"}
        return f"{head}: {trial.state}: {why.get(trial.cut or '', trial.reason or '')}"
    parts = []
    if figures.worst is not None:
        parts.append(f"worst type {figures.worst:.3f} ({figures.worst_of})")
    if figures.mean is not None:
        parts.append(f"all types {figures.mean:.3f}")
    if figures.missed is not None:
        parts.append(f"missed {figures.missed[0]}/{figures.missed[1]}")
    if figures.overkill is not None:
        parts.append(f"overkill {figures.overkill[0]}/{figures.overkill[1]}")
    return f"{head}: {', '.join(parts)}"
