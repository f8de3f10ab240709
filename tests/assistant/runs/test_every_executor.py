"""What every executor keeps to, found by its file: one that is added needs no word here. The engine is the real one.

The executor in another_machine/ is found like any other while these tests last: what holds of it needs no disk that it shares with the
server.
"""

import asyncio
import importlib
from pathlib import Path

import pytest

from assistant.runs import executors
from assistant.runs.executors import Approved, Executor, Gone, Running, Submission, executor_names, open_executor
from assistant.runs.files import open_files
from assistant.runs.results import load
from assistant.settings import SettingError, Settings
from assistant.workspace import Workspace
from engine.contract.events import Event, EventLog, Failed, Started, Stopped, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, digest_of, make_job, read_job
from engine.contract.results.detect import DetectCard, DetectResults
from tests.stored_runs import card, write_model

pytestmark = pytest.mark.anyio

ANOTHER_MACHINE = Path(__file__).with_name("another_machine")
RUN = "r1"
JOB = make_job("detect", "panels", "autoencoder", {"image_size": 64, "epochs": 5000, "device": "cpu"})
QUICK = {"image_size": 64, "backbone": "mobilenetv2_100", "weights": "random", "num_features": 8, "device": "cpu"}


class Bench:
    """An executor, and the files of one run that waits to be submitted."""

    def __init__(self, name: str, settings: Settings, data: Path):
        self.name, self.settings, self.data = name, settings, data
        self.files = open_files(settings)
        self.folder = self.files.folder(RUN)
        self.claims = 0

    def holds(self, run: str, job: Job) -> RunFolder:
        """A run that has its first files."""
        with self.files.new(run) as folder:
            RunFolder(folder).write_job(job)
        return RunFolder(folder)

    def server(self) -> Executor:
        """The executor as a server has it that has just been started."""
        return open_executor(self.name, self.settings, self.files)

    def submission(self, *, spec: str = digest_of(JOB), needs: tuple[str, ...] = ()) -> Submission:
        return Submission(RUN, dataset="panels", data=self.data, approved=Approved(data=None, spec=spec), needs=needs)

    async def claim(self) -> bool:
        self.claims += 1
        return True

    async def begun(self, executor: Executor) -> list[Event]:
        """What the run has reported as soon as it has reported something."""
        while not (events := read_events(self.folder)):
            assert isinstance(await executor.status(RUN), Running)
            await asyncio.sleep(0.1)
        return events

    async def end(self, executor: Executor) -> Gone:
        while not isinstance(status := await executor.status(RUN), Gone):
            await asyncio.sleep(0.1)
        return status


@pytest.fixture(params=[*executor_names(), "elsewhere"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(executors, "__path__", [*executors.__path__, str(ANOTHER_MACHINE)])
    chosen: str = request.param
    return chosen


@pytest.fixture
def bench(name: str, settings: Settings, panels: Path) -> Bench:
    bench = Bench(name, settings, panels)
    bench.holds(RUN, JOB)
    return bench


async def test_a_run_is_claimed_once_reports_into_its_files_and_is_gone_then(bench: Bench) -> None:
    executor = bench.server()
    assert await executor.submit(bench.submission(spec="another"), claim=bench.claim)
    ended = await bench.end(executor)
    assert (ended.has_begun, bench.claims) == (True, 1)
    assert ended.exit_code in (1, None)
    assert RunFolder(Path()).events.as_posix() in bench.files.list(RUN)
    (event,) = read_events(bench.folder)
    assert isinstance(event, Failed)
    assert event.code == "spec_changed"
    assert any("not those that were approved" in line for line in await executor.logs(RUN, 20))
    assert len(await executor.logs(RUN, 1)) == 1


async def test_what_is_not_claimed_is_not_started(bench: Bench) -> None:
    async def taken_meanwhile() -> bool:
        return False

    executor = bench.server()
    assert not await executor.submit(bench.submission(), claim=taken_meanwhile)
    assert await executor.status(RUN) == Gone(None, has_begun=False)
    assert read_events(bench.folder) == []
    assert list(await executor.logs(RUN, 20)) == []


async def test_another_server_finds_a_run_starts_no_second_and_stops_it(bench: Bench) -> None:
    first, other = bench.server(), bench.server()
    assert await first.submit(bench.submission(), claim=bench.claim)
    assert isinstance(await other.status(RUN), Running)
    assert not await other.submit(bench.submission(), claim=bench.claim)
    assert bench.claims == 1
    assert isinstance((await bench.begun(other))[0], Started)
    await other.cancel(RUN, grace_s=30)
    assert (await bench.end(other)).has_begun
    assert (await bench.end(first)).has_begun
    assert isinstance(read_events(bench.folder)[-1], Stopped)
    EventLog(bench.folder).close()  # nobody writes it any more


async def test_a_run_that_was_never_submitted_is_told_as_one_that_has_not_begun(bench: Bench) -> None:
    executor = bench.server()
    assert await executor.status(RUN) == Gone(None, has_begun=False)
    await executor.cancel(RUN, grace_s=0)
    assert await executor.status(RUN) == Gone(None, has_begun=False)


async def test_what_a_run_is_built_on_lies_beside_it_where_it_computes(
    name: str, settings: Settings, panels: Path
) -> None:
    bench, job = Bench(name, settings, panels), make_job("detect", "panels", "padim", {**QUICK, "backbone_run": "r7"})
    bench.holds(RUN, job)
    write_model(bench.holds("r7", JOB).path, card(JOB))  # it adapted no backbone, which is told of a run that was found
    executor = bench.server()
    assert job.built_on == ["r7"]
    assert await executor.submit(bench.submission(spec=digest_of(job), needs=("r7",)), claim=bench.claim)
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
    with pytest.raises(SettingError, match=r"MURASCOPE_EXECUTOR is 'slurm'.*\(have: .*local"):
        open_executor("slurm", settings, open_files(settings))


def test_executors_are_found_by_their_files_alone() -> None:
    folder = Path(importlib.import_module("assistant.runs.executors").__file__ or "").parent
    assert executor_names() == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
