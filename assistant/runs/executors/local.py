"""Runs as child processes of this machine: each leads its own process group, and outlives the server that started it."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

from assistant.machine.engine_environment import engine_environment
from assistant.machine.own_process import PROJECT, engine_command
from assistant.runs.executors import Approved
from assistant.settings import Settings
from engine.contract.folder import RunFolder
from engine.contract.plain_files import append_plain
from engine.contract.process_lock import ProcessLock, is_locked, noted_process

LOOK_SECONDS = 0.1


class LocalExecutor:
    """A run lives as long as its lock is held; the process that the engine noted beside the lock is the one to stop."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    async def start(self, run: Path, *, data: Path, approved: Approved, lock: ProcessLock) -> None:
        arguments = ["--data", str(data), "--approved-spec", approved.spec]
        if approved.data is not None:
            arguments += ["--approved-data", approved.data]
        self._children[run] = await asyncio.to_thread(self._spawn, run, arguments, lock)

    def _spawn(self, run: Path, arguments: list[str], lock: ProcessLock) -> subprocess.Popen[bytes]:
        os.ftruncate(lock.descriptor, 0)  # an earlier process of this run is not this one
        with append_plain(RunFolder(run).log) as log:
            return subprocess.Popen(
                self.command(run, arguments),
                cwd=PROJECT,
                env=engine_environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.descriptor],
            )

    def command(self, run: Path, arguments: list[str]) -> list[str]:
        return engine_command("run", str(run), *arguments)

    async def is_alive(self, run: Path) -> bool:
        child = self._children.get(run)
        return (child is not None and child.poll() is None) or await asyncio.to_thread(is_locked, run)

    async def stop(self, run: Path, *, grace_s: float) -> None:
        await asyncio.to_thread(self._signal, run, signal.SIGTERM)
        for _ in range(int(grace_s / LOOK_SECONDS)):
            if not await self.is_alive(run):
                return
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(self._signal, run, signal.SIGKILL)

    def exit_code(self, run: Path) -> int | None:
        child = self._children.get(run)
        return child.poll() if child is not None else None

    def _signal(self, run: Path, number: signal.Signals) -> None:
        child, leader = self._children.get(run), noted_process(run)
        if child is not None and child.poll() is None:
            leader = child.pid
        elif leader is None or not _is_of_run(leader, run):
            return
        with suppress(ProcessLookupError):
            os.killpg(leader, number)


def _is_of_run(group: int, run: Path) -> bool:
    """Whether a process of this group has the run's lock open: ids are given out again, and no other process is to be hit."""
    lock = str(RunFolder(run).lock.resolve())
    for pid in psutil.pids():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(pid) == group and lock in {file.path for file in psutil.Process(pid).open_files()}:
                return True
    return False
