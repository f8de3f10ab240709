"""Whether what a model is shown still looks like what its threshold was set on: scores of the latest pictures against those of the good images
that were kept for it.

Compared are the scores below the threshold, so that more defects than usual are no drift: of those above, nobody knows which are good. The test
is that of Kolmogorov and Smirnov for two samples; each picture counts once, however often it was judged. A drift voids what the threshold
promises: that holds for images that come from where the good ones came from.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select

from assistant.models.registry import Registry
from assistant.models.serving.references import resolve
from assistant.refused import Refused
from assistant.runs.queue import Queue
from assistant.store.database import Database
from assistant.store.tables import PredictionRow
from engine.contract.folder import RunFolder
from engine.contract.jobs import KINDS

LAST = 300  # pictures that are looked at
FEWEST, FEWEST_KEPT = 30, 8  # pictures, and good images that were kept, below which nothing is said
CHANCE = 0.01  # of so large a difference without any drift, below which it is told
Outcome = Literal["steady", "drifted", "too_few"]


class NoDrift(Refused):
    """Of this model no drift can be told: it has no threshold (`no_threshold`)."""


@dataclass(frozen=True)
class Drift:
    """What the latest pictures show.

    pictures: different ones that were looked at, `below` of them under the threshold; kept: good images below it that they are compared with.
    statistic, p_value: of the test; None where there are too few. moved: by how much the median score lies higher, in spreads (interquartile
    ranges) of the good ones. flagged: share that was called defective. promised: share of good images that the threshold promised at most.
    threshold: in force; running: where it would lie if it had moved and stretched as the median and the interquartile range of the pictures below it
    have. That is an alarm: nothing sets it.
    """

    reference: str
    run: str
    outcome: Outcome
    pictures: int
    below: int
    kept: int
    statistic: float | None
    p_value: float | None
    moved: float | None
    flagged: float | None
    promised: float | None
    threshold: float
    running: float | None

    def told(self) -> dict[str, Any]:
        """As JSON, with the words of what to do in English."""
        return {**asdict(self), "promise_holds": self.outcome != "drifted", "advice": self.advice, "fewest": FEWEST}

    @property
    def advice(self) -> str:
        if self.outcome == "too_few":
            return f"too few to tell: it takes {FEWEST} different pictures below the threshold, and {FEWEST_KEPT} good images that were kept for it"
        if self.outcome == "steady":
            return "nothing to do: the latest pictures score like the good images that the threshold was set on"
        what = "higher: expect more false alarms" if (self.moved or 0) > 0 else "lower: defects may pass more easily"
        return (
            f"the latest pictures score {what}, and what the threshold promised holds no more; look at camera, light and lens, "
            "then extend the model by new good images, train again with them, or set the threshold anew"
        )


async def drift_of(database: Database, runs: Queue, registry: Registry, reference: str, *, last: int = LAST) -> Drift:
    """Of the latest pictures that this model judged, whatever it was called when it did.

    Raises:
        NoDrift: the model has no threshold.
        UnknownModel, UnknownRun, NoResults, RunElsewhere: as `resolve` (assistant/models/serving/references.py).
    """
    model = await resolve(runs, registry, reference)
    if not KINDS[model.kind].has_threshold:
        message = f"{model.label} sorts images into classes: it has no threshold to drift from"
        raise NoDrift("no_threshold", message, "ask it of a model that looks for defects")
    query = select(PredictionRow.image_sha256, PredictionRow.score).where(PredictionRow.run == model.run)
    query = query.where(PredictionRow.score.is_not(None)).order_by(PredictionRow.created_at.desc()).limit(10 * last)
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    latest: dict[str, float] = {}
    for image, score in rows:
        if score is not None and len(latest) < last:
            latest.setdefault(image, score)
    return await asyncio.to_thread(
        _compared, reference, model.run, model.folder, list(latest.values()), model.threshold
    )


def _compared(reference: str, run: str, folder: Path, scores: Sequence[float], threshold: float | None) -> Drift:
    import numpy as np
    from scipy.stats import ks_2samp  # not before it is asked for

    from engine.contract.another_threshold import Kept

    set_by = Kept.read(RunFolder(folder))
    limit = set_by.promised.image if threshold is None else threshold
    seen = np.array([score for score in scores if score <= limit])
    kept = np.array([score for score in set_by.held_out.scores if score <= limit])
    flagged = 1 - len(seen) / len(scores) if scores else None
    counts: dict[str, Any] = {"pictures": len(scores), "below": len(seen), "kept": len(kept)}
    told: dict[str, Any] = {"flagged": flagged, "promised": set_by.promised.promised, "threshold": limit}
    if len(seen) < FEWEST or len(kept) < FEWEST_KEPT:
        return Drift(
            reference, run, "too_few", **counts, statistic=None, p_value=None, moved=None, running=None, **told
        )
    found = ks_2samp(seen, kept)
    (low, middle, high), (low_now, middle_now, high_now) = (
        np.quantile(each, [0.25, 0.5, 0.75]) for each in (kept, seen)
    )
    spread = max(float(high - low), 1e-12)
    moved = float(middle_now - middle) / spread
    running = float(middle_now + (limit - middle) * max(float(high_now - low_now), 1e-12) / spread)
    outcome: Outcome = "drifted" if found.pvalue < CHANCE else "steady"
    measures: dict[str, Any] = {
        "statistic": float(found.statistic),
        "p_value": float(found.pvalue),
        "moved": moved,
        "running": running,
    }
    return Drift(reference, run, outcome, **counts, **measures, **told)
