"""`murascope queue`: what runs and what waits here, paused and resumed, and which training goes next. A server on the same home follows."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.common import JsonFlag, print_json, settings_here, tell

if TYPE_CHECKING:
    from assistant.store.tables import RunRow
    from assistant.workspace import Workspace

app = typer.Typer(help="List the queue of trainings, pause it, resume it, and say which goes next.")
Run = Annotated[str, typer.Argument(help="Id of a training that waits, such as r12.")]


@app.callback(invoke_without_command=True)
def queue(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List what runs and what waits in this home, in the order in which it will start."""
    if context.invoked_subcommand is None:
        asyncio.run(_queue(as_json=as_json))


@app.command("pause")
def queue_pause(as_json: JsonFlag = False) -> None:
    """Let nothing new start until the queue is resumed; what runs goes on."""
    asyncio.run(_queue(as_json=as_json, paused=True))


@app.command("resume")
def queue_resume(as_json: JsonFlag = False) -> None:
    """Let what waits start again."""
    asyncio.run(_queue(as_json=as_json, paused=False))


@app.command("first")
def queue_first(run: Run, as_json: JsonFlag = False) -> None:
    """Let a training that waits start before all the others that wait."""
    asyncio.run(_queue(as_json=as_json, first=run))


async def _queue(*, as_json: bool, paused: bool | None = None, first: str | None = None) -> None:
    """Change what is asked for, and tell the queue as it is then.

    Raises:
        UnknownRun, WaitsNoMore: there is no such run to put first.
    """
    from assistant.runs.queue import WaitsNoMore
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        if paused is not None:
            await (workspace.runs.pause() if paused else workspace.runs.resume())
        if first is not None:
            row = await workspace.runs.get(first)
            if await workspace.runs.put_first(row.id) is None:
                raise WaitsNoMore(row.id)
        told = await _facts(workspace)
    print_json(told) if as_json else _print(told)


async def _facts(workspace: "Workspace") -> dict[str, Any]:
    since = await workspace.runs.paused_since()
    devices = {each.run: each.device for each in await workspace.runs.placed()}
    return {
        "paused_since": since.isoformat() if since else None,
        "slots": workspace.settings.slots,
        "devices": list(await workspace.runs.devices()),
        "running": [{**_run(row), "device": devices.get(row.id)} for row in await workspace.runs.running()],
        "waiting": [
            {**_run(row), "position": position, "priority": row.priority}
            for position, row in enumerate(await workspace.runs.waiting(), 1)
        ],
    }


def _run(row: "RunRow") -> dict[str, Any]:
    return {"run": row.id, "name": row.name, "task": row.kind, "model": row.subject, "dataset": row.dataset}


def _print(told: dict[str, Any]) -> None:
    from assistant.runs.devices import name_of_gpu

    for where, runs in (("running", told["running"]), ("waiting", told["waiting"])):
        for each in runs:
            place = f"{where} {each['position']}" if "position" in each else where
            of = f"{each['model']} on {each['dataset']}"
            cells = [each["run"], place, each["task"], of, each["name"], name_of_gpu(each.get("device"))]
            print("\t".join(cell for cell in cells if cell))
    if told["paused_since"]:
        tell(
            f"paused since {told['paused_since'][:16].replace('T', ' ')} UTC: nothing new starts; murascope queue resume lets it go on"
        )
    elif not told["running"] and not told["waiting"]:
        tell("nothing runs and nothing waits")
