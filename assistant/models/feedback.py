"""What people say of pictures that a model has judged: OK or NG, with who and when. It is an evaluation set of its own, and shows what another
threshold would have to be for the model to agree, and what that costs.

Nothing is changed by it: a threshold is set by a person, who has seen the costs (assistant/runs/thresholds.py).
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from assistant.models.registry import Registry
from assistant.models.reviewed_pictures import Kept, ReviewedPictures
from assistant.models.serving.kept_pictures import JUDGED, KeptPictures
from assistant.models.serving.predictions import UnknownPrediction
from assistant.models.serving.references import Servable, resolve
from assistant.refused import Refused
from assistant.runs.labels import one_line
from assistant.runs.queue import Queue
from assistant.runs.thresholds import ThresholdRefused, read_asked, would
from assistant.store.database import Database
from assistant.store.tables import FeedbackRow, PredictionRow
from engine.contract.jobs import KINDS

Verdict = Literal["good", "defective"]
LONGEST_NOTE = 500
MOST = 10_000  # predictions with feedback that are looked at, the latest


class NotTaken(Refused):
    """The feedback cannot be taken; `code` is no_verdict."""


@dataclass(frozen=True)
class Given:
    """What somebody said of a prediction, and whether its picture is kept for good."""

    row: FeedbackRow
    picture: Kept

    def told(self) -> dict[str, Any]:
        row = self.row
        return {
            "prediction": row.prediction, "number": row.number, "verdict": row.verdict, "region": row.region, "who": row.who,
            "picture": self.picture,
        }  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """A threshold that agrees with what people said. let_pass: no good picture is flagged; catch: no defective one passes.

    then, now: what it costs on the tested images, and what the one in force costs (engine/contract/another_threshold.py).
    disagrees: pictures that people judged otherwise at it, of all that they judged.
    """

    what: Literal["let_pass", "catch"]
    value: float
    now: dict[str, Any]
    then: dict[str, Any]
    disagrees: tuple[int, int]


@dataclass(frozen=True)
class Word:
    """The last word on a picture: what it is, and of which run's prediction that was said. `region` is x, y, width, height in pixels of the
    picture as that run's model sees it."""

    image: str  # its SHA-256
    verdict: str
    score: float
    run: str
    region: Sequence[float] | None


@dataclass(frozen=True)
class Reviewed:
    """What people said of the pictures that one model judged, by its verdict at the threshold in force. `false_alarms` of the good, `missed` of the
    defective ones. `pictures` and `kept`: those that any version of the model judged, and how many of them are kept."""

    run: str
    good: int
    false_alarms: int
    defective: int
    missed: int
    pictures: int
    kept: int
    proposals: Sequence[Proposal]

    def told(self) -> dict[str, Any]:
        return asdict(self)


async def give(
    database: Database,
    pictures: ReviewedPictures,
    kept: KeptPictures,
    prediction: str,
    verdict: Verdict,
    *,
    who: str,
    note: str = "",
    region: Sequence[float] | None = None,
) -> Given:
    """Note what somebody says that the picture of a prediction is, and keep the picture, where it is still there.

    Raises:
        UnknownPrediction: there is none.
        NotTaken: the model of it knows classes, not good and defective.
    """
    for _ in range(20):  # numbers are handed out optimistically
        try:
            async with database.session() as session:
                judged = await session.get(PredictionRow, prediction)
                if judged is None:
                    raise UnknownPrediction(prediction)
                if judged.threshold is None:
                    raise _no_verdict(judged.run)
                numbers = select(func.max(FeedbackRow.number)).where(FeedbackRow.prediction == prediction)
                row = FeedbackRow(
                    prediction=prediction,
                    number=((await session.scalar(numbers)) or 0) + 1,
                    verdict=verdict,
                    region=None if region is None else [float(each) for each in region],
                    note=one_line(note)[:LONGEST_NOTE],
                    who=who,
                )
                session.add(row)
            source = kept.path(prediction, JUDGED)
            return Given(row, await asyncio.to_thread(pictures.keep, judged.image_sha256, source))
        except IntegrityError:
            continue
    raise RuntimeError("no number could be taken for the feedback: the database is too busy; try again")


