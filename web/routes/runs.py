"""Runs: list, page, state, results, files, what is written on them, stop, continue, duplicate, delete, restore."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from assistant.kinds import kind_of
from assistant.kinds.finding import PAGE, Asked, Found
from assistant.kinds.summary import title_of
from assistant.reports import name_of, report_of, settings_of
from assistant.runs import deleting, results
from assistant.runs.continuing import Rest, what_is_left, what_is_left_of
from assistant.runs.labels import labels
from assistant.runs.space import Space
from assistant.runs.standing import standing_of
from assistant.runs.took import took
from assistant.store.tables import RunRow
from assistant.tools.wording import wording
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from web.ids import Id
from web.kept import kept
from web.routes.queue import queue_told
from web.routes.workspace import Drawn, Opened
from web.run_log import Line, Told, What, tell_log, whole_log

router = APIRouter()
Wanted = Annotated[Asked, Depends()]
First = Annotated[int, Query(ge=0, le=10_000_000)]
Most = Annotated[int, Query(ge=1, le=1000)]
Index = Annotated[int, Path(ge=0, le=999_999)]


@router.get("/runs")
async def list_runs(request: Request, workspace: Opened, renderer: Drawn, asked: Wanted) -> Response:
    """The first of those that the address asks for; js/runs.js asks for more of them, and for others."""
    found, choices = await workspace.find_runs(asked), await workspace.finder.choices()
    deleted = [row for row in await workspace.runs.deleted() if workspace.runs.place.has(row)]
    return await renderer.page(
        request,
        "runs",
        found=found,
        choices=choices,
        deleted=deleted,
        keep_days=workspace.settings.keep_deleted_days,
        queue=await queue_told(workspace),
        **await _rows(workspace, found, choices.kinds),
    )


@router.get("/runs/rows")
async def more_runs(
    request: Request, workspace: Opened, renderer: Drawn, asked: Wanted, first: First = 0
) -> dict[str, Any]:
    """Rows of the list from this one on, drawn, with how many runs fit and how many there are."""
    found, choices = await workspace.find_runs(asked, first=first), await workspace.finder.choices()
    rows = await _rows(workspace, found, choices.kinds)
    html = renderer.part(renderer.language(request), "run_rows", **rows)
    return {"html": html, "count": found.count, "total": found.total}


async def _rows(workspace: Workspace, found: Found, kinds: list[str]) -> dict[str, Any]:
    """What the rows of some runs are drawn from."""
    left = await what_is_left_of(workspace.runs, found.runs)
    return {
        "runs": found.runs,
        "one_kind": len(kinds) == 1,
        "again": {run: next_of(each) for run, each in left.items()},
        "settings_of": settings_of,
        "trouble": workspace.supervisor.trouble,
        "unkept": workspace.keeper.trouble,
        "is_here": workspace.runs.place.has,
    }


@router.get("/runs/{run}")
async def show_run(request: Request, run: Id, workspace: Opened, renderer: Drawn) -> Response:
    row = await workspace.runs.get(run)
    return await renderer.page(
        request,
        "run",
        run=row,
        trouble=workspace.supervisor.trouble,
        unkept=workspace.keeper.trouble,
        is_here=workspace.runs.place.has,
    )


@router.get("/runs/{run}/report.html")
async def report(request: Request, run: Id, workspace: Opened, renderer: Drawn) -> Response:
    """One file that tells everything of a finished run, to be kept; in the language of the page."""
    row = await workspace.runs.get(run)
    html = await report_of(workspace.settings, workspace.runs, row, renderer.language(request))
    kept_as = {"content-disposition": f'attachment; filename="{name_of(row)}"', "cache-control": "no-store"}
    return HTMLResponse(html, headers=kept_as)


@router.get("/runs/{run}/view")
async def view_run(request: Request, run: Id, workspace: Opened, renderer: Drawn) -> Response:
    """The inside of the run panel, the same as on the run's page."""
    row = await workspace.runs.get(run)
    return HTMLResponse(
        renderer.part(
            renderer.language(request),
            "run_view",
            run=row,
            trouble=workspace.supervisor.trouble,
            unkept=workspace.keeper.trouble,
            is_here=workspace.runs.place.has,
        ),
        headers={"cache-control": "no-store"},
    )


