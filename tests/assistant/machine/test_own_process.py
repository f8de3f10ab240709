"""A process that is asked something ends with whoever asked."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from assistant.machine import own_process
from assistant.machine.engine_process import ask_engine
from assistant.machine.own_process import NoAnswer, ask
from assistant.settings import Settings

PROJECT = Path(__file__).resolve().parents[3]
NEVER_ENDS = (
    "import os, pathlib, sys, time\nfrom engine.contract.asker import end_with_asker\nend_with_asker()\n"
    "pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\ntime.sleep(1e6)"
)


def never_ends(note: Path) -> list[str]:
    return [sys.executable, "-c", NEVER_ENDS, str(note)]


async def started(note: Path) -> psutil.Process:
    """The process that wrote its number into `note`, as soon as it has."""
    async with asyncio.timeout(60):
        while not (note.exists() and note.read_text()):
            await asyncio.sleep(0.01)
    return psutil.Process(int(note.read_text()))


def test_the_answer_is_what_it_prints_and_its_last_words_say_why_it_failed() -> None:
    code = "import sys; print('out'); print('first', file=sys.stderr); sys.exit('last')"
    answer = asyncio.run(ask([sys.executable, "-c", code], dict(os.environ), timeout_s=60))
    assert (answer.out, answer.code, answer.last_words) == (b"out\n", 1, "last")


def test_a_question_that_is_given_up_ends_its_process(tmp_path: Path) -> None:
    async def give_up() -> psutil.Process:
        asking = asyncio.create_task(ask(never_ends(tmp_path / "pid"), dict(os.environ), timeout_s=600))
        process = await started(tmp_path / "pid")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return process

    assert not asyncio.run(give_up()).is_running()


@pytest.mark.anyio
async def test_a_process_is_seen_to_its_end_however_often_its_asker_is_called_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[asyncio.subprocess.Process] = []
    start = own_process.start

    async def seen(*arguments: Any, **named: Any) -> asyncio.subprocess.Process:
        begun.append(await start(*arguments, **named))
        return begun[-1]

    monkeypatch.setattr(own_process, "start", seen)
    with anyio.move_on_after(0.5):  # such a scope calls off each wait inside it, as a web request's does
        await ask(never_ends(tmp_path / "pid"), dict(os.environ), timeout_s=600)
    assert [process.returncode for process in begun] == [-signal.SIGKILL]


def test_a_question_without_an_answer_in_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="within 0 s"):
        asyncio.run(ask(never_ends(tmp_path / "pid"), dict(os.environ), timeout_s=0.1))


def test_the_process_ends_when_whoever_asked_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, sys\nfrom assistant.machine.own_process import ask\n"
        "asyncio.run(ask(sys.argv[1:], dict(os.environ), timeout_s=600))"
    )
    asker = subprocess.Popen([sys.executable, "-c", code, *never_ends(tmp_path / "pid")], cwd=PROJECT)
    process = asyncio.run(started(tmp_path / "pid"))
    asker.kill()
    asker.wait()
    _, alive = psutil.wait_procs([process], timeout=60)
    assert alive == []


def test_the_engine_ends_with_whoever_asks_it(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "engine", "--asked", "demo", str(tmp_path / "demo")]
    assert subprocess.run(asked, cwd=PROJECT, stdin=subprocess.DEVNULL, check=False).returncode == 4


def test_every_question_to_the_engine_asks_it_to_end_so(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    said = asyncio.run(ask_engine(settings, "check", "folder"))
    assert said == ["-m", "engine", "--asked", "check", "folder"]
