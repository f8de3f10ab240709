"""What every executor keeps to, found by its file: one that is added needs no word here. The engine is the real one."""

import asyncio
import importlib
from pathlib import Path

import pytest

from assistant.runs.executors import Approved, Executor, Gone, Running, Submission, executor_names, open_executor
from assistant.runs.files import LocalFiles
from assistant.settings import SettingError, Settings
from engine.contract.events import EventLog, Failed, Started, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import digest_of, make_job
from engine.contract.process_lock import is_locked

pytestmark = pytest.mark.anyio

RUN = "r1"
JOB = make_job("detect", "panels", "autoencoder", {"image_size": 64, "epochs": 5000, "device": "cpu"})


class Bench:
    """An executor, and the files of one run that waits to be submitted."""

    def __init__(self, name: str, settings: Settings, data: Path):
        self.name, self.settings, self.data = name, settings, data
        self.files = LocalFiles(settings.runs_folder)
        self.folder = settings.runs_folder / RUN
        self.folder.mkdir(parents=True)
        RunFolder(self.folder).spec.write_text(JOB.model_dump_json())
        self.claims = 0

    def server(self) -> Executor:
        """The executor as a server has it that has just been started."""
        return open_executor(self.name, self.settings, self.files)

    def submission(self, *, spec: str = digest_of(JOB)) -> Submission:
        return Submission(RUN, data=self.data, approved=Approved(data=None, spec=spec))

    async def claim(self) -> bool:
        self.claims += 1
        return True

    async def end(self, executor: Executor) -> Gone:
        while not isinstance(status := await executor.status(RUN), Gone):
            await asyncio.sleep(0.1)
        return status


@pytest.fixture(params=executor_names())
def bench(request: pytest.FixtureRequest, settings: Settings, panels: Path) -> Bench:
    return Bench(request.param, settings, panels)


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
    while not read_events(bench.folder):
        await asyncio.sleep(0.1)
    assert isinstance(read_events(bench.folder)[0], Started)
    await other.cancel(RUN, grace_s=30)
    assert (await bench.end(other)).has_begun
    assert (await bench.end(first)).has_begun
    assert not is_locked(bench.folder)
    EventLog(bench.folder).close()  # nobody writes it any more


async def test_a_run_that_was_never_submitted_is_told_as_one_that_has_not_begun(bench: Bench) -> None:
    executor = bench.server()
    assert await executor.status(RUN) == Gone(None, has_begun=False)
    await executor.cancel(RUN, grace_s=0)
    assert await executor.status(RUN) == Gone(None, has_begun=False)


def test_an_executor_that_does_not_exist_is_refused_with_those_that_do(settings: Settings) -> None:
    with pytest.raises(SettingError, match=r"MURASCOPE_EXECUTOR is 'slurm'.*\(have: .*local"):
        open_executor("slurm", settings, LocalFiles(settings.runs_folder))


def test_executors_are_found_by_their_files_alone() -> None:
    folder = Path(importlib.import_module("assistant.runs.executors").__file__ or "").parent
    assert executor_names() == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