@router.get("/api/runs")
async def describe_runs(
    response: Response, workspace: Opened, asked: Wanted, first: First = 0, most: Most = 2 * PAGE
) -> list[dict[str, Any]]:
    """At most so many of those that are asked for, from this one on; the newest first, unless `sort` says otherwise. How many fit stands in the
    header `x-total-count`. `state` is one of a run, or `active`: those that wait and those that run, all of them."""
    if asked.state == "active":
        return [describe(row, workspace) for row in await workspace.runs.active()]
    found = await workspace.find_runs(asked, first=first, most=most)
    response.headers["x-total-count"] = str(found.count)
    return [describe(row, workspace) for row in found.runs]


@router.get("/api/runs/space")
async def room_of_runs(workspace: Opened) -> Space:
    """How much room the files of this home's runs take, each and all, and what is free."""
    return await workspace.space()


@router.get("/api/runs/{run}")
async def describe_run(run: Id, workspace: Opened) -> dict[str, Any]:
    """With how it stands: attempts, place in the queue, what it waits for (assistant/runs/standing.py)."""
    row = await workspace.runs.get(run)
    standing = await standing_of(workspace.runs, workspace.attempts, row)
    return {
        **describe(row, workspace),
        **await what_comes_next(row, workspace),
        "waits_for": standing.ahead,
        "standing": asdict(standing),
    }


@router.get("/api/runs/{run}/results")
async def run_results(run: Id, workspace: Opened) -> dict[str, Any]:
    """The figures as they stand in the run's folder, and one entry for each inspected image."""
    row = await workspace.runs.get(run)
    return await asyncio.to_thread(kind_of(row.kind).results, row, workspace.runs.folder_of(row))


@router.get("/api/runs/{run}/log")
async def run_log(
    request: Request,
    run: Id,
    workspace: Opened,
    renderer: Drawn,
    what: What = "steps",
    at: Annotated[int | None, Query(ge=0)] = None,
) -> Told:
    """The newest lines of a run's log, or those that came since the answer whose `end` is `at`."""
    row = await workspace.runs.get(run)
    folder = RunFolder(workspace.runs.folder_of(row))
    words = wording(renderer.language(request))
    told = await asyncio.to_thread(tell_log, workspace, folder, words, what, at)
    if what == "printed" and told.end == 0 and not told.lines:  # an executor elsewhere may have what never came here
        return Told([Line(line) for line in await workspace.printed_elsewhere(row)], 0, anew=True, left_out=False)
    return told


@router.get("/runs/{run}/whole-log")
async def whole_run_log(request: Request, run: Id, workspace: Opened, renderer: Drawn) -> Response:
    """All of a run's log, to be kept; in the language of the page."""
    row = await workspace.runs.get(run)
    text = whole_log(workspace, RunFolder(workspace.runs.folder_of(row)), wording(renderer.language(request)))
    kept_as = {"content-disposition": f'attachment; filename="murascope-{row.id}-log.txt"', "cache-control": "no-store"}
    return StreamingResponse(text, media_type="text/plain; charset=utf-8", headers=kept_as)


