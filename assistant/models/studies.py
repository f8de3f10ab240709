"""Repeatability studies of served models, on record: made from a folder of parts, kept with all that they rest on, found again.

A folder holds `good/PART/*.png` and `defective/PART/*.png`, each part imaged several times. One that a page began goes on beside everything
else; it is on record when it is done, and one that the end of the server cut off is not.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from assistant.data.datasets import Datasets, existing_folder
from assistant.models.registry import Registry
from assistant.models.serving.folder_job import FolderJob, Found, NoPictures, pictures_at
from assistant.models.serving.kept_pictures import new_id
from assistant.models.serving.predictions import Predictions
from assistant.models.serving.references import RUN, Servable
from assistant.models.study import BAD_WORDS, GOOD_WORDS, Study, StudyRefused, Trial, Verdict, study
from assistant.refused import Refused
from assistant.runs.labels import one_line
from assistant.store.database import Database
from assistant.store.tables import StudyRow

MOST = 100  # studies that are listed, the latest
LONGEST_WHO = 80


class UnknownStudy(Refused, LookupError):
    """There is no such study of that model."""

    status = 404

    def __init__(self, study: str):
        hint = "look at the model's studies: murascope study NAME"
        super().__init__("unknown_study", f"unknown study {study!r}", hint, study=study)


class StudyUnderWay(Refused):
    """Another study of the model is being made."""

    status = 409


@dataclass
class UnderWay:
    """A study that a page began: pictures that were judged, of how many; why it was refused, once it was."""

    folder: str
    done: int = 0
    of: int = 0
    refused: Refused | None = None

    def told(self) -> dict[str, Any]:
        said = self.refused
        why = (
            None
            if said is None
            else {"code": said.page_code, "message": said.message, "hint": said.hint, "values": said.values}
        )
        return {"folder": self.folder, "done": self.done, "of": self.of, "refused": why}  # fmt: skip


class Studies:
    """Of one workspace. Use `close` at its end."""

    def __init__(self, database: Database, predictions: Predictions, registry: Registry, datasets: Datasets):
        self._database, self._predictions, self._registry, self._datasets = database, predictions, registry, datasets
        self._under_way: dict[str, UnderWay] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(
        self,
        reference: str,
        folder: Path,
        *,
        who: str,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> StudyRow:
        """Judge every picture of the folder by the model that the reference means now, study the verdicts and keep all of it.

        Args:
            progress: is told how many pictures were judged, of how many.

        Raises:
            UnknownModel, UnknownRun, NoResults, RunElsewhere: nothing that can be served.
            DatasetError, NoPictures: there is no such folder, or no picture in it.
            StudyRefused: a picture lies in no part's folder, none could be judged, or another threshold came into force meanwhile.
        """
        servable = await self._predictions.resolve(reference)
        folder = await asyncio.to_thread(existing_folder, folder)
        found = await asyncio.to_thread(_pictures_in, folder)
        part_of = {each.name: part_and_reference(each.name) for each in found}
        trials: list[Trial] = []
        judged: list[dict[str, Any]] = []
        left_out: list[dict[str, str]] = []
        async for told in self._judged(servable, folder, who=who):
            name = str(told["name"])
            if told.get("verdict") is None:
                left_out.append({"name": name, "why": str(told.get("broken") or told.get("failed"))})
            else:
                part, reference_verdict = part_of.get(name) or part_and_reference(name)
                said: Verdict = "good" if told["verdict"] == "good" else "defective"
                trials.append(Trial(part, reference_verdict, said))
                judged.append(told)
            progress(len(judged) + len(left_out), len(found))
        if not trials:
            raise StudyRefused("study_parts", "none of the pictures could be judged", "look at what is said of each")
        row = _row(servable, folder, trials, judged, left_out, studied=await asyncio.to_thread(study, trials), who=who)
        async with self._database.session() as session:
            session.add(row)
        return row

    async def begin(self, name: str, *, folder: str | None, dataset: str | None, who: str) -> None:
        """Make a study of a model beside everything else, from a folder of this machine or that of a registered data set; `told` tells how far it is.

        Raises:
            UnknownModel, UnknownRun, NoResults, RunElsewhere, DatasetError: there is nothing to study, or nothing to study it on.
            StudyUnderWay: another one of the model is being made.
        """
        await self._predictions.resolve(name)
        path = Path(folder or "") if dataset is None else Path((await self._datasets.get(dataset)).path)
        key = await self._key(name)
        now = self._under_way.get(key)
        if now is not None and now.refused is None:
            raise StudyUnderWay("study_under_way", f"a study of {name} is under way", "wait for its end")
        self._under_way[key] = under_way = UnderWay(dataset or str(path))
        task = asyncio.create_task(self._make(key, under_way, name, path, who=who))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def under_way(self, name: str) -> UnderWay | None:
        """The study of a model that is being made, or was refused last."""
        return self._under_way.get(await self._key(name))

    async def of(self, name: str) -> Sequence[StudyRow]:
        """Those of a model by its name, or of a run, the latest first.

        Raises:
            UnknownModel: there is none of that name.
        """
        key = await self._key(name)
        column = StudyRow.run if RUN.fullmatch(key) else StudyRow.model
        async with self._database.reading() as session:
            query = select(StudyRow).where(column == key).order_by(StudyRow.id.desc()).limit(MOST)
            return (await session.scalars(query)).all()

    async def get(self, name: str, study: str) -> StudyRow:
        """
        Raises:
            UnknownModel, UnknownStudy: there is none.
        """
        key = await self._key(name)
        async with self._database.reading() as session:
            row = await session.get(StudyRow, study)
        if row is None or key not in (row.model, row.run):
            raise UnknownStudy(study)
        return row

    async def close(self) -> None:
        """End what is under way; nothing of it is kept."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _key(self, name: str) -> str:
        """A run's id, or the model's name as it is spelt."""
        return name if RUN.fullmatch(name) else (await self._registry.get(name.partition("@")[0])).row.name

    async def _make(self, key: str, under_way: UnderWay, reference: str, folder: Path, *, who: str) -> None:
        def progress(done: int, of: int) -> None:
            under_way.done, under_way.of = done, of

        try:
            await self.make(reference, folder, who=who, progress=progress)
        except Refused as error:
            under_way.refused = error
        else:
            del self._under_way[key]

    async def _judged(self, servable: Servable, folder: Path, *, who: str) -> AsyncIterator[dict[str, Any]]:
        """What is said of each picture, all by one model at one threshold, whatever is promoted meanwhile."""
        job = FolderJob(self._predictions, servable.label, folder, who=who, draw=False)
        async for told in job.told():
            if told.get("verdict") is not None and told["threshold_version"] != servable.threshold_version:
                message = f"another threshold of {servable.label} came into force while it was studied"
                raise StudyRefused("study_moved", message, "begin it again")
            yield told


