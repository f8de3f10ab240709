"""Whatever of a run is killed, nothing of it stays behind, and a verdict stands there. The trainers are a few lines of Python."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine import shim
from engine.contract.attempt import Attempt
from engine.contract.attempt_files import Verdict, heartbeat_in, read_verdict
from engine.contract.folder import RunFolder
from engine.contract.process_lock import is_locked, noted_watchers
from engine.contract.process_tree import below, end_left_behind
from tests.serving import PROJECT, nothing_set
from tests.small_disk import small_disk

ENVIRONMENT = nothing_set() | {"PYTHONPATH": str(PROJECT)}
PYTHON = (sys.executable, "-S", "-E", "-c")  # which begins soonest
PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
run = Path(sys.argv[1])
def there(name):
    (run / f"{name}.part").write_text(str(os.getpid())); (run / f"{name}.part").rename(run / name)
def child(name, *leave):
    if os.fork() == 0:
        for step in leave: step()
        there(name)
        while True: signal.pause()
    while not (run / name).exists(): time.sleep(0.002)
def again():
    if os.fork(): os._exit(0)
def close_all():
    os.closerange(3, 4096)
"""
WAIT = "there('trainer')\nwhile True: signal.pause()"
WAYS = {
    "a group": "child('other', lambda: os.setpgid(0, 0))",
    "two forks": "child('other', again)",
    "two forks, a session, no descriptors": "child('other', os.setsid, again, close_all)",
}


class Scene:
    """A run's folder, and trainers in it under a shim."""

    def __init__(self, run: Path):
        self.run = run
        self.attempt = Attempt(run, 1)
        self.pids: set[int] = set()

    def begin(self, program: str, *, attempt: int = 1, grace_s: float = 60, **limits: float) -> bool:
        command = [*PYTHON, PREAMBLE + program, str(self.run)]
        return Attempt(self.run, attempt).begin(command, environment=ENVIRONMENT, grace_s=grace_s, **limits)

    def begun(self, program: str = WAIT, **options: float) -> "Scene":
        """Its trainer has come so far that it waits, and all that it begets is there."""
        assert self.begin(program, **options)
        self.pid("trainer")
        watchers = noted_watchers(self.run)
        assert watchers is not None
        self.pids |= {watchers.shim, *below(watchers.shim)}
        return self

    def pid(self, who: str) -> int:
        watchers = noted_watchers(self.run)
        if who in ("shim", "guard"):
            return int(getattr(watchers, who))
        until(lambda: (self.run / who).exists())
        return int((self.run / who).read_text())

    def kill(self, *whom: str) -> None:
        pids = [self.pid(who) for who in whom]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)  # so that none sees the end of another
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def verdict(self, attempt: int = 1) -> Verdict:
        found: list[Verdict] = []

        def is_passed() -> bool:
            state = Attempt(self.run, attempt).look()
            found.extend([state] if isinstance(state, Verdict) else [])
            return bool(found)

        until(is_passed)
        return found[-1]

    def nothing_is_left(self) -> bool:
        """Not even the shim, which ends right after it has let go of the lock."""
        until(lambda: not self.left())
        return True

    def left(self) -> list[int]:
        return [pid for pid in self.pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


def until(come: Callable[[], bool]) -> None:
    for _ in range(4000):
        if come():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    for pid in scene.left():
        os.kill(pid, signal.SIGKILL)


def ended(verdict: Verdict) -> tuple[int | None, str | None]:
    return verdict.exit_code, verdict.why


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        (["trainer"], (-9, None)),
        (["guard"], (-9, "guard_lost")),
        (["shim"], (-9, "guard_lost")),
        (["shim", "guard"], (None, "guard_lost")),
        (["trainer", "shim", "guard"], (None, "guard_lost")),
    ],
    ids=["trainer", "guard", "shim", "both", "all"],
)
def test_whatever_is_killed_nothing_is_left_and_a_verdict_stands_there(
    scene: Scene, way: str, whom: list[str], expected: tuple[int | None, str | None]
) -> None:
    scene.begun(f"{WAYS[way]}\n{WAIT}")
    assert scene.pid("other") in scene.left()
    scene.kill(*whom)
    assert ended(scene.verdict()) == expected
    assert scene.nothing_is_left()
    assert not is_locked(scene.run)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_trainer_leaves_behind_is_ended_with_it(tmp_path: Path, way: str) -> None:
    try:
        assert run_shim(tmp_path, 1, f"{WAYS[way]}\nsys.exit(3)").returncode == 3
        assert not psutil.pid_exists(int((tmp_path / "other").read_text()))
    finally:
        end_left_behind(tmp_path)


@pytest.mark.parametrize("way", WAYS)
def test_a_stop_ends_all_of_it(scene: Scene, way: str) -> None:
    scene.begun(f"signal.signal(signal.SIGTERM, lambda *_: os._exit(3))\n{WAYS[way]}\n{WAIT}")
    scene.attempt.stop()
    assert ended(scene.verdict()) == (3, "cancelled")
    assert scene.nothing_is_left()


