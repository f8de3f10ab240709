"""Exports that were asked for over HTTP: one at a time, beside everything else; what came of each can be fetched until the run goes."""

import asyncio
import json
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from assistant.models.exporting import NotExported, export
from assistant.refused import Refused
from assistant.runs.queue import Queue, version_in_force
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.folder import RunFolder
from engine.contract.results.exported import FORMATS, SUFFIXES, Format

WAITS = "waiting"  # the stage of one that others are before


class Exports:
    """Files for other runtimes of the runs of this home, a folder for each format; the newest of each is kept."""

    def __init__(self, settings: Settings, runs: Queue):
        self._settings, self._runs = settings, runs
        self._stages: dict[tuple[str, Format], str] = {}
        self._refused: dict[tuple[str, Format], Refused] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        """End what is under way; nothing half is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def begin(self, run: str, format: Format) -> dict[str, Any]:
        """Export a run, unless that is under way; how its exports stand.

        Raises:
            UnknownRun, RunElsewhere: there is no such run, or not here.
        """
        row = await self._runs.get(run)
        self._runs.folder_of(row)
        key = (row.id, format)
        if key not in self._stages:
            self._stages[key] = WAITS
            self._refused.pop(key, None)
            self._go_on(self._export(row, format))
        return await self.told(row.id)

    async def told(self, run: str) -> dict[str, Any]:
        """How each format stands: its stage while it is made, why it was refused, and what lies there."""
        row = await self._runs.get(run)
        folder = self._runs.folder_of(row)
        done = await asyncio.to_thread(_done, RunFolder(folder))
        return {
            "run": row.id,
            "threshold_version": version_in_force(row),
            "formats": [
                {
                    "format": format,
                    "stage": self._stages.get((row.id, format)),
                    "refused": _in_words(self._refused.get((row.id, format))),
                    "done": done.get(format),
                }
                for format in FORMATS
            ],
        }

    async def file(self, run: str, format: Format, name: str) -> Path | None:
        """A file of an export; None where there is none of that name."""
        row = await self._runs.get(run)
        folder = RunFolder(self._runs.folder_of(row)).exports / format
        names = await asyncio.to_thread(lambda: [path.name for path in folder.glob("*") if path.is_file()])
        return folder / name if name in names else None

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _export(self, row: RunRow, format: Format) -> None:
        key = (row.id, format)
        target = RunFolder(self._runs.folder_of(row)).exports / format
        aside = target.with_name(f".{format}")

        def stage(now: str) -> None:
            self._stages[key] = now

        try:
            async with self._turn:
                stage("loading")
                await asyncio.to_thread(_empty, aside)
                output = aside / f"{row.id}{SUFFIXES[format]}"
                await export(self._settings, self._runs, row, format=format, output=output, progress=stage)
                await asyncio.to_thread(_replace, aside, target)
        except Refused as error:
            self._refused[key] = error
        except OSError as error:
            message = f"the file cannot be written: {error.strerror}"
            self._refused[key] = NotExported(
                "not_exported", message, "see that the disk has room and the folder may be written to, then try again"
            )
        finally:
            del self._stages[key]
            await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _replace(aside: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)


def _done(folder: RunFolder) -> dict[str, dict[str, Any]]:
    """What was exported, by format: its files with their sizes, and what was measured."""
    found: dict[str, dict[str, Any]] = {}
    for format in FORMATS:
        told = next(iter(sorted((folder.exports / format).glob("*.json"))), None)
        if told is not None:
            files = sorted(path for path in told.parent.iterdir() if path != told)
            said = json.loads(told.read_text("utf-8"))
            sizes = [{"name": path.name, "bytes": path.stat().st_size} for path in files]
            found[format] = {"files": sizes, "about": said["about"], "parity": said["parity"]}
    return found


def _in_words(refused: Refused | None) -> dict[str, str] | None:
    return None if refused is None else {"code": refused.code, "message": refused.message, "hint": refused.hint}
