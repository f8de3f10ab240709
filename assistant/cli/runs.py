"""`murascope runs`: trainings, listed, shown, written on, stopped and taken up again; `murascope delete`, `restore` and `report`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.common import INVALID, JsonFlag, print_json, settings_here, tell
from assistant.cli.languages import LanguageOption, as_language

if TYPE_CHECKING:
    from assistant.store.tables import RunRow

app = typer.Typer(help="List, show, name, stop and continue trainings.", no_args_is_help=True)
Run = Annotated[str, typer.Argument(help="Id, such as r12.")]


@app.command("list")
def runs_list(
    text: Annotated[str, typer.Option(help="Only those with this in their name, note, tags, data set or model.")] = "",
    tag: Annotated[str, typer.Option(help="Only those with this tag.")] = "",
    state: Annotated[str, typer.Option(help="Only those in this state.")] = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that can be restored.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the trainings, the newest first."""
    asyncio.run(_runs_list(text=text, tag=tag, state=state, deleted=deleted, as_json=as_json))


@app.command("edit")
def runs_edit(
    run: Run,
    name: Annotated[str | None, typer.Option(help="What to call it; empty takes the name away.")] = None,
    note: Annotated[str | None, typer.Option(help="What to remember of it.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Add this tag; may be given several times.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Take this tag away.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a name, a note or tags on a training."""
    asyncio.run(_runs_edit(run, name=name, note=note, tag=tag or [], untag=untag or [], as_json=as_json))


def delete(run: Run, as_json: JsonFlag = False) -> None:
    """Delete a training: it is in no list any more, and its files go after some days."""
    asyncio.run(_delete(run, as_json=as_json))


def restore(run: Run, as_json: JsonFlag = False) -> None:
    """Bring a deleted training back."""
    asyncio.run(_restore(run, as_json=as_json))


@app.command("show")
def runs_show(
    run: Run,
    language: LanguageOption = None,
) -> None:
    """Print the summary of a training."""
    raise typer.Exit(asyncio.run(_runs_show(run, language)))


@app.command("stop")
def runs_stop(run: Run) -> None:
    """Stop a training that waits or runs under a server."""
    raise typer.Exit(asyncio.run(_runs_stop(run)))


@app.command("continue")
def runs_continue(run: Run, as_json: JsonFlag = False) -> None:
    """Take up a failed or stopped training: from its checkpoint where there is one, else from its beginning. Runs here, as train does."""
    from assistant.cli.training import continue_here

    raise typer.Exit(asyncio.run(continue_here(settings_here(), run, as_json=as_json)))


def report(
    run: Run,
    out: Annotated[Path | None, typer.Option(help="Where to write it; default is murascope-RUN.html here.")] = None,
    language: LanguageOption = None,
) -> None:
    """Write the report of a finished training: one HTML file with everything, to be kept, sent or printed."""
    raise typer.Exit(asyncio.run(_report(run, out, language)))


async def _runs_list(*, text: str, tag: str, state: str, deleted: bool, as_json: bool) -> None:
    from assistant.kinds.finding import check_state
    from assistant.runs.labels import is_found
    from assistant.workspace import Workspace

    check_state(state)
    async with Workspace.open(settings_here()) as workspace:
        rows = await (workspace.runs.deleted() if deleted else workspace.runs.list(state=state or None, limit=None))
    rows = [row for row in rows if is_found(row, text) and (not tag or tag.casefold() in map(str.casefold, row.tags))]
    if as_json:
        print_json([_facts(row) for row in rows])
        return
    for row in rows:
        print(_line(row, is_here=workspace.runs.place.has(row)))
    if not rows:
        tell("no runs are like that" if text or tag or state or deleted else "no runs yet: murascope train --data NAME")


def _line(row: "RunRow", *, is_here: bool) -> str:
    from assistant.kinds.summary import headline_of
    from prompts.page_texts import page_texts

    told = headline_of(row)
    figure = f"{page_texts('en')[f'metric.{told[0]}']} {told[1]:.3f}" if told is not None else ""
    elsewhere = "" if is_here else f"in another home, on {row.host or '?'}"
    cells = [
        row.id,
        row.state,
        row.kind,
        f"{row.subject} on {row.dataset}",
        figure,
        row.name,
        " ".join(f"#{tag}" for tag in row.tags),
        elsewhere,
    ]
    return "\t".join(cell for cell in cells if cell)


async def _runs_edit(
    run: str, *, name: str | None, note: str | None, tag: list[str], untag: list[str], as_json: bool
) -> None:
    from assistant.runs.labels import labels
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        row = await workspace.runs.get(run)
        away = {each.casefold() for each in untag}
        tags = [each for each in row.tags if each.casefold() not in away] + tag if tag or untag else None
        row = await workspace.runs.write(row.id, **labels(name=name, note=note, tags=tags))
    if as_json:
        print_json(_facts(row))
        return
    print(_line(row, is_here=True))
    if row.note:
        print(row.note)


async def _delete(run: str, *, as_json: bool) -> None:
    from assistant.runs import deleting
    from assistant.workspace import Workspace

    settings = settings_here()
    async with Workspace.open(settings) as workspace:
        row = await deleting.delete(workspace.runs, await workspace.runs.get(run, also_deleted=True))
    if as_json:
        print_json(_facts(row))
        return
    print(
        f"{row.id} was deleted; within {settings.keep_deleted_days:g} days it comes back with: murascope restore {row.id}"
    )


async def _restore(run: str, *, as_json: bool) -> None:
    from assistant.runs import deleting
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        row = await deleting.restore(workspace.runs, await workspace.runs.get(run, also_deleted=True))
    print_json(_facts(row)) if as_json else print(f"{row.id} is back")


def _facts(row: "RunRow") -> dict[str, Any]:
    return {
        "run": row.id,
        "name": row.name,
        "note": row.note,
        "tags": row.tags,
        "status": row.state,
        "task": row.kind,
        "host": row.host,
        "dataset": row.dataset,
        "model": row.subject,
        "metrics": row.metrics or {},
    }


async def _runs_show(run: str, language: str | None) -> int:
    from assistant.cli.training import plain
    from assistant.runs.results import NoResults
    from assistant.runs.same_data import on_the_same_data
    from assistant.telling.runs import sentences_of_run, summary_of
    from assistant.workspace import Workspace

    settings = settings_here()
    spoken = as_language(language, settings)
    async with Workspace.open(settings) as workspace:
        row = await workspace.runs.get(run)
        try:
            folder, others = workspace.runs.folder_of(row), await on_the_same_data(workspace.runs, row)
            print(plain(summary_of(row.kind, sentences_of_run(row, folder, spoken, others), spoken).text))
        except NoResults as error:
            tell(str(error))
            return 1
    return 0


async def _report(run: str, out: Path | None, language: str | None) -> int:
    from assistant.reports import name_of, report_of
    from assistant.runs.results import NoResults
    from assistant.workspace import Workspace

    settings = settings_here()
    async with Workspace.open(settings) as workspace:
        row = await workspace.runs.get(run)
        try:
            html = await report_of(settings, workspace.runs, row, as_language(language, settings))
        except NoResults as error:
            tell(str(error))
            return 1
    target = out or Path(name_of(row))
    target.write_text(html, encoding="utf-8")
    print(target)
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
    if after.state == "stopped":
        print(f"{after.id} was stopped")
    elif after.state in ACTIVE and after.stop_requested:
        print(f"{after.id} is being stopped")
    else:
        tell(f"{after.id} had ended before the stop arrived")
        return INVALID
    return 0
