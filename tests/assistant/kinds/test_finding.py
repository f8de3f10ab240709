"""Runs found, sorted and counted by the database: the same on SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assistant.kinds.finding import Asked, Finder, NoSuchColumn, NoSuchState
from assistant.runs.labels import labels
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.jobs import make_job

pytestmark = pytest.mark.anyio

MADE = (  # model, data set, image size, AUROC, name, tags
    ("padim", "panels", 64, 0.7, "Line 3", ["야간"]),
    ("padim", "panels", 256, 0.9, "ÉTÉ 100%", ["Night", "x"]),
    ("reverse_distillation", "tiles", 128, None, "", []),
    ("padim", "tiles", 96, 0.8, "line_3", ["night"]),
)


@pytest.fixture
async def workspace(tmp_path: Path, database_url: str) -> AsyncIterator[Workspace]:
    """r1 to r4; the third has failed, without a figure."""
    async with Workspace.open(Settings(home=tmp_path / "home", database=database_url, hub="off")) as workspace:
        for number, (model, dataset, size, auroc, name, tags) in enumerate(MADE, 1):
            row = await workspace.runs.add(make_job("detect", dataset, model, {"image_size": size}), data_path="/data")
            await workspace.runs.write(row.id, **labels(name=name, tags=tags))
            await workspace.runs.claim_one(row.id)
            state = "failed" if auroc is None else "succeeded"
            metrics = None if auroc is None else {"image_auroc": auroc, "missed": float(number)}
            await workspace.runs.end(row.id, state, metrics=metrics, worked_s=10.0 / number)
        yield workspace


@pytest.fixture
def finder(workspace: Workspace) -> Finder:
    return workspace.finder


async def ids(finder: Finder, **asked: str) -> list[str]:
    found = await finder.page(Asked(**asked))
    assert found.count == len(found.runs)
    return [row.id for row in found.runs]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "r4 r3 r2 r1"),
        ({"q": "LINE 3"}, "r4 r1"),
        ({"q": "100%"}, "r2"),
        ({"q": "_"}, "r4 r3"),
        ({"q": "reverse distillation"}, "r3"),
        ({"q": "야간 padim"}, "r1"),
        ({"q": "night"}, "r4 r2"),
        ({"tag": "NIGHT"}, "r4 r2"),
        ({"tag": "nigh"}, ""),
        ({"state": "failed"}, "r3"),
        ({"dataset": "tiles", "model": "padim"}, "r4"),
    ],
)
async def test_what_is_asked_for_is_found_among_all_runs(finder: Finder, asked: dict[str, str], found: str) -> None:
    assert await ids(finder, **asked) == found.split()


async def test_letters_beyond_english_are_found_however_they_are_written(workspace: Workspace) -> None:
    if workspace.database.engine.dialect.name != "sqlite":
        pytest.skip("which letters belong together is a matter of how that server was set up")
    assert await ids(workspace.finder, q="été") == ["r2"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("run", "r1 r2 r3 r4"),
        ("-result", "r2 r4 r1 r3"),
        ("result", "r1 r4 r2 r3"),
        ("-missed", "r4 r2 r1 r3"),
        ("setting.image_size", "r1 r4 r3 r2"),
        ("-setting.image_size", "r2 r3 r4 r1"),
        ("model", "r4 r2 r1 r3"),
        ("-dataset", "r4 r3 r2 r1"),
        ("state", "r3 r4 r2 r1"),
        ("when", "r1 r2 r3 r4"),
        ("took", "r4 r3 r2 r1"),
        ("worst", "r4 r3 r2 r1"),
        ("", "r4 r3 r2 r1"),
    ],
)
async def test_all_runs_are_sorted_and_those_without_a_value_come_last(finder: Finder, sort: str, order: str) -> None:
    assert await ids(finder, sort=sort) == order.split()


@pytest.mark.parametrize("sort", ["setting.none_such", "none such", "--run", "setting.", "RUN"])
async def test_an_order_that_there_is_not_is_refused_with_what_is_possible(finder: Finder, sort: str) -> None:
    with pytest.raises(NoSuchColumn, match="possible: run, model"):
        await finder.page(Asked(sort=sort))


async def test_a_state_that_no_run_has_is_refused_with_what_is_possible(finder: Finder) -> None:
    with pytest.raises(NoSuchState, match="possible: queued, running"):
        await finder.page(Asked(state="finished"))


async def test_by_their_room_on_the_disk_those_come_last_whose_files_are_not_here(finder: Finder) -> None:
    found = await finder.page(Asked(sort="-room"), room={"r1": 10, "r3": 30})
    assert ([row.id for row in found.runs], found.count) == (["r3", "r1", "r4", "r2"], 4)


@pytest.mark.parametrize("sort", ["-run", "-result", "-room"])
async def test_pages_follow_each_other_without_a_gap_and_tell_how_many_there_are(finder: Finder, sort: str) -> None:
    whole = [row.id for row in (await finder.page(Asked(dataset="panels", sort=sort))).runs]
    pages = [await finder.page(Asked(dataset="panels", sort=sort), first=first, most=1) for first in (0, 1)]
    assert [row.id for page in pages for row in page.runs] == whole
    assert {(page.count, page.total) for page in pages} == {(2, 4)}


async def test_a_deleted_run_is_neither_found_nor_counted_nor_offered(workspace: Workspace, finder: Finder) -> None:
    row = await workspace.runs.get("r3")
    await workspace.runs.write(row.id, deleted_at=row.finished_at)
    assert await ids(finder) == ["r4", "r2", "r1"]
    assert (await finder.page(Asked(q="none such"))).total == 3
    choices = await finder.choices()
    assert (choices.kinds, choices.models) == (["detect"], [("padim", "PaDiM")])
    assert [name for name, _ in choices.datasets] == ["panels", "tiles"]
    assert sorted(tag for tag, _ in choices.tags) == sorted(["Night", "night", "x", "야간"])
