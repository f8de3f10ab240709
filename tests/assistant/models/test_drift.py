"""Drift is told where the latest pictures score otherwise than the good images did, and not where there are only more defects."""

from uuid import uuid4

import numpy as np
import pytest

from assistant.models.drift import FEWEST, Drift, NoDrift
from assistant.store.tables import PredictionRow, RunRow
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import HeldOut
from tests import stored_runs

pytestmark = pytest.mark.anyio
KEPT = [0.1 + 0.3 * number / 39 for number in range(40)]  # of good images, all below the threshold of 0.5


async def finished(workspace: Workspace) -> RunRow:
    job = make_job("detect", "oled", "patchcore")
    assert isinstance(job, DetectJob)
    row = await workspace.runs.add(job, data_path="/d")
    folder = workspace.runs.folder(row.id)
    stored_runs.write_evaluation(folder, findings={1: stored_runs.finding()})
    card = stored_runs.card(job).model_copy(update={"calibration": HeldOut(scores=KEPT)})
    stored_runs.write_model(RunFolder(folder).path, card)
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics={})
    return await workspace.runs.get(row.id)


async def judged(workspace: Workspace, run: str, scores: list[float], *, image: str | None = None) -> Drift:
    async with workspace.database.session() as session:
        for score in scores:
            row = PredictionRow(
                id=uuid4().hex, run=run, name="a.png", image_sha256=image or uuid4().hex, verdict="good", score=score
            )
            row.found, row.who, row.home = {}, "test", workspace.runs.place.home
            session.add(row)
    return await workspace.models.drift(run)


def drawn(count: int, *, moved: float = 0.0, seed: int = 1) -> list[float]:
    return list(np.random.default_rng(seed).uniform(0.1, 0.4, count) + moved)


async def test_scores_like_those_of_the_good_images_are_no_drift(workspace: Workspace) -> None:
    found = await judged(workspace, (await finished(workspace)).id, drawn(100))
    assert (found.outcome, found.below, found.kept) == ("steady", 100, 40)
    assert found.told()["promise_holds"] is True


@pytest.mark.parametrize(("moved", "said"), [(0.09, "higher"), (-0.09, "lower")])
async def test_scores_that_moved_are_drift_and_void_the_promise(workspace: Workspace, moved: float, said: str) -> None:
    found = await judged(workspace, (await finished(workspace)).id, drawn(100, moved=moved))
    assert found.outcome == "drifted" and found.moved is not None and (found.moved > 0) == (moved > 0)
    assert found.told()["promise_holds"] is False and said in found.advice
    assert found.running == pytest.approx(0.5 + moved, abs=0.08)  # an alarm:
    assert found.threshold == 0.5 == (await workspace.models.drift(found.run)).threshold


async def test_more_defects_are_no_drift(workspace: Workspace) -> None:
    found = await judged(workspace, (await finished(workspace)).id, drawn(60) + [0.9] * 60)
    assert (found.outcome, found.below, found.flagged) == ("steady", 60, 0.5)


async def test_few_pictures_or_one_that_comes_again_and_again_tell_nothing(workspace: Workspace) -> None:
    row = await finished(workspace)
    assert (await judged(workspace, row.id, drawn(FEWEST - 1))).outcome == "too_few"
    assert (await judged(workspace, row.id, [0.39] * 100, image="the same")).outcome == "steady"


async def test_a_model_without_a_threshold_has_none_to_drift_from(workspace: Workspace) -> None:
    row = await finished(workspace)
    async with workspace.database.session() as session:
        found = await session.get(RunRow, row.id)
        assert found is not None
        found.kind = "classify"
    with pytest.raises(NoDrift, match="no threshold"):
        await workspace.models.drift(row.id)