class Written(BaseModel):
    """What is written on a run; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    note: str | None = None
    tags: list[str] | None = None


@router.patch("/api/runs/{run}")
async def write_on_run(run: Id, written: Written, workspace: Opened) -> dict[str, Any]:
    row = await workspace.runs.get(run)
    return describe(await workspace.runs.write(row.id, **labels(**written.model_dump())), workspace)


@router.delete("/api/runs/{run}")
async def delete_run(run: Id, workspace: Opened) -> dict[str, Any]:
    """Out of all lists at once; `restore` brings it back for some days."""
    row = await workspace.runs.get(run, also_deleted=True)
    return describe(await deleting.delete(workspace.runs, row), workspace)


@router.post("/api/runs/{run}/restore")
async def restore_run(run: Id, workspace: Opened) -> dict[str, Any]:
    row = await workspace.runs.get(run, also_deleted=True)
    return describe(await deleting.restore(workspace.runs, row), workspace)


class Where(BaseModel):
    """The conversation in which a plan is shown; none: the run's own, else a new one."""

    model_config = ConfigDict(extra="forbid")
    conversation: str | None = None


@router.post("/api/runs/{run}/duplicate")
async def duplicate_run(request: Request, run: Id, where: Where, workspace: Opened, renderer: Drawn) -> dict[str, str]:
    """A plan with the settings of this run, open for changes; nothing starts. The conversation that shows it."""
    conversation, plan = await workspace.duplicate_run(run, where.conversation, renderer.language(request))
    return {"conversation": conversation, "proposal": plan.id}


@router.post("/api/runs/{run}/stop")
async def stop_run(run: Id, workspace: Opened) -> dict[str, Any]:
    return describe(await workspace.runs.stop((await workspace.runs.get(run)).id), workspace)


@router.post("/api/runs/{run}/continue")
async def continue_run(run: Id, workspace: Opened) -> dict[str, Any]:
    """A person's own yes to continuing a run; the run that continues it. However often it is pressed, there is one."""
    return describe(await workspace.continue_run(run), workspace)


@router.get("/runs/{run}/files/{what}/{index}")
async def run_file(request: Request, run: Id, what: str, index: Index, workspace: Opened) -> Response:
    """One picture of the evaluation; which sorts there are is a matter of its kind of run."""
    row = await workspace.runs.get(run)
    evaluation = await asyncio.to_thread(results.evaluation_of, row, workspace.runs.folder_of(row))
    path = evaluation.picture(what, index)
    if what not in kind_of(row.kind).pictures or not await asyncio.to_thread(path.is_file):
        raise HTTPException(404, f"run {run} has no {what} picture {index}")
    return await asyncio.to_thread(kept, request, path)


def next_of(left: str | Rest | None) -> dict[str, Any]:
    return {
        "continued_as": left if isinstance(left, str) else None,
        "rest": asdict(left) if isinstance(left, Rest) else None,
    }


async def what_comes_next(row: RunRow, workspace: Workspace) -> dict[str, Any]:
    """The run that took this one's place, or what would be left for one to do."""
    next_row, rest = await workspace.runs.continuation(row.id), await what_is_left(workspace.runs, row)
    return {"continued_as": next_row.id if next_row else None, "rest": asdict(rest) if rest else None}


def describe(row: RunRow, workspace: Workspace) -> dict[str, Any]:
    """A run as the page needs it: its plan, its state, what it waits for (such as room on the disk), and how it ended."""
    trouble = workspace.supervisor.trouble(row.id)
    moments = {
        name: value.isoformat() if (value := getattr(row, name)) else None
        for name in ("created_at", "started_at", "finished_at")
    }
    return {
        "id": row.id,
        "name": row.name,
        "note": row.note,
        "tags": row.tags,
        "deleted_at": row.deleted_at.isoformat() if row.deleted_at else None,
        "state": row.state,
        "executor": row.executor,
        "host": row.host,
        "elsewhere": not workspace.runs.place.has(row),
        "dataset": row.dataset,
        "kind": row.kind,
        "model": row.subject,
        "model_title": title_of(row),
        "spec": row.spec,
        "conversation": row.conversation,
        "metrics": row.metrics,
        "reason": row.reason,
        "hint": row.hint,
        "stop_requested": row.stop_requested,
        "continues": row.continues,
        "waits": asdict(trouble) if trouble else None,
        "took_s": took(row),
        **moments,
    }
