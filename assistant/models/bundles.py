"""Bundles: a finished run with all that it takes in one zip, for sites without network (engine/contract/bundle_folder.py).

What arrives is a stranger's: it is unpacked as an uploaded data set is, tried by an engine process, and only then taken in.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from assistant.data.archives import BadArchive, unpack_elsewhere
from assistant.machine.engine_process import EngineError, ask_engine
from assistant.models.exporting import at_threshold
from assistant.refused import Refused
from assistant.runs.queue import Queue
from assistant.runs.results import evaluation_of
from assistant.runs.thresholds import set_threshold
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.bundle_folder import BundleFolder
from engine.contract.events import DamagedLog, Finished, read_events
from engine.contract.jobs import Job
from engine.contract.results.bundled import Bundle, Verified

TIMEOUT_S = 3600.0

WHOLE = "bring a whole copy, made by murascope bundle of a finished run"


class BundleRefused(Refused):
    """A bundle that cannot be written, or is not to be used here; the message says why."""


async def write_bundle(settings: Settings, runs: Queue, row: RunRow, *, output: Path) -> dict[str, Any]:
    """Pack a finished run into the new zip `output`; what stands in it (engine/contract/results/bundled.py `Bundle`), and its size.

    Raises:
        NoResults, RunElsewhere: the run has no model, or not here.
        BundleRefused: its weights are not here, or the file cannot be written.
    """
    folder = runs.folder_of(row)
    await asyncio.to_thread(evaluation_of, row, folder)
    target = output.absolute()
    arguments = ["bundle", str(folder), "--output", str(target), *at_threshold(row)]
    if await asyncio.to_thread(Path(row.data_path).is_dir):
        arguments += ["--data", row.data_path]
    told = Bundle.model_validate(await _ask(settings, *arguments))
    size = (await asyncio.to_thread(target.stat)).st_size
    return {"file": str(target), "bytes": size, "bundle": told.facts()}


async def verify_bundle(settings: Settings, file: Path) -> Verified:
    """Whether a bundle is whole, loads, and scores the pictures inside as it says.

    Raises:
        BundleRefused: it is not so.
    """
    async with _unpacked(settings, file) as (_, verified):
        return verified


async def install_bundle(settings: Settings, runs: Queue, file: Path) -> RunRow:
    """Take a bundle in as a finished run of this home, with its threshold in force; nothing is fetched.

    Raises:
        BundleRefused: it is no bundle, damaged, hostile, or scores otherwise than it says; or its weights have the name of other ones here.
    """
    async with _unpacked(settings, file) as (bundle, verified):
        about = verified.bundle
        job, finished = await asyncio.to_thread(_read, bundle)
        await asyncio.to_thread(_lay_weights, bundle, settings.weights_folder)
        row = await runs.take_in(
            job,
            bundle.run.path,
            finished=finished,
            data_path=f"bundle of {about.run}",  # no folder: the pictures stayed where they were
            fingerprint=about.fingerprint,
            note=f"from {file.name}, run {about.run} where it was made",
        )
    if about.threshold is None:
        return row
    from engine.contract.another_threshold import Asked

    why = f"in force where it was made, as version {about.threshold.version}"
    return await set_threshold(runs, row, Asked(value=about.threshold.image), who="command line", why=why)


@asynccontextmanager
async def _unpacked(settings: Settings, file: Path) -> AsyncIterator[tuple[BundleFolder, Verified]]:
    """The bundle in a folder of its own, verified; the folder goes with the block."""
    await asyncio.to_thread(settings.home.mkdir, parents=True, exist_ok=True)
    aside = Path(await asyncio.to_thread(mkdtemp, prefix="bundle-", dir=settings.home))
    try:
        folder = BundleFolder(aside / "bundle")
        try:
            await unpack_elsewhere(settings, file, folder.path)
        except (BadArchive, OSError) as error:
            raise BundleRefused("bad_bundle", f"{file.name} is not taken: {error}", WHOLE) from error
        yield folder, Verified.model_validate(await _ask(settings, "verify-bundle", str(folder.path)))
    finally:
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)


def _read(bundle: BundleFolder) -> tuple[Job, Finished]:
    try:
        job, events = bundle.run.read_job(), read_events(bundle.run.path)
    except (OSError, ValueError, DamagedLog) as error:
        raise BundleRefused("bad_bundle", f"the run in the bundle cannot be read: {error}", WHOLE) from error
    if not events or not isinstance(events[-1], Finished):
        raise BundleRefused("bad_bundle", "the run in the bundle has not finished", WHOLE)
    return job, events[-1]


def _lay_weights(bundle: BundleFolder, folder: Path) -> None:
    """Copy its weights to those of this home; all or none."""
    files = sorted(bundle.weights.iterdir()) if bundle.weights.is_dir() else []
    missing = [file for file in files if not (folder / file.name).exists()]
    for file in files:
        if file not in missing and (folder / file.name).read_bytes() != file.read_bytes():
            raise BundleRefused(
                "other_weights",
                f"there are other weights named {file.name} in {folder} than the bundle's",
                "move them elsewhere, or install the bundle in another home (MURASCOPE_HOME)",
            )
    folder.mkdir(parents=True, exist_ok=True)
    for file in missing:
        shutil.copyfile(file, folder / file.name)


async def _ask(settings: Settings, *arguments: str) -> Any:
    try:
        return await ask_engine(settings, *arguments, timeout_s=TIMEOUT_S)
    except EngineError as error:
        message = str(error).removeprefix(f"the engine could not {arguments[0]}: ")
        hint = "bring what the reason names, then pack it again" if arguments[0] == "bundle" else WHOLE
        raise BundleRefused("bad_bundle", message, hint) from error
