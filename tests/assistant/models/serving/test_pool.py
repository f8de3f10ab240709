"""The pool over workers that are real processes, small programs instead of models: they do as the names of their pictures say."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from assistant.machine.metrics import Metrics
from assistant.models.serving import pool as pools
from assistant.models.serving.pool import Busy, NotServed, Picture, Pool
from assistant.models.serving.references import Servable
from assistant.settings import Settings
from engine.contract.serving import Answered
from tests.served_models import put_programs_in_place_of_models

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def programs_for_models(monkeypatch: pytest.MonkeyPatch) -> None:
    put_programs_in_place_of_models(monkeypatch)


@asynccontextmanager
async def opened(home: Path, **settings: object) -> AsyncIterator[Pool]:
    pool = Pool(Settings(home=home, **settings), Metrics())  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.close()


def model(run: str, *, name: str | None = None, threshold: float | None = None) -> Servable:
    return Servable(name or run, run, run, Path("/runs") / run, "detect", "data", threshold, threshold)


def pictures(*names: str) -> list[Picture]:
    return [Picture(name, b"abc") for name in names]


def verdicts(told: list[Answered | NotServed]) -> list[str | None]:
    return [each.verdict if isinstance(each, Answered) else "not served" for each in told]


def pids(told: list[Answered | NotServed]) -> set[int]:
    """A program tells its number as that of its batch."""
    return {each.batch for each in told if isinstance(each, Answered)}


async def test_one_process_serves_a_model_at_whatever_threshold(tmp_path: Path) -> None:
    async with opened(tmp_path) as pool:
        first = await pool.judge(model("r1", threshold=1.0), pictures("a", "b"))
        second = await pool.judge(model("r1", threshold=2.0), pictures("c"))
    assert [each.threshold for each in [*first, *second] if isinstance(each, Answered)] == [1.0, 1.0, 2.0]
    assert len(pids(first) | pids(second)) == 1


async def test_two_models_answer_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as pool:
        one, other = await asyncio.gather(
            pool.judge(model("r1"), pictures(*["slow"] * 8)), pool.judge(model("r2"), pictures(*["slow"] * 8))
        )
    assert verdicts(one) == ["r1"] * 8
    assert verdicts(other) == ["r2"] * 8


async def test_the_picture_that_ends_a_process_is_found_out_and_the_others_are_judged(tmp_path: Path) -> None:
    async with opened(tmp_path) as pool:
        told = await pool.judge(model("r1"), pictures("a", "b", "slow", "poison", "c", "d"))
        assert verdicts(told) == ["r1", "r1", "r1", "not served", "r1", "r1"]
        assert isinstance(told[3], NotServed) and "SIGKILL" in str(told[3])
        assert verdicts(await pool.judge(model("r1"), pictures("e"))) == ["r1"]  # it is back


async def test_a_process_killed_from_outside_costs_no_picture(tmp_path: Path) -> None:
    async with opened(tmp_path) as pool:
        asking = [asyncio.create_task(pool.judge(model("r1"), pictures(*["slow"] * 10))) for _ in range(4)]
        while not pool.workers():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.12)
        os.kill(pool.workers()["r1"], signal.SIGKILL)
        told = [each for done in await asyncio.gather(*asking) for each in done]
    assert verdicts(told) == ["r1"] * 40
    assert len(pids(told)) == 2


async def test_a_process_that_hangs_is_ended_and_the_picture_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "PATIENCE_S", 0.4)
    async with opened(tmp_path) as pool:
        assert verdicts(await pool.judge(model("r1"), pictures("a", "hang", "b"))) == ["r1", "not served", "r1"]


@pytest.mark.parametrize(("run", "why"), [("damaged", "the model is damaged"), ("dies", "no memory at all")])
async def test_a_model_that_cannot_be_loaded_is_told_with_the_reason(tmp_path: Path, run: str, why: str) -> None:
    async with opened(tmp_path) as pool:
        told = await pool.judge(model(run), pictures("a", "b"))
        assert pool.workers() == {}
    assert [isinstance(each, NotServed) and why in str(each) for each in told] == [True, True]


async def test_more_pictures_than_may_wait_are_refused_with_when_to_try_again(tmp_path: Path) -> None:
    async with opened(tmp_path, serving_queue=10) as pool:
        taken = asyncio.create_task(pool.judge(model("r1"), pictures(*["slow"] * 8)))
        await asyncio.sleep(0)
        with pytest.raises(Busy) as refused:
            await pool.judge(model("r1"), pictures("a", "b", "c"))
        assert refused.value.status == 429
        assert (refused.value.retry_after_s or 0) >= 1
        assert verdicts(await taken) == ["r1"] * 8
        assert b'murascope_predictions_total{outcome="busy"} 3.0' in generate_latest(pool.metrics.registry)


async def test_the_model_used_least_lately_gives_way(tmp_path: Path) -> None:
    async with opened(tmp_path, serving_models=2) as pool:
        for run in ("r1", "r2", "r1", "r3"):
            await pool.judge(model(run), pictures("a"))
        assert set(pool.workers()) == {"r1", "r3"}
        assert verdicts(await pool.judge(model("r2"), pictures("a"))) == ["r2"]


async def test_a_model_that_is_never_idle_gives_way_after_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "TURN_S", 0.2)
    async with opened(tmp_path, serving_models=1) as pool:
        busy = asyncio.create_task(pool.judge(model("r1"), pictures(*["slow"] * 40)))
        await asyncio.sleep(0.1)
        assert verdicts(await pool.judge(model("r2"), pictures("a"))) == ["r2"]
        assert not busy.done()
        assert verdicts(await busy) == ["r1"] * 40


async def test_a_model_that_nobody_asks_is_put_away_and_comes_back(tmp_path: Path) -> None:
    async with opened(tmp_path, serving_idle_s=0.1) as pool:
        first = await pool.judge(model("r1"), pictures("a"))
        while pool.workers():
            await asyncio.sleep(0.02)
        second = await pool.judge(model("r1"), pictures("a"))
    assert len(pids(first) | pids(second)) == 2


async def test_a_name_that_points_elsewhere_drops_nothing_and_the_former_process_ends(tmp_path: Path) -> None:
    async with opened(tmp_path) as pool:
        before = asyncio.create_task(pool.judge(model("r1", name="line"), pictures(*["slow"] * 12)))
        await asyncio.sleep(0.1)
        after = await pool.judge(model("r2", name="line"), pictures("a"))
        assert verdicts(await before) == ["r1"] * 12
        assert verdicts(after) == ["r2"]
        while set(pool.workers()) != {"r2"}:
            await asyncio.sleep(0.02)


async def test_the_end_of_the_server_ends_the_processes_and_tells_who_waits(tmp_path: Path) -> None:
    async with opened(tmp_path) as pool:
        waiting = asyncio.create_task(pool.judge(model("r1"), pictures("hang", "a")))
        while not pool.workers():
            await asyncio.sleep(0.01)
        pid = pool.workers()["r1"]
    assert verdicts(await waiting) == ["not served", "not served"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
