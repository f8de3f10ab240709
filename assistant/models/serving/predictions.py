"""What models say of pictures: asked, noted in the database, and found again.

async with Workspace.open(Settings()) as workspace:
    told = await workspace.predictions.predict("r12", [Picture("a.png", path=Path("a.png"))], who="python")
    print(told.pictures[0]["verdict"])
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from assistant.machine.metrics import Metrics
from assistant.models.registry import Registry
from assistant.models.serving.kept_pictures import KeptPictures, new_id
from assistant.models.serving.old_predictions import drop_old
from assistant.models.serving.pool import NotServed, Picture, Pool
from assistant.models.serving.references import Servable, resolve
from assistant.refused import Refused
from assistant.runs.labels import one_line
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import PredictionRow, now
from engine.contract.serving import PICTURES, Answered

logger = logging.getLogger(__name__)

LONGEST_NAME, LONGEST_WHO = 400, 80
BETWEEN_LOOKS = (
    0.01  # predictions that are noted, as a share of those that are kept: of a million a look takes a second
)
COLUMNS = (
    "verdict",
    "score",
    "threshold",
    "pixel_threshold",
    "p_value",
    "confidence",
)
ELSEWHERE = (*COLUMNS, "id", "name", "sha256", "drawn", "batch")  # columns, or true of the asking alone


class UnknownPrediction(Refused, LookupError):
    """There is no such prediction."""

    status = 404

    def __init__(self, prediction: str):
        hint = (
            "take an id that a prediction was answered with, or that GET /api/predictions lists; old ones are dropped"
        )
        super().__init__("unknown_prediction", f"unknown prediction {prediction!r}", hint, prediction=prediction)


@dataclass(frozen=True)
class Told:
    """What a model said: an entry for each picture, in the order in which they were asked. One that could not be read has `broken`, one
    that could not be judged `failed`."""

    model: dict[str, Any]
    pictures: list[dict[str, Any]]


@dataclass(frozen=True)
class Wanted:
    """Which predictions are looked for."""

    run: str | None = None
    model: str | None = None
    verdict: str | None = None
    image: str | None = None  # by its SHA-256


class Predictions:
    """Of one workspace. Use `close` at its end."""

    def __init__(self, settings: Settings, database: Database, runs: Queue, registry: Registry, metrics: Metrics):
        self._database, self._runs, self._registry = database, runs, registry
        self.pool, self.kept = Pool(settings, metrics), KeptPictures(settings)
        self._most, self._noted = settings.predictions_kept, 0
        self._dropping: asyncio.Task[None] | None = None

    async def resolve(self, reference: str) -> Servable:
        """What the reference means now.

        Raises:
            UnknownModel, UnknownRun, NoResults, RunElsewhere: nothing that can be served.
        """
        return await resolve(self._runs, self._registry, reference)

    async def predict(
        self, reference: str | Servable, pictures: Sequence[Picture], *, who: str, draw: bool = True
    ) -> Told:
        """What the model says of the pictures. Each that it judges is noted.

        Args:
            reference: or what it meant when it was resolved.
            draw: a heatmap of each. It is kept for a while, as the picture is.

        Raises:
            UnknownModel, UnknownRun, NoResults, RunElsewhere: nothing that can be served.
            Busy: too many pictures wait; none of these was taken.
        """
        servable = reference if isinstance(reference, Servable) else await self.resolve(reference)
        ids = [new_id() for _ in pictures]
        named = [replace(each, name=_named(each.name)) for each in pictures]
        if draw:
            stems = await self.kept.stems(ids)
            named = [replace(each, draw=stem) for each, stem in zip(named, stems, strict=True)]
        answers = await self.pool.judge(servable, named)
        ready = self.pool.ready_of(servable.run)
        rows = {
            each: self._row(each, servable, answer, who=who, data=ready.data if ready else None)
            for each, answer in zip(ids, answers, strict=True)
            if isinstance(answer, Answered) and answer.verdict is not None
        }
        async with self._database.session() as session:
            session.add_all(rows.values())
        said_of = {each for each, row in rows.items() if row.threshold is not None}  # a person may say what it is
        await self.kept.keep({each: picture for each, picture in zip(ids, named, strict=True) if each in said_of})
        self.kept.added(len(rows))
        self._tidy(len(rows))
        told = []
        for each, picture, answer in zip(ids, named, answers, strict=True):
            if (row := rows.get(each)) is not None:
                assert isinstance(answer, Answered)
                told.append(told_of(row, drawn=answer.drawn))
            else:
                told.append({"name": picture.name, **_why(answer)})
        model = {
            "reference": servable.reference,
            "label": servable.label,
            "run": servable.run,
            "kind": servable.kind,
            "model": servable.model,
            "version": servable.version,
            "threshold_version": servable.threshold_version,
            "image_size": ready.image_size if ready else None,
        }
        return Told(model, told)

    async def get(self, prediction: str) -> PredictionRow:
        """
        Raises:
            UnknownPrediction: there is none.
        """
        async with self._database.reading() as session:
            row = await session.get(PredictionRow, prediction)
        if row is None:
            raise UnknownPrediction(prediction)
        return row

    async def find(self, wanted: Wanted, *, first: int = 0, most: int = 100) -> tuple[Sequence[PredictionRow], int]:
        """At most so many from this one on, the newest first, and how many there are."""
        conditions = [
            column == value
            for column, value in (
                (PredictionRow.run, wanted.run),
                (PredictionRow.model, wanted.model),
                (PredictionRow.verdict, wanted.verdict),
                (PredictionRow.image_sha256, wanted.image),
            )
            if value is not None
        ]
        query = select(PredictionRow).where(*conditions).order_by(PredictionRow.id.desc()).offset(first).limit(most)
        async with self._database.reading() as session:
            rows = (await session.scalars(query)).all()
            count = await session.scalar(select(func.count()).select_from(PredictionRow).where(*conditions))
        return rows, count or 0

    async def kept_of(self, row: PredictionRow) -> list[str]:
        """Which of its pictures are still there."""

        def there() -> list[str]:
            return [what for what in PICTURES if self.kept.path(row.id, what).is_file()]

        return await asyncio.to_thread(there)

    async def close(self) -> None:
        await self.pool.close()
        await self.kept.close()
        if self._dropping is not None:
            self._dropping.cancel()
            await asyncio.gather(self._dropping, return_exceptions=True)

    def _tidy(self, noted: int) -> None:
        """So many more are on record: now and then those beyond what is to be kept are dropped, beside what else is done."""
        first = self._noted == 0
        self._noted += noted
        if (first or self._noted > BETWEEN_LOOKS * self._most) and (self._dropping is None or self._dropping.done()):
            self._noted = 1
            self._dropping = asyncio.create_task(self._drop_old())

    async def _drop_old(self) -> None:
        try:
            await drop_old(self._database, home=self._runs.place.home, most=self._most)
        except OperationalError as error:  # the next look tries again
            logger.warning("old predictions could not be dropped: %s", error.orig)

    def _row(self, id_: str, servable: Servable, answer: Answered, *, who: str, data: str | None) -> PredictionRow:
        facts = answer.facts()
        return PredictionRow(
            id=id_,
            run=servable.run,
            model=servable.model,
            version=servable.version,
            threshold_version=servable.threshold_version,
            name=answer.name,
            image_sha256=answer.sha256,
            **{name: facts.get(name) for name in COLUMNS},
            found={name: value for name, value in facts.items() if name not in ELSEWHERE},
            data=data,
            who=_named(who)[:LONGEST_WHO] or "?",
            home=self._runs.place.home,
            created_at=now(),
        )


def told_of(row: PredictionRow, *, drawn: Sequence[str]) -> dict[str, Any]:
    """A prediction as JSON. `drawn` are the pictures of it that there are, which become links."""
    found = dict(row.found)
    ms = found.pop("decode_ms", 0.0) + found.pop("compute_ms", 0.0)
    return {
        "id": row.id,
        "name": row.name,
        "sha256": row.image_sha256,
        **{name: getattr(row, name) for name in COLUMNS},
        **found,
        "run": row.run,
        "model": row.model,
        "version": row.version,
        "threshold_version": row.threshold_version,
        "data": row.data,
        "who": row.who,
        "when": row.created_at.isoformat(),
        "ms": round(ms, 2),
        **{what.partition(".")[0]: _link(row.id, what) if what in drawn else None for what in PICTURES},
    }


def nearest_of(row: PredictionRow, place: int | Literal["highest"]) -> list[dict[str, Any]]:
    """The good patches most like a region of the prediction, or like its highest place; none where none are known."""
    regions = row.found.get("regions") or []
    at = row.found.get("highest") if place == "highest" else regions[place] if place < len(regions) else None
    return list((at or {}).get("nearest") or [])


def _link(prediction: str, what: str) -> str:
    return f"/predictions/{prediction}/{what}"


def _why(answer: Answered | NotServed) -> dict[str, str]:
    if isinstance(answer, NotServed):
        return {"failed": str(answer.values["why"])}
    return {"broken": answer.broken} if answer.broken else {"failed": answer.failed or "it gave no answer"}


def _named(name: str) -> str:
    """As it is kept and told: one line of what can be seen."""
    return one_line(name)[:LONGEST_NAME] or "?"
