"""What every executor keeps to, found by its file: one that is added needs a row in tests/clusters.py. The engine is the real one.

The executor in another_machine/ is found like any other while these tests last: what holds of it needs no disk that it shares with the
server. The tests with a `site` are the same for all: a real server, and a real cluster where the executor is of one; they are skipped, and
say so, where it is not installed.
"""

import asyncio
import dataclasses
import importlib
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from assistant.runs import executors
from assistant.runs.executors import (
    Approved,
    Executor,
    Exited,
    Lost,
    Order,
    Pending,
    Running,
    Unknown,
    executor_names,
    open_executor,
)
from assistant.runs.files import open_files
from assistant.runs.results import load
from assistant.runs.run_tokens import RunTokens
from assistant.settings import SettingError, Settings
from assistant.workspace import Workspace
from engine.contract.events import Epoch, Event, EventLog, Failed, Started, Stopped, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, digest_of, make_job, read_job
from engine.contract.process_lock import is_locked, noted_watchers
from engine.contract.results.detect import DetectCard, DetectResults
from tests.clusters import Place, place
from tests.served_home import ServedHome, has_no_gap, soon
from tests.stored_runs import card, write_model
from tests.tiny_panels import tiny_panels
from tests.trainers import trainer_of

pytestmark = pytest.mark.anyio

ANOTHER_MACHINE = Path(__file__).with_name("another_machine")
RUN, ORDER = "r1", "r1-a1"
OF_CLUSTERS = {"kubernetes", "ray", "slurm"}  # test_clusters.py, test_kubernetes.py
JOB = make_job("detect", "panels", "autoencoder", {"image_size": 64, "epochs": 5000, "device": "cpu"})
LONG = {"image_size": 64, "epochs": 5000, "patience": 0, "device": "cpu"}
QUICK = {
    "image_size": 64, "backbone": "mobilenetv2_100", "weights": "random", "num_features": 8, "threshold_policy": "split_conformal",
    "device": "cpu",
}  # fmt: skip


class Bench:
    """An executor, and the files of one run that waits to be submitted."""

    def __init__(self, name: str, settings: Settings, data: Path):
        self.name, self.settings, self.data = name, settings, data
        self.files = open_files(settings)
        self.folder = self.files.folder(RUN)

    def holds(self, run: str, job: Job) -> RunFolder:
        """A run that has its first files."""
        with self.files.new(run) as folder:
            RunFolder(folder).write_job(job)
        return RunFolder(folder)

    def server(self) -> Executor:
        """The executor as a server has it that has just been started."""
        return open_executor(self.name, self.settings, self.files)

    def order(self, *, spec: str = digest_of(JOB), needs: tuple[str, ...] = ()) -> Order:
        return Order(RUN, 1, dataset="panels", data=self.data, approved=Approved(data=None, spec=spec), needs=needs)

    async def begun(self, executor: Executor) -> list[Event]:
        """What the run has reported as soon as it has reported something."""
        while not (events := read_events(self.folder)):
            assert isinstance(await executor.status(ORDER), Pending | Running)
            await asyncio.sleep(0.1)
        return events

    async def end(self, executor: Executor) -> Exited | Lost:
        while isinstance(status := await executor.status(ORDER), Pending | Running):
            await asyncio.sleep(0.1)
        assert isinstance(status, Exited | Lost)
        return status


