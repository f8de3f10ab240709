"""Two to six runs beside each other: the page, and the facts that its charts and pictures are drawn from."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from assistant.runs.queue import UnknownRun
from assistant.store.tables import RunRow
from assistant.telling.cells import cell, name_of
from assistant.telling.comparisons import verdict_sentences
from assistant.telling.side_by_side import FEWEST, MOST, SideBySide, side_by_side
from assistant.workspace import Workspace
from web.ids import Id
from web.routes.workspace import Drawn, Opened

router = APIRouter()
Asked = Annotated[str, Query(max_length=1000, description="ids with commas between")]
MOST_TOLD = 12  # of ids that are no runs, as the page names them


@router.get("/compare")
async def show_comparison(request: Request, workspace: Opened, renderer: Drawn, runs: Asked = "") -> Response:
    rows, unknown = await _asked(workspace, runs)
    found, language = None, renderer.language(request)
    if FEWEST <= len(rows) <= MOST:
        found = await asyncio.to_thread(side_by_side, rows, workspace.runs.folder_of)
    shown = [row for row in rows if found is None or row.id in {each.run for each in found.runs}]
    verdict = verdict_sentences(found.beside, language) if found is not None and found.beside is not None else []
    return await renderer.page(
        request,
        "compare",
        asked=[row.id for row in rows],
        rows={row.id: row for row in rows},
        unknown=unknown[:MOST_TOLD],
        found=found,
        verdict=[sentence.text for sentence in verdict],
        others=await _others(workspace, shown[:1] or rows[:1], [row.id for row in rows]),
        most=MOST,
        cell=lambda line, value: cell(line, value, language),
        name_of=lambda line: name_of(line, language),
    )


@router.get("/compare/{runs}")
async def open_comparison(runs: Id) -> Response:
    """The address that a conversation links: ids with hyphens between."""
    return RedirectResponse(f"/compare?runs={','.join(runs.split('-'))}", 303)


@router.get("/api/compare")
async def compare_runs(workspace: Opened, runs: Asked) -> dict[str, Any]:
    """What `murascope compare --json` tells; whatever is named must be a run."""
    rows = [await workspace.runs.get(run) for run in _ids(runs)]

    def facts() -> dict[str, Any]:
        found: SideBySide = side_by_side(rows, workspace.runs.folder_of)
        return found.facts()

    return await asyncio.to_thread(facts)


async def _asked(workspace: Workspace, runs: str) -> tuple[list[RunRow], list[str]]:
    """The runs that are named, each once, and what names none."""
    rows: dict[str, RunRow] = {}
    unknown = []
    for name in _ids(runs):
        try:
            row = await workspace.runs.get(name)
        except UnknownRun:
            unknown.append(name)
        else:
            rows[row.id] = row
    return list(rows.values()), unknown


def _ids(runs: str) -> list[str]:
    return [name for name in dict.fromkeys(each.strip() for each in runs.split(",")) if name]


async def _others(workspace: Workspace, like: Sequence[RunRow], taken: Sequence[str]) -> list[RunRow]:
    """Finished runs that can be compared with the first of these; any where there is none, the newest first."""
    finished = await workspace.runs.list(state="succeeded", dataset=like[0].dataset if like else None)
    return [row for row in finished if row.id not in taken and (not like or row.kind == like[0].kind)]