def part_and_reference(name: str) -> tuple[str, Verdict]:
    """The part that a picture is of, and what it is, by the folders of its name.

    Raises:
        StudyRefused: they do not tell.
    """
    folders = name.split("/")[:-1]
    said = folders[0].casefold() if len(folders) > 1 else ""
    if said not in GOOD_WORDS | BAD_WORDS:
        message = f"{name} lies in no folder of a part"
        raise StudyRefused("study_folders", message, "name the folders good/PART and defective/PART", name=name)
    return "/".join(folders[:2]), "good" if said in GOOD_WORDS else "defective"


def _pictures_in(folder: Path) -> Sequence[Found]:
    if found := pictures_at(folder):
        return found
    message = f"{folder}: there are no pictures (PNG, JPEG, BMP, TIFF, WEBP) in it"
    raise NoPictures("no_pictures_there", message, "name a folder that holds some", path=str(folder))


def told_of(row: StudyRow) -> dict[str, Any]:
    """A study as JSON: what was studied, who did it and when, and what came out (Study.told)."""
    names = ("id", "reference", "model", "version", "run", "threshold_version", "threshold", "folder", "data", "who")
    return {
        **{name: getattr(row, name) for name in names},
        "when": row.created_at.isoformat(),
        "study": row.told,
        "parts": row.parts,
        "left_out": row.left_out,
    }


def parts_of(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Each part with its reference and how often it was called good and defective, by name."""
    counts = Counter((each.part, each.reference, each.verdict) for each in trials)
    named = sorted({(each.part, each.reference) for each in trials})
    return [
        {"part": part, "reference": reference, **{said: counts[part, reference, said] for said in ("good", "defective")}}
        for part, reference in named
    ]  # fmt: skip


def _row(
    servable: Servable,
    folder: Path,
    trials: Sequence[Trial],
    judged: Sequence[dict[str, Any]],
    left_out: list[dict[str, str]],
    *,
    studied: Study,
    who: str,
) -> StudyRow:
    pictures = sorted((str(each["name"]), str(each["sha256"])) for each in judged)
    digest = hashlib.sha256("\n".join(f"{sha256} {name}" for name, sha256 in pictures).encode())
    return StudyRow(
        id=new_id(),
        reference=servable.label,
        model=servable.model,
        version=servable.version,
        run=servable.run,
        threshold_version=servable.threshold_version,
        threshold=judged[0]["threshold"],
        folder=str(folder),
        data=digest.hexdigest(),
        told=studied.told(),
        parts=parts_of(trials),
        left_out=left_out,
        who=one_line(who)[:LONGEST_WHO] or "?",
    )