def test_a_trainer_that_does_not_listen_is_killed_when_its_grace_is_over(scene: Scene) -> None:
    scene.begun(f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WAIT}", grace_s=0.2)
    scene.attempt.stop()
    assert ended(scene.verdict()) == (-9, "cancelled")


def test_a_stop_is_made_to_be_one_at_once(scene: Scene) -> None:
    scene.begun(f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WAIT}", grace_s=3600)
    scene.attempt.stop()
    assert scene.attempt.look() == "on"
    scene.attempt.end()
    assert ended(scene.verdict()) == (-9, "cancelled")


def test_only_the_trainer_is_asked_to_stop(scene: Scene) -> None:
    """Whose children would be a failure to it if they were gone before it."""
    asked = "child('other', lambda: signal.signal(signal.SIGTERM, lambda *_: there('asked')))"
    slow = "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.1), os._exit(3)))"
    scene.begun(f"{slow}\n{asked}\n{WAIT}")
    scene.attempt.stop()
    assert ended(scene.verdict()) == (3, "cancelled")
    assert not (scene.run / "asked").exists()


def test_a_shim_that_does_not_answer_is_ended_with_all_of_it(scene: Scene) -> None:
    scene.begun(f"{WAYS['two forks, a session, no descriptors']}\n{WAIT}")
    os.kill(scene.pid("guard"), signal.SIGSTOP)
    scene.attempt.stop()
    assert scene.attempt.look() == "on"
    scene.attempt.sweep()
    assert ended(scene.verdict()) == (None, "guard_lost")
    assert scene.nothing_is_left()


def test_a_training_ends_at_its_limit(scene: Scene) -> None:
    scene.begun(limit_s=0.5)
    assert ended(scene.verdict()) == (-9, "limit")
    assert scene.nothing_is_left()


