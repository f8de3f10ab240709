"""A finished run's model, tried on other pictures at the threshold in force: what it says of each is written, nothing is measured."""

import asyncio
from pathlib import Path
from typing import Any

from assistant.machine.engine_process import EngineError, ask_engine
from assistant.refused import Refused
from assistant.runs.queue import Queue, version_in_force
from assistant.runs.results import evaluation_of
from assistant.settings import Settings
from assistant.store.tables import RunRow

TIMEOUT_S = 24 * 3600.0


class NotJudged(Refused):
    """The pictures could not be judged; the message is the engine's."""


async def judge(settings: Settings, runs: Queue, row: RunRow, *, data: Path, output: Path) -> dict[str, Any]:
    """Judge the pictures of a folder; the engine's summary. Maps, heatmaps and verdicts are written to the new folder `output`.

    Raises:
        NoResults, RunElsewhere: the run has no model to try, or not here.
        NotJudged: no picture in the folder can be read, or the output folder is not empty, in words.
    """
    folder = runs.folder_of(row)
    await asyncio.to_thread(evaluation_of, row, folder)
    arguments = ["test", str(folder), "--data", str(data.absolute()), "--output", str(output.absolute())]
    if row.threshold is not None:
        told = row.threshold["told"]
        arguments += [f"--threshold={told['image']!r}", f"--pixel-threshold={told['pixel']!r}"]
        arguments += [f"--threshold-version={version_in_force(row)}"]
    try:
        summary: dict[str, Any] = await ask_engine(settings, *arguments, timeout_s=TIMEOUT_S)
    except EngineError as error:
        raise NotJudged("not_judged", str(error)) from error
    return summary
