"""The supervisor gives every run an honest end, whatever happens to its process. The processes are real, small Python programs."""

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from assistant.runs import supervisor
from assistant.runs.executors import Exited, Lost, Order, Pending, Running, Unknown, Unreachable
from assistant.runs.leases import Leases
from assistant.runs.supervisor import Supervisor
from assistant.settings import Settings
from assistant.store.tables import AttemptRow, now
from engine.contract.events import EventLog, Failed, Finished, Started, Stopped, Warned, read_events
from engine.contract.jobs import make_job
from engine.contract.process_lock import is_locked
from tests.scripted_runs import (
    FILL_THE_LAST_BLOCK,
    FINISH,
    PREAMBLE,
    START,
    Cluster,
    Scene,
    ScriptExecutor,
    opened_scene,
)
from tests.small_disk import SmallDisk, small_disk
from tests.trainers import trainer_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr("assistant.store.database.BUSY_MS", 200)
    async with opened_scene(settings) as opened:
        yield opened


@pytest.fixture
async def scene_on_a_small_disk(settings: Settings) -> AsyncIterator[tuple[Scene, SmallDisk]]:
    """All but the database lies on the disk that gets full."""
    with small_disk(settings.runs_folder) as disk:
        async with opened_scene(settings) as opened:
            yield opened, disk


async def test_a_run_that_says_finished_has_succeeded(scene: Scene) -> None:
    run = await scene.run(f"{START}\n{FINISH}")
    assert (run.state, run.metrics) == ("succeeded", {"image_auroc": 0.9})
    assert [each.id for each in scene.ended] == ["r1"]


async def test_exit_code_0_without_a_last_word_is_a_failure(scene: Scene) -> None:
    run = await scene.run(f"{START}\nprint('the last line')")
    last = read_events(scene.queue.folder("r1"))[-1]
    assert run.state == "failed"
    assert isinstance(last, Failed)
    assert last.log == ["the last line"]


