"""Exports the model of a finished run for other runtimes, with the threshold in force inside; a file that judges otherwise is not kept.

From Python:

    async with Workspace.open(settings) as workspace:
        row = await exported_row(workspace.runs, workspace.models.registry, "scratches@champion")  # or a run, "r12"
        told = await export(settings, workspace.runs, row, format="onnx", output=Path("line3.onnx"))
        print(told["parity"]["differences"]["score"]["largest"])
"""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from assistant.machine.engine_process import EngineError, ask_engine
from assistant.models.evidence import at_version
from assistant.models.registry import Registry
from assistant.refused import Refused
from assistant.runs.queue import Queue, version_in_force
from assistant.runs.results import evaluation_of
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.results.exported import SUFFIXES, Exported, Format, Precision

TIMEOUT_S = 3600.0
LOOK_S = 0.5
MOST = 64  # pictures that are compared, where no number is asked for


class NotExported(Refused):
    """The model was not exported, and nothing was left behind; the message is the engine's."""


async def exported_row(runs: Queue, registry: Registry, what: str) -> RunRow:
    """The run that is meant: a run's id, or a model as `Registry.find` reads it, at the threshold that its version was registered with.

    Raises:
        UnknownRun, DeletedRun, UnknownModel: there is none.
    """
    if "@" not in what:
        return await runs.get(what)
    version = (await registry.find(what)).row
    return at_version(await runs.get(version.run), version)


async def export(
    settings: Settings,
    runs: Queue,
    row: RunRow,
    *,
    format: Format,
    output: Path | None = None,
    precision: Precision | None = None,
    data: Path | None = None,
    most: int = MOST,
    progress: Callable[[str], None] = lambda stage: None,
) -> dict[str, Any]:
    """Write the model to the file `output`, and tell of it (engine/contract/results/exported.py `Exported`).

    Args:
        output: new file; None is `<run>.onnx` and the like, in this folder.
        data: folder whose pictures are compared; None are the run's own test images, or the copies that it keeps where those are gone.
        most: pictures that are compared at most.
        progress: is told each stage: loading, engine, translating, comparing.

    Raises:
        NoResults, RunElsewhere: the run has no model to export, or not here.
        NotExported: it cannot be, or the file judges otherwise, in words.
    """
    folder = runs.folder_of(row)
    await asyncio.to_thread(evaluation_of, row, folder)
    target = (output or Path(f"{row.id}{SUFFIXES[format]}")).absolute()
    arguments = ["export", str(folder), "--format", format, "--output", str(target), "--most", str(most)]
    arguments += ["--precision", precision or "fp32", *at_threshold(row)]
    if data is not None:
        arguments += ["--data", str(data.absolute()), "--other-data"]
    elif await asyncio.to_thread(Path(row.data_path).is_dir):
        arguments += ["--data", row.data_path]
    aside = Path(await asyncio.to_thread(mkdtemp, prefix="murascope-export-"))
    said = aside / "progress.json"
    telling = asyncio.create_task(_tell(said, progress))
    try:
        told = await ask_engine(settings, *arguments, "--progress", str(said), timeout_s=TIMEOUT_S)
    except EngineError as error:
        message = _in_words(str(error))
        hint = "" if "; " in message else "another format may hold it"  # the engine mostly says itself what to do
        raise NotExported("not_exported", message, hint) from error
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)
    return Exported.model_validate(told).facts()


def at_threshold(row: RunRow) -> list[str]:
    """How the engine is told of the threshold in force; nothing where it is that of the training."""
    if row.threshold is None:
        return []
    told = row.threshold["told"]
    values = [f"--threshold={told['image']!r}", f"--pixel-threshold={told['pixel']!r}"]
    return [*values, f"--threshold-version={version_in_force(row)}"]


def _in_words(error: str) -> str:
    return error.removeprefix("the engine could not export: ")


async def _tell(said: Path, progress: Callable[[str], None]) -> None:
    """Tell each stage once, as the engine notes it."""
    known = ""
    while True:
        await asyncio.sleep(LOOK_S)
        with suppress(OSError, ValueError):
            stage = json.loads(await asyncio.to_thread(said.read_text, "utf-8"))["stage"]
            if stage != known:
                known = stage
                progress(stage)