@pytest.fixture(params=[*(name for name in executor_names() if name not in OF_CLUSTERS), "elsewhere"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(executors, "__path__", [*executors.__path__, str(ANOTHER_MACHINE)])
    chosen: str = request.param
    return chosen


@pytest.fixture
def bench(name: str, settings: Settings, panels: Path) -> Bench:
    bench = Bench(name, settings, panels)
    bench.holds(RUN, JOB)
    return bench


async def test_a_run_reports_into_its_files_and_is_gone_then(bench: Bench) -> None:
    executor = bench.server()
    await executor.ready(bench.order())
    await executor.submit(bench.order(spec="another"))
    ended = await bench.end(executor)
    assert isinstance(ended, Exited)
    assert ended.exit_code == 1
    assert RunFolder(Path()).events.as_posix() in bench.files.list(RUN)
    (event,) = read_events(bench.folder)
    assert isinstance(event, Failed)
    assert event.code == "spec_changed"
    assert any("not those that were approved" in line for line in await executor.logs(ORDER, 20))
    assert len(await executor.logs(ORDER, 1)) == 1


async def test_another_server_finds_an_attempt_starts_no_second_and_stops_it(bench: Bench) -> None:
    first, other = bench.server(), bench.server()
    await first.submit(bench.order())
    await other.submit(bench.order())
    assert isinstance(await other.status(ORDER), Pending | Running)
    assert [type(event) for event in await bench.begun(other) if isinstance(event, Started)] == [Started]
    await other.cancel(ORDER, grace_s=30)
    await bench.end(other)
    await bench.end(first)
    assert isinstance(read_events(bench.folder)[-1], Stopped)
    EventLog(bench.folder).close()  # nobody writes it any more


@pytest.mark.parametrize("whom", [["trainer"], ["guard"], ["shim"], ["shim", "guard"]], ids="+".join)
async def test_whatever_is_killed_here_the_attempt_is_over_and_the_next_one_goes_on(
    settings: Settings, panels: Path, whom: list[str]
) -> None:
    bench = Bench("local", settings, panels)
    bench.holds(RUN, JOB)
    first, other = bench.server(), bench.server()
    await first.submit(bench.order())
    await bench.begun(first)
    watchers = noted_watchers(bench.folder)
    assert watchers is not None
    pids = {"shim": watchers.shim, "guard": watchers.guard, "trainer": trainer_of(bench.folder)}
    for who in whom:
        os.kill(pids[who], signal.SIGKILL)
    assert await bench.end(other) == Exited(
        None if len(whom) == 2 else -9, None if whom == ["trainer"] else "guard_lost"
    )
    assert not is_locked(bench.folder)
    before = read_events(bench.folder)
    await other.submit(dataclasses.replace(bench.order(), attempt=2))
    while len(events := read_events(bench.folder)) == len(before):
        await asyncio.sleep(0.05)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    await other.cancel(f"{RUN}-a2", grace_s=30)
    assert await first.status(f"{RUN}-a2") == Exited(3, "cancelled")


async def test_of_an_attempt_that_was_never_submitted_nothing_is_known(bench: Bench) -> None:
    executor = bench.server()
    assert await executor.status(ORDER) == Unknown()
    await executor.cancel(ORDER, grace_s=0)
    assert await executor.status(ORDER) == Unknown()
    assert read_events(bench.folder) == []
    assert list(await executor.logs(ORDER, 20)) == []


async def test_what_a_run_is_built_on_lies_beside_it_where_it_computes(
    name: str, settings: Settings, panels: Path
) -> None:
    bench, job = Bench(name, settings, panels), make_job("detect", "panels", "padim", {**QUICK, "backbone_run": "r7"})
    bench.holds(RUN, job)
    write_model(bench.holds("r7", JOB).path, card(JOB))  # it adapted no backbone, which is told of a run that was found
    executor = bench.server()
    assert job.built_on == ["r7"]
    await executor.submit(bench.order(spec=digest_of(job), needs=("r7",)))
    await bench.end(executor)
    last = read_events(bench.folder)[-1]
    assert isinstance(last, Failed)
    assert "r7 (autoencoder) has adapted no backbone" in last.reason


async def test_a_whole_training_ends_well_and_its_results_are_there(
    name: str, settings: Settings, panels: Path
) -> None:
    async with Workspace.open(settings.model_copy(update={"executor": name})) as workspace:
        run = await workspace.runs.add(make_job("detect", "panels", "padim", QUICK), data_path=str(panels))
        ended = await workspace.supervisor.run_one(run.id)
        folder = workspace.runs.folder_of(ended)
        assert (ended.state, ended.executor, ended.reason) == ("succeeded", name, None)
        assert len(load(ended, folder, DetectResults).rows) == 8
        assert RunFolder(folder).model.read_card(DetectCard).spec == read_job(ended.spec).model_dump(mode="json")


def test_an_executor_that_does_not_exist_is_refused_with_those_that_do(settings: Settings) -> None:
    with pytest.raises(SettingError, match=r"MURASCOPE_EXECUTOR is 'abacus'.*\(have: .*local"):
        open_executor("abacus", settings, open_files(settings))


def test_executors_are_found_by_their_files_alone() -> None:
    folder = Path(importlib.import_module("assistant.runs.executors").__file__ or "").parent
    assert executor_names() == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


class Site:
    """A server whose runs compute in a place."""

    def __init__(self, place: Place, served: ServedHome):
        self.place, self.served = place, served

    def begins(self, run: RunFolder) -> None:
        soon(lambda: any(isinstance(event, Epoch) for event in read_events(run.path)))

    def trainer(self, run: RunFolder) -> tuple[psutil.Process, RunFolder]:
        """The process that computes a run, and the folder in which it does."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = process.cmdline()
                there = Path(words[4]) if words[1:4] == ["-m", "engine", "run"] else Path()
                if there.is_relative_to(self.place.folder) and there.name == run.id:
                    return process, RunFolder(there)
        raise AssertionError(f"{run.id} computes nowhere")


@pytest.fixture(scope="module", params=executor_names())
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp(request.param)
    with place(request.param, folder) as found:
        waits_there = found.cluster is not None  # for a place in the cluster's own queue
        told = {**found.settings, "slots": str(found.places + waits_there)}
        served = ServedHome(folder / "home", tiny_panels(folder), settings=told)
        served.environment |= found.environment
        try:
            served.start()
            yield Site(found, served)
        finally:
            served.close()


def test_a_run_goes_to_its_end_and_its_results_are_shown(site: Site) -> None:
    run = site.served.add(make_job("detect", "panels", "padim", QUICK))
    ended = site.served.end(run.id)
    assert (ended["state"], ended["reason"]) == ("succeeded", None)
    assert has_no_gap(run)
    assert site.served.ask("GET", f"/api/runs/{run.id}/results")[0] == 200


def test_a_killed_trainer_is_tried_again_where_it_was_saved_and_its_first_attempt_is_refused(site: Site) -> None:
    run = site.served.add(make_job("detect", "panels", "autoencoder", LONG))
    site.begins(run)
    trainer, there = site.trainer(run)
    soon(there.checkpoint.exists)
    trainer.kill()
    soon(lambda: "resumed" in codes_of(run))
    assert "retried_killed" in codes_of(run)
    assert has_no_gap(run)
    stale = RunTokens(Settings(home=site.served.home)).make(run.id, 1)
    status, refusal = site.served.ask("POST", f"/api/reports/{run.id}/1/events", stale, b"{}\n")
    assert (status, refusal["code"]) == (409, "stale")
    site.served.stop(run.id)
    assert site.served.end(run.id)["state"] == "stopped"


def codes_of(run: RunFolder) -> list[str]:
    return [getattr(event, "code", event.type) for event in read_events(run.path)]


def test_one_run_more_than_there_are_places_waits_and_both_kinds_are_stopped(site: Site) -> None:
    job = make_job("detect", "panels", "autoencoder", LONG)
    *begun, waits = [site.served.add(job) for _ in range(site.place.places + 1)]
    for run in begun:
        site.begins(run)
    if site.place.cluster is not None:
        soon(lambda: site.served.run(waits.id)["state"] == "running")  # for us: it waits in the cluster's queue
    assert not read_events(waits.path)
    site.served.stop(waits.id)
    assert site.served.end(waits.id)["state"] == "stopped"
    for run in begun:
        site.served.stop(run.id)
        assert site.served.end(run.id)["state"] == "stopped"
        assert has_no_gap(run)
    assert not any(isinstance(event, Started) for event in read_events(waits.path))
