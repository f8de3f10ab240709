"""Folders of pictures, judged, and watched for more."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from assistant.models.serving import folder_job
from assistant.models.serving.folder_job import FolderJob, NoPictures
from assistant.workspace import Workspace
from tests.served_models import finished, put_programs_in_place_of_models

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def programs_for_models(monkeypatch: pytest.MonkeyPatch) -> None:
    put_programs_in_place_of_models(monkeypatch)
    monkeypatch.setattr(folder_job, "BETWEEN_LOOKS_S", 0.02)
    monkeypatch.setattr(folder_job, "SETTLED_S", 0.2)
    monkeypatch.setattr(folder_job, "GIVEN_UP_S", 0.6)


def put(path: Path, content: bytes = b"whole") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def job(workspace: Workspace, run: str, path: Path, *, watch: bool = False) -> FolderJob:
    return FolderJob(workspace.predictions, run, path, who="test", draw=False, watch=watch)


async def test_all_pictures_of_a_folder_are_judged_in_order_and_broken_ones_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    run, folder = (await finished(workspace)).id, tmp_path / "in"
    for number in range(20):
        put(folder / f"{number:02}.png")
    put(folder / "within" / "a.JPG", b"half of one")
    put(folder / "notes.txt")
    put(folder / ".hidden.png")
    told = [each async for each in job(workspace, run, folder).told()]
    assert [each["name"] for each in told] == [*(f"{number:02}.png" for number in range(20)), "within/a.JPG"]
    assert [each.get("broken") for each in told] == [None] * 20 + ["damaged"]
    assert [each["name"] async for each in job(workspace, run, folder / "03.png").told()] == ["03.png"]


async def test_a_path_without_pictures_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    run = (await finished(workspace)).id
    put(tmp_path / "in" / "notes.txt")
    for path in (tmp_path / "in", tmp_path / "nowhere"):
        with pytest.raises(NoPictures):
            [each async for each in job(workspace, run, path).told()]


async def test_a_watched_folder_gives_each_new_picture_once_when_it_is_whole(
    workspace: Workspace, tmp_path: Path
) -> None:
    run, folder = (await finished(workspace)).id, tmp_path / "in"
    put(folder / "first.png")
    watching, told = job(workspace, run, folder, watch=True), list[dict[str, Any]]()

    async def follow() -> None:
        async for each in watching.told():
            told.append(each)

    async def soon(count: int) -> None:
        while len(told) < count:
            await asyncio.sleep(0.02)

    following = asyncio.create_task(follow())
    await soon(1)
    with (folder / "written.png").open("wb") as file:  # by somebody who takes his time
        for _ in range(6):
            file.write(b"some")
            file.flush()
            await asyncio.sleep(0.08)
    put(folder / "cut.png", b"half")
    await soon(3)
    put(folder / "first.png", b"another one of the same name")
    await soon(4)
    await asyncio.sleep(0.3)
    watching.stop()
    await following
    assert sorted(each["name"] for each in told) == ["cut.png", "first.png", "first.png", "written.png"]
    (written,) = (each for each in told if each["name"] == "written.png")
    assert written["sha256"] == hashlib.sha256(b"some" * 6).hexdigest()
    assert [each["name"] for each in told if "broken" in each] == ["cut.png"]