def test_a_trainer_whose_heartbeat_stays_away_is_ended(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    beats = "import threading\ndef beat():\n    while True: (run / 'heart').exists(); HEART.touch(); time.sleep(0.05)"
    beats = beats.replace("HEART", f"Path({str(heartbeat_in(scene.run))!r})").replace("(run / 'heart').exists(); ", "")
    scene.begun(f"{beats}\nthreading.Thread(target=beat, daemon=True).start()\n{WAIT}", silent_s=1.0)
    until_touched(heartbeat_in(scene.run), times=30)
    assert scene.attempt.look() == "on"
    os.kill(scene.pid("trainer"), signal.SIGSTOP)
    assert ended(scene.verdict()) == (-9, "silent")


def until_touched(path: Path, *, times: int) -> None:
    seen: set[int] = set()

    def is_seen() -> bool:
        seen.add(path.stat().st_mtime_ns)
        return len(seen) > times

    until(is_seen)


def test_time_in_which_nobody_could_look_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that slept, or a clock that was set."""
    now = [0.0]
    monkeypatch.setattr(shim.time, "monotonic", lambda: now[0])
    heartbeat_in(tmp_path).touch()
    silence = shim.Silence(heartbeat_in(tmp_path))
    now[0] = 36_000.0
    assert silence.seconds() <= 2 * shim.LOOK_S
    os.utime(heartbeat_in(tmp_path), (10**9, 10**9))
    assert silence.seconds() == 0
    now[0] += 1
    assert silence.seconds() == 1


def test_a_second_start_is_refused(scene: Scene) -> None:
    scene.begun()
    assert not scene.begin("there('second')")
    assert not scene.begin("there('second')", attempt=2)
    assert run_shim(scene.run, 2).returncode == 76
    assert Attempt(scene.run, 2).look() == "unknown"
    assert scene.attempt.look() == "on"
    assert not (scene.run / "second").exists()


def test_a_verdict_is_never_written_over(scene: Scene) -> None:
    scene.begin("sys.exit(3)")
    first = scene.verdict()
    assert not scene.begin("there('second')")
    assert run_shim(scene.run, 1).returncode == 77
    assert scene.verdict() == first
    assert not (scene.run / "second").exists()
    assert scene.begin("sys.exit(4)", attempt=2)
    assert (ended(scene.verdict(2)), scene.verdict()) == ((4, None), first)


def test_a_stop_of_another_attempt_stops_nothing(scene: Scene) -> None:
    scene.begun()
    for act in (Attempt(scene.run, 2).stop, Attempt(scene.run, 2).end, Attempt(scene.run, 2).sweep):
        act()
    assert scene.attempt.look() == "on"
    assert scene.left()


def test_what_holds_no_lock_is_ended_too(scene: Scene) -> None:
    scene.begun(f"{WAYS['two forks, a session, no descriptors']}\n{WAIT}")
    scene.kill("shim", "guard")
    until(lambda: not is_locked(scene.run))
    assert scene.left() == [scene.pid("other")]
    assert ended(scene.verdict()) == (None, "guard_lost")
    assert scene.nothing_is_left()


def test_what_an_attempt_left_behind_does_not_see_the_next_one(scene: Scene) -> None:
    scene.begun(f"{WAYS['two forks, a session, no descriptors']}\n{WAIT}")
    scene.kill("shim", "guard")
    until(lambda: not is_locked(scene.run))
    assert scene.left() == [scene.pid("other")]
    assert scene.begin("sys.exit(0)", attempt=2)
    assert scene.nothing_is_left()
    assert ended(scene.verdict()) == (None, "guard_lost")


def test_who_only_asks_for_the_lock_is_not_ended_with_the_run(tmp_path: Path) -> None:
    """Such as another server on the same home."""
    lock = RunFolder(tmp_path).lock
    asks = f"import fcntl; f = open({str(lock)!r}, 'a+'); fcntl.flock(f, fcntl.LOCK_SH); print('there', flush=True); input()"
    with subprocess.Popen([*PYTHON, asks], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        asking.stdout.readline()
        end_left_behind(tmp_path)
        asking.communicate(b"\n")
    assert asking.returncode == 0


def test_an_attempt_begins_once(scene: Scene) -> None:
    scene.begun()
    scene.kill("shim", "guard")
    until(lambda: not is_locked(scene.run))
    assert run_shim(scene.run, 1).returncode == 77
    assert ended(scene.verdict()) == (None, "guard_lost")


def test_exit_codes_are_those_of_the_trainer(tmp_path: Path) -> None:
    assert run_shim(tmp_path, 1, "sys.exit(3)").returncode == 3
    assert run_shim(tmp_path, 2, "os.kill(os.getpid(), 9)").returncode == 137
    assert run_shim(tmp_path, 3, "sys.exit(0)").returncode == 0


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine.shim", str(tmp_path), "--attempt", "1", "--", "no-such-command"]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, "no-such-command cannot be started" in done.stderr) == (127, True)


def test_a_verdict_is_written_on_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        scene = Scene(disk.path).begun()
        disk.fill()
        scene.kill("trainer")
        assert ended(scene.verdict()) == (-9, None)


def test_a_verdict_for_which_no_room_was_kept_waits_for_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        scene = Scene(disk.path).begun()
        kept = next(path for path in RunFolder(disk.path).attempts.iterdir())
        kept.unlink()
        disk.fill()
        scene.kill("trainer")
        until(lambda: kept.exists())
        assert scene.attempt.look() == "on"
        disk.empty()
        assert ended(scene.verdict()) == (-9, None)


def test_a_verdict_that_can_nowhere_be_written_is_told_and_by_the_exit_code(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        hurt = f"for each in os.scandir({str(RunFolder(disk.path).attempts)!r}): os.unlink(each.path)\nFILL"
        fill = f"f = open({str(disk.path / 'filling')!r}, 'wb', buffering=0)\ntry:\n    while f.write(bytes(1 << 16)): pass\nexcept OSError: pass"
        done = run_shim(disk.path, 1, hurt.replace("FILL", fill), patience_s=0.2)
        assert done.returncode == 74
        assert "stands nowhere" in done.stderr
        disk.empty()
        assert read_verdict(RunFolder(disk.path).verdict(1)) is None


def test_nothing_is_begun_where_no_room_for_a_verdict_is(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        disk.fill()
        done = run_shim(disk.path, 1, "there('trainer')")
        assert (done.returncode, "cannot be begun" in done.stderr) == (74, True)
        with pytest.raises(OSError, match="there is no room"):
            Attempt(disk.path, 1).begin(["true"], environment=ENVIRONMENT, grace_s=1)
        disk.empty()
        assert Attempt(disk.path, 1).look() == "unknown"


def run_shim(
    run: Path, attempt: int, program: str = "", *, patience_s: float = 300
) -> "subprocess.CompletedProcess[str]":
    """Waited for itself alone: what it might leave behind would hold a pipe for ever."""
    started = f"import sys, engine.shim as shim; shim.PATIENCE_S = {patience_s}; sys.exit(shim.main())"
    command = [sys.executable, "-c", started, str(run), "--attempt", str(attempt)]
    command += ["--", *PYTHON, PREAMBLE + program, str(run)]
    with tempfile.TemporaryFile("w+") as said:
        code = subprocess.run(command, env=ENVIRONMENT, cwd=PROJECT, stderr=said).returncode
        said.seek(0)
        return subprocess.CompletedProcess(command, code, stderr=said.read())


def test_it_loads_the_standard_library_alone_and_takes_little_memory() -> None:
    asked = "import sys; before = set(sys.modules); import engine.shim; print(*{each.partition('.')[0] for each in set(sys.modules) - before})"
    loaded = subprocess.run([sys.executable, "-c", asked], env=ENVIRONMENT, cwd=PROJECT, capture_output=True, text=True)
    assert set(loaded.stdout.split()) - sys.stdlib_module_names == {"engine"}


def test_two_watchers_take_less_than_16_mb(scene: Scene) -> None:
    scene.begun()
    taken = [psutil.Process(scene.pid(who)).memory_full_info().pss for who in ("shim", "guard")]
    assert sum(taken) < 16 << 20


def test_another_system_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shim.sys, "platform", "darwin")
    assert shim.main([str(tmp_path), "--attempt", "1", "--", "true"]) == 69
    assert "Linux alone, and this is darwin" in capsys.readouterr().err
