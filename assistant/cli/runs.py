"""`murascope runs`: trainings, listed, shown, stopped and taken up again."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.common import INVALID, JsonFlag, print_json, settings_here, tell
from prompts.languages import Language

if TYPE_CHECKING:
    from assistant.store.tables import RunRow

app = typer.Typer(help="List, show, stop and continue trainings.", no_args_is_help=True)
Run = Annotated[str, typer.Argument(help="Id, such as r12.")]


@app.command("list")
def runs_list(as_json: JsonFlag = False) -> None:
    """List the trainings, the newest first."""
    asyncio.run(_runs_list(as_json=as_json))


@app.command("show")
def runs_show(
    run: Run,
    language: Annotated[str, typer.Option(help="en, ko or zh.")] = "en",
) -> None:
    """Print the summary of a training."""
    shown: Language = "ko" if language == "ko" else "zh" if language == "zh" else "en"
    raise typer.Exit(asyncio.run(_runs_show(run, shown)))


@app.command("stop")
def runs_stop(run: Run) -> None:
    """Stop a training that waits or runs under a server."""
    raise typer.Exit(asyncio.run(_runs_stop(run)))


@app.command("continue")
def runs_continue(run: Run, as_json: JsonFlag = False) -> None:
    """Take up a failed or stopped training: from its checkpoint where there is one, else from its beginning. Runs here, as train does."""
    from assistant.cli.training import continue_here

    raise typer.Exit(asyncio.run(continue_here(settings_here(), run, as_json=as_json)))


async def _runs_list(*, as_json: bool) -> None:
    from assistant.kinds.summary import headline_of
    from assistant.workspace import Workspace
    from prompts.page_texts import page_texts

    async with Workspace.open(settings_here()) as workspace:
        rows = await workspace.runs.list()
    if as_json:
        print_json([_facts(row) for row in rows])
        return
    for row in rows:
        told = headline_of(row)
        figure = f"\t{page_texts('en')[f'metric.{told[0]}']} {told[1]:.3f}" if told is not None else ""
        elsewhere = "" if workspace.runs.place.has(row) else f"\tin another home, on {row.host or '?'}"
        print(f"{row.id}\t{row.state}\t{row.kind}\t{row.subject} on {row.dataset}{figure}{elsewhere}")
    if not rows:
        tell("no runs yet: murascope train --data NAME")


def _facts(row: "RunRow") -> dict[str, Any]:
    return {
        "run": row.id,
        "status": row.state,
        "task": row.kind,
        "host": row.host,
        "dataset": row.dataset,
        "model": row.subject,
        "metrics": row.metrics or {},
    }


async def _runs_show(run: str, language: Language) -> int:
    from assistant.cli.training import plain
    from assistant.runs.results import NoResults
    from assistant.telling.runs import summary_of
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        row = await workspace.runs.get(run)
        try:
            print(plain(summary_of(row, workspace.runs.folder_of(row), language)))
        except NoResults as error:
            tell(str(error))
            return 1
    return 0


async def _runs_stop(run: str) -> int:
    from assistant.store.tables import ACTIVE
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        before = await workspace.runs.get(run)
        after = await workspace.runs.stop(before.id)
    if before.state not in ACTIVE:
        tell(f"{before.id} has ended already: {before.state}")
        return INVALID
    print(f"{after.id} {'is being stopped' if after.state == 'running' else 'was stopped'}")
    return 0