async def latest_of(database: Database, prediction: str) -> FeedbackRow | None:
    """What was said of it last."""
    query = select(FeedbackRow).where(FeedbackRow.prediction == prediction).order_by(FeedbackRow.number.desc()).limit(1)
    async with database.reading() as session:
        return await session.scalar(query)


async def reviewed(
    database: Database, pictures: ReviewedPictures, runs: Queue, registry: Registry, reference: str
) -> Reviewed:
    """What people said of the pictures that this model judged, and which thresholds agree with it.

    Raises:
        NotTaken: the model knows classes.
        UnknownModel, UnknownRun, NoResults, RunElsewhere: as `resolve` (assistant/models/serving/references.py).
    """
    model, words = await words_on(database, runs, registry, reference)
    kept = await asyncio.to_thread(lambda: sum(pictures.path(each.image).is_file() for each in words))
    said = [(each.score, each.verdict) for each in await _last_words(database, [model.run])]
    row = await runs.get(model.run)
    limit = await _limit(runs, model.run)
    good = [score for score, verdict in said if verdict == "good"]
    defective = [score for score, verdict in said if verdict == "defective"]
    proposals = []
    wanted: list[tuple[Literal["let_pass", "catch"], float]] = []
    if good and max(good) > limit:
        wanted.append(("let_pass", max(good)))  # a score at the threshold is none above it
    if defective and min(defective) <= limit:
        wanted.append(("catch", math.nextafter(min(defective), -math.inf)))
    for what, value in wanted:
        try:
            costs = await would(runs, row, read_asked({"value": value}))
        except ThresholdRefused:
            continue  # such a threshold cannot be set
        wrong = sum(score > value for score in good) + sum(score <= value for score in defective)
        proposals.append(Proposal(what, value, costs["now"], costs["then"], (wrong, len(said))))
    return Reviewed(
        run=model.run,
        good=len(good),
        false_alarms=sum(score > limit for score in good),
        defective=len(defective),
        missed=sum(score <= limit for score in defective),
        pictures=len(words),
        kept=kept,
        proposals=proposals,
    )


async def words_on(
    database: Database, runs: Queue, registry: Registry, reference: str
) -> tuple[Servable, Sequence[Word]]:
    """What a reference means, and the last word on each picture that it judged: of a model, those of all its versions.

    Raises:
        NotTaken: the model knows classes.
        UnknownModel, UnknownRun, NoResults, RunElsewhere: as `resolve` (assistant/models/serving/references.py).
    """
    model = await resolve(runs, registry, reference)
    if not KINDS[model.kind].has_threshold:
        raise _no_verdict(model.label)
    of = {model.run}
    if model.model is not None:
        of |= {each.row.run for each in (await registry.get(model.model)).versions}
    return model, await _last_words(database, sorted(of))


def _no_verdict(label: str) -> NotTaken:
    message = f"{label} sorts images into classes: OK and NG say nothing of them"
    return NotTaken("no_verdict", message, "judge the picture by a model that looks for defects, and say it of that")


async def _last_words(database: Database, of_runs: Sequence[str]) -> list[Word]:
    """The last word on each picture that these runs' models judged, whichever of its predictions it was said of."""
    newest = (
        select(FeedbackRow.prediction, func.max(FeedbackRow.number).label("number"))
        .group_by(FeedbackRow.prediction)
        .subquery()
    )
    query = (
        select(PredictionRow, FeedbackRow)
        .join(FeedbackRow, FeedbackRow.prediction == PredictionRow.id)
        .join(newest, (newest.c.prediction == FeedbackRow.prediction) & (newest.c.number == FeedbackRow.number))
        .where(PredictionRow.run.in_(of_runs), PredictionRow.score.is_not(None))
        .order_by(FeedbackRow.created_at.desc())
        .limit(MOST)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    latest: dict[str, Word] = {}
    for judged, said in rows:
        if judged.score is not None:
            image = judged.image_sha256
            latest.setdefault(image, Word(image, said.verdict, judged.score, judged.run, said.region))
    return list(latest.values())


async def _limit(runs: Queue, run: str) -> float:
    """The threshold in force of the run."""
    from assistant.runs.thresholds import options

    return float((await options(runs, await runs.get(run)))["in_force"]["value"])