async def test_a_killed_process_is_a_failure_that_names_the_signal(scene: Scene) -> None:
    run = await scene.run(f"{START}\nprint('working', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert run.state == "failed"
    assert "SIGKILL" in (run.reason or "")
    assert "out of memory" in (run.hint or "")


async def test_a_torn_last_line_is_cut_off_before_the_last_word(scene: Scene) -> None:
    await scene.run(f'{START}\nlog._file.write(b\'{{"seq": 2, "ty\'); log._file.flush(); os._exit(9)')
    assert [event.seq for event in read_events(scene.queue.folder("r1"))] == [1, 2]


async def test_a_log_that_is_damaged_in_its_middle_ends_the_run_as_failed(scene: Scene) -> None:
    damage = 'log._size += log._file.write(b\'{"seq":5,"ty\\n\')'
    run = await scene.run(f"{START}\n{damage}\n{FINISH}")
    assert run.state == "failed"
    assert "line 2 of events.jsonl" in (run.reason or "")
    assert [event.seq for event in read_events(scene.queue.folder("r1"))] == [1, 2]
    assert (scene.queue.folder("r1") / "events.damaged.jsonl").exists()


async def test_a_stop_ends_a_process_that_listens(scene: Scene) -> None:
    listening = "signal.signal(signal.SIGTERM, lambda *_: (log.append(Stopped()), os._exit(3)))"
    task = await scene.begin(f"{listening}\n{START}\ntime.sleep(60)")
    await scene.first_event("r1")
    await scene.queue.stop("r1")
    assert (await task).state == "stopped"


async def test_a_restarted_server_finds_its_run_again_and_tells_its_end(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(1.5)\n{FINISH}"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.first_event(run)
    assert (await scene.queue.get(run)).state == "running"
    async with scene.another_server().working():
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"


async def test_a_stop_ends_a_process_that_does_not_listen_and_is_told_as_a_stop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_GRACE_SECONDS", 0.3)
    task = await scene.begin(f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{START}\ntime.sleep(60)")
    await scene.first_event("r1")
    await scene.queue.stop("r1")
    assert (await task).state == "stopped"
    assert isinstance(read_events(scene.queue.folder("r1"))[-1], Stopped)


async def test_a_server_that_did_not_start_a_run_stops_it(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(60)"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.first_event(run)
    async with scene.another_server().working():
        await scene.queue.stop(run)
        assert (await scene.state_becomes(run, "stopped", "failed")).state == "stopped"
    assert not is_locked(scene.queue.folder(run))


async def test_a_run_whose_process_was_not_noted_yet_is_not_taken_for_dead(scene: Scene) -> None:
    go = scene.folder / "go"
    scene.executor.preamble = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n{PREAMBLE}"
    scene.executor.script = f"{START}\n{FINISH}"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.state_becomes(run, "running")
    second = scene.another_server()
    async with second.working():
        while run not in second._watched:
            await asyncio.sleep(0.02)
        assert not await second._is_over(run)
        go.touch()
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"


async def test_a_run_that_was_claimed_by_a_server_killed_before_the_start_is_started(scene: Scene) -> None:
    run = await scene.add()
    await scene.queue.claim_one(run)
    scene.executor.script = f"{START}\n{FINISH}"
    async with scene.supervisor.working():
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"
    assert [event.seq for event in read_events(scene.queue.folder(run))] == [1, 2]


async def test_a_process_that_dies_at_once_is_not_started_for_ever(scene: Scene) -> None:
    scene.executor.preamble = "raise SystemExit(7)"
    run = await scene.run("")
    assert (run.state, run.attempts) == ("failed", 1)
    assert "exit code 7" in (run.reason or "")


async def test_what_a_killed_process_leaves_behind_is_ended_and_the_run_gets_its_end(scene: Scene) -> None:
    task = await scene.begin(f"{START}\nif os.fork(): os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(600)")
    run = await task
    assert run.state == "failed"
    assert "SIGKILL" in (run.reason or "")
    assert not is_locked(scene.queue.folder("r1"))


async def test_a_server_that_did_not_start_a_run_ends_what_its_killed_process_left_behind(scene: Scene) -> None:
    leave = "if os.fork(): time.sleep(600)\ntime.sleep(600)"
    scene.executor.script = f"{START}\n{leave}"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.first_event(run)
    async with scene.another_server().working():
        os.kill(trainer_of(scene.queue.folder(run)), signal.SIGKILL)
        assert (await scene.state_becomes(run, "failed")).attempts == 1
    assert not is_locked(scene.queue.folder(run))


async def test_a_log_that_another_process_writes_holds_nobody_up(scene: Scene) -> None:
    run = await scene.add()
    await scene.queue.claim_one(run)
    writer = EventLog(scene.queue.folder(run))  # of a trainer of an earlier version, which holds no lock on the run
    writer.append(Started(model="patchcore", dataset="oled"))
    async with scene.supervisor.working():
        while scene.supervisor.trouble(run) is None:
            await asyncio.sleep(0.02)
        assert (await scene.queue.get(run)).state == "running"
        writer.append(Finished(metrics={}, seconds={}))
        writer.close()
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"


async def test_two_servers_on_one_home_start_each_run_once(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(0.2)\n{FINISH}"
    second = scene.another_server()
    runs = [await scene.add() for _ in range(4)]
    async with scene.supervisor.working(), second.working():
        for run in runs:
            ended = await scene.state_becomes(run, "succeeded", "failed")
            assert (ended.state, ended.attempts) == ("succeeded", 1)
            assert [event.seq for event in read_events(scene.queue.folder(run))] == [1, 2]
    assert sorted(each.id for each in scene.ended) == runs


async def test_a_run_waits_for_room_on_the_disk_and_begins_when_there_is(
    scene_on_a_small_disk: tuple[Scene, SmallDisk], caplog: pytest.LogCaptureFixture
) -> None:
    scene, disk = scene_on_a_small_disk
    scene.executor.script = f"{START}\n{FINISH}"
    run = await scene.add()
    disk.fill(leave=1 << 20)
    async with scene.supervisor.working():
        trouble = await scene.trouble_of(run)
        assert (trouble.code, (await scene.queue.get(run)).state) == ("no_room", "queued")
        await asyncio.sleep(2)  # two more tries, of which the log is not told
        assert len([each for each in caplog.messages if "waits" in each]) == 1
        disk.empty()
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"
    assert scene.supervisor.trouble(run) is None


async def test_an_executor_that_takes_nothing_now_is_asked_once_for_all_that_wait(scene: Scene) -> None:
    runs, asked = [await scene.add() for _ in range(3)], []

    async def has_no_room(order: Order) -> None:
        asked.append(order.run)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    scene.executor.ready = has_no_room  # type: ignore[method-assign]
    for look in (1, 2):
        await scene.supervisor._look()
        assert asked == [runs[0]] * look
    troubles = [scene.supervisor.trouble(run) for run in runs]
    assert [each.code for each in troubles if each is not None] == ["no_room"] * 3


async def test_an_end_that_the_disk_does_not_take_is_written_when_there_is_room(
    scene_on_a_small_disk: tuple[Scene, SmallDisk],
) -> None:
    scene, disk = scene_on_a_small_disk
    scene.executor.script = f"{START}\n{FILL_THE_LAST_BLOCK}\ntime.sleep(60)"
    run = await scene.add()
    async with scene.supervisor.working():
        while len(read_events(scene.queue.folder(run))) < 2:
            await asyncio.sleep(0.05)
        disk.fill()
        await scene.queue.stop(run)
        assert (await scene.trouble_of(run)).code == "no_room"
        assert (await scene.queue.get(run)).state == "running"
        disk.empty()
        assert (await scene.state_becomes(run, "stopped", "failed")).state == "stopped"
    assert [event.seq for event in read_events(scene.queue.folder(run))] == [1, 2, 3]


async def test_a_database_that_is_held_for_long_loses_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    go = scene.folder / "go"
    scene.executor.script = f"{START}\nwhile not Path({str(go)!r}).exists(): time.sleep(0.02)\n{FINISH}"
    run = await scene.add()
    async with scene.supervisor.working():
        with scene.database_held():
            assert (await scene.trouble_of(run)).code == "database_busy"
            assert (await scene.queue.get(run)).state == "queued"
        await scene.first_event(run)
        assert scene.supervisor.trouble(run) is None
        with scene.database_held():
            go.touch()
            assert (await scene.trouble_of(run)).code == "database_busy"
            assert isinstance(read_events(scene.queue.folder(run))[-1], Finished)
        ended = await scene.state_becomes(run, "succeeded", "failed")
    assert (ended.state, ended.attempts) == ("succeeded", 1)
    assert len([each for each in caplog.messages if "waits" in each]) == 2


async def test_one_slot_runs_one_training_at_a_time(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(0.4)\n{FINISH}"
    for _ in range(3):
        await scene.add()
    async with scene.supervisor.working():
        most = 0
        while (await scene.queue.get("r3")).state != "succeeded":
            most = max(most, len(await scene.queue.list(state="running")))
            await asyncio.sleep(0.02)
    assert most == 1


async def test_following_a_run_gives_each_event_once_from_any_point(scene: Scene) -> None:
    task = await scene.begin(f"{START}\ntime.sleep(0.3)\n{FINISH}")
    await scene.state_becomes("r1", "running", "succeeded")
    events = [event async for event in scene.queue.follow("r1")]
    assert [type(event) for event in events] == [Started, Finished]
    assert [event.seq async for event in scene.queue.follow("r1", after=1)] == [2]
    await task


class NotingExecutor(ScriptExecutor):
    """Notes what it is given."""

    given: Order | None = None

    async def submit(self, order: Order) -> None:
        self.given = order
        await super().submit(order)


@pytest.mark.parametrize(
    ("model", "chosen", "needs"),
    [
        ("padim", {}, ()),
        ("padim", {"backbone_run": "r7"}, ("r7",)),
        ("ensemble", {"members": ["r3", "r4"]}, ("r3", "r4")),
    ],
)
async def test_an_executor_is_told_what_a_run_is_built_on(
    scene: Scene, model: str, chosen: dict[str, object], needs: tuple[str, ...]
) -> None:
    executor = NotingExecutor(scene.executor._settings, scene.files)
    executor.script = f"{START}; {FINISH}"
    run = await scene.queue.add(make_job("detect", "oled", model, chosen), data_path="/data/oled")
    await scene.another_supervisor(executor).run_one(run.id)
    assert executor.given is not None
    assert (executor.given.dataset, executor.given.data, executor.given.needs) == ("oled", Path("/data/oled"), needs)


DIES_ONCE = (
    "if len([each for each in read_events(run) if isinstance(each, Started)]) < 2: os.kill(os.getpid(), signal.SIGKILL)"
)


def outcomes(attempts: Sequence[AttemptRow]) -> list[str | None]:
    return [attempt.outcome for attempt in attempts]


@pytest.fixture
async def patient(settings: Settings) -> AsyncIterator[Scene]:
    """Its supervisor tries twice again what was killed."""
    async with opened_scene(settings, retries=2) as opened:
        yield opened


async def test_a_killed_process_is_tried_again_and_its_log_tells_why(patient: Scene) -> None:
    run = await patient.run(f"{START}\n{DIES_ONCE}\n{FINISH}")
    assert (run.state, run.attempts, run.reason) == ("succeeded", 2, None)
    events = read_events(patient.queue.folder("r1"))
    assert [type(event) for event in events] == [Started, Warned, Started, Finished]
    assert (events[1].code, events[1].values) == ("retried_killed", {"attempt": 1, "wait_s": 0.0})
    assert "SIGKILL" in events[1].message
    first, second = await patient.attempts.of("r1")
    assert (first.outcome, first.exit_code, second.outcome) == ("killed", -9, "done")
    assert "SIGKILL" in (first.reason or "")
    assert first.node == second.node == patient.queue.place.host


async def test_a_process_that_is_killed_again_and_again_fails_with_the_reason_of_the_last_time(patient: Scene) -> None:
    run = await patient.run(f"{START}\nprint('attempt', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert (run.state, run.attempts) == ("failed", 3)
    assert "SIGKILL" in (run.reason or "")
    assert outcomes(await patient.attempts.of("r1")) == ["killed"] * 3
    assert isinstance(last := read_events(patient.queue.folder("r1"))[-1], Failed)
    assert last.log[-1] == "attempt"


async def test_what_ends_by_itself_would_end_like_that_again_and_is_not_tried_again(patient: Scene) -> None:
    run = await patient.run(f"{START}\nos._exit(7)")
    assert (run.state, run.attempts) == ("failed", 1)
    assert outcomes(await patient.attempts.of("r1")) == ["exited"]


async def test_each_further_attempt_waits_twice_as_long(patient: Scene) -> None:
    patient.settings.retry_wait_s = 600.0 / 4
    patient.executor.script = f"{START}\nos.kill(os.getpid(), signal.SIGKILL)"
    run = await patient.add()
    waits = []
    for _ in range(2):
        async with patient.another_server().working():
            row = await patient.waits_again(run)
            assert row.not_before is not None
            waits.append(round((row.not_before - now()).total_seconds(), -1))
        await patient.queue._change(run, ("queued",), not_before=None)
    assert waits == [150, 300]


async def test_a_run_that_waits_for_its_next_attempt_can_be_stopped(patient: Scene) -> None:
    patient.settings.retry_wait_s = 600
    patient.executor.script = f"{START}\nos.kill(os.getpid(), signal.SIGKILL)"
    run = await patient.add()
    async with patient.supervisor.working():
        await patient.waits_again(run)
        assert (await patient.queue.stop(run)).state == "stopped"
    assert isinstance(read_events(patient.queue.folder(run))[-1], Stopped)


async def test_of_runs_that_wait_the_one_of_the_highest_priority_starts_first(scene: Scene) -> None:
    scene.executor.script = f"{START}\n{FINISH}"
    for _ in range(3):
        await scene.add()
    await scene.queue.prioritise("r3", 5)
    assert [row.id for row in await scene.queue.waiting()] == ["r3", "r1", "r2"]
    assert await scene.queue.waits_for(await scene.queue.get("r1")) == ["r3"]
    async with scene.supervisor.working():
        for run in ("r1", "r2", "r3"):
            await scene.state_becomes(run, "succeeded")
    assert [row.id for row in scene.ended] == ["r3", "r1", "r2"]


async def test_nothing_starts_while_the_queue_is_paused(scene: Scene) -> None:
    scene.executor.script = f"{START}\n{FINISH}"
    await scene.queue.pause()
    run = await scene.add()
    looked = asyncio.Event()
    scene.executor.ready = lambda order: looked.set()  # type: ignore[assignment]
    async with scene.supervisor.working():
        for _ in range(3):
            await scene.supervisor._look()
        assert not looked.is_set()
        assert (await scene.queue.get(run)).state == "queued"
        del scene.executor.ready
        await scene.queue.resume()
        await scene.state_becomes(run, "succeeded")


@asynccontextmanager
async def on_a_cluster(patient: Scene) -> AsyncIterator[tuple[Cluster, str]]:
    """A run that was submitted to a cluster and waits there."""
    cluster = Cluster()
    leases = Leases(patient.database, patient.another_process())
    server = patient.supervisor = Supervisor(
        patient.queue, patient.attempts, leases, lambda name: cluster, patient.settings, ended=patient.ended.append
    )
    run = await patient.add()
    cluster.now = Pending("no GPU is free")
    async with server.working():
        while not cluster.submitted:
            await asyncio.sleep(0.02)
        yield cluster, run


async def attempts_become(patient: Scene, run: str, *wanted: str | None) -> None:
    while outcomes(found := await patient.attempts.of(run)) != list(wanted) or found[0].state != "ended":
        await asyncio.sleep(0.02)


async def test_what_a_cluster_has_never_heard_of_is_submitted_again_under_the_same_id(patient: Scene) -> None:
    async with on_a_cluster(patient) as (cluster, run):
        cluster.now = Unknown()
        while len(cluster.submitted) < 2:
            await asyncio.sleep(0.02)
        cluster.now = Pending()
    assert set(cluster.submitted) == {f"{run}-a1"}


async def test_what_a_cluster_has_forgotten_that_had_begun_gets_a_new_attempt(patient: Scene) -> None:
    async with on_a_cluster(patient) as (cluster, run):
        await patient.attempts.heard(run, 1, node="node-2")
        cluster.now = Unknown()
        await attempts_become(patient, run, "lost", None)
        cluster.now = Pending()
    assert f"{run}-a2" in cluster.submitted


async def test_a_cluster_that_does_not_answer_changes_nothing(patient: Scene) -> None:
    async with on_a_cluster(patient) as (cluster, run):
        await patient.attempts.heard(run, 1, node="node-2")
        cluster.now, cluster.asked = Unreachable("the head does not answer"), 0
        while cluster.asked < 3:
            await asyncio.sleep(0.02)
        assert outcomes(await patient.attempts.of(run)) == [None]
        assert (await patient.queue.get(run)).state == "running"


async def test_what_an_attempt_waits_for_on_a_cluster_is_told_and_it_can_be_stopped_meanwhile(patient: Scene) -> None:
    async with on_a_cluster(patient) as (cluster, run):
        cluster.now = Pending("the image cannot be fetched: ImagePullBackOff", "cluster_image")
        async with asyncio.timeout(20):
            while (trouble := patient.supervisor.trouble(run)) is None:
                await asyncio.sleep(0.02)
            assert (trouble.code, trouble.message) == (cluster.now.code, cluster.now.why)
            await patient.queue.stop(run)
            while not cluster.cancelled:
                await asyncio.sleep(0.02)


async def test_what_a_machine_says_of_a_killed_process_stands_in_the_reason(patient: Scene) -> None:
    async with on_a_cluster(patient) as (cluster, run):
        await patient.attempts.heard(run, 1, node="node-2")
        cluster.now = Exited(-9, told="its container took more memory than it may: OOMKilled")
        await attempts_become(patient, run, "killed", None)
        cluster.now = Pending()
    [first, _] = await patient.attempts.of(run)
    assert first.reason is not None and first.reason.endswith("(its container took more memory than it may: OOMKilled)")


async def test_an_attempt_that_is_silent_is_ended_and_then_given_up(
    patient: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ABANDON_S", 0.2)
    patient.settings.silent_s = 0.3
    async with on_a_cluster(patient) as (cluster, run):
        await patient.attempts.heard(run, 1, node="node-2")
        cluster.now = Running("node-2")  # as its cluster says to the end: the node is frozen
        await attempts_become(patient, run, "silent", None)
        cluster.now = Pending()
    assert cluster.cancelled[0] == f"{run}-a1"
    assert f"{run}-a2" in cluster.submitted


async def test_attempts_of_which_nothing_was_heard_use_up_no_retries_and_are_bounded(
    patient: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ABANDON_S", 0.0)
    patient.settings.silent_s, patient.settings.retries = 0.05, 0
    async with on_a_cluster(patient) as (cluster, run):
        cluster.now = Running("node-2")
        row = await patient.state_becomes(run, "failed")
    assert row.attempts == supervisor.MOST_STARTS
    assert outcomes(await patient.attempts.of(run)) == ["never_began"] * supervisor.MOST_STARTS
    assert "never began" in (row.reason or "")


async def test_the_last_word_of_a_log_counts_more_than_a_machine_that_is_gone(patient: Scene) -> None:
    async with on_a_cluster(patient) as (cluster, run):
        await patient.attempts.heard(run, 1, node="node-2")
        log = EventLog(patient.queue.folder(run))
        log.append(Started(model="patchcore", dataset="oled"))
        log.append(Finished(metrics={"image_auroc": 0.9}, seconds={}))
        log.close()
        cluster.now = Lost("node-2 is dead")
        assert (await patient.state_becomes(run, "succeeded", "queued")).state == "succeeded"
    assert outcomes(await patient.attempts.of(run)) == ["done"]
