"""Runs as child processes of this machine: each leads its own process group, and outlives the server that started it.

A run lives as long as its lock is held (engine/contract/process_lock.py), which its process inherits and no clock or id tells of. What
a process that was killed leaves behind, such as children that hold the lock, is ended.
"""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

import psutil

from assistant.machine.disk_room import ROOM_TO_START_BYTES, refuse_full_disk
from assistant.machine.engine_environment import engine_environment
from assistant.machine.own_process import PROJECT, engine_command
from assistant.runs.executors import Executor, Exited, Lost, Order, Running, Status, Unknown, order_parts
from assistant.runs.files import RunFiles
from assistant.runs.last_word import log_tail
from assistant.settings import Settings
from engine.contract.folder import RunFolder
from engine.contract.plain_files import append_plain
from engine.contract.process_lock import ProcessLock, is_locked, is_noted_here, noted_process, take_lock

LOOK_SECONDS = 0.1
OUTLIVING: list[subprocess.Popen[bytes]] = []  # trainings go on when their server ends, which is no process forgotten


def open_executor(settings: Settings, files: RunFiles) -> Executor:
    return LocalExecutor(settings, files)


class LocalExecutor:
    """Computes in the views of the run files, beside which the runs lie that it needs: nothing is laid out."""

    def __init__(self, settings: Settings, files: RunFiles):
        self._settings, self._files, self._node = settings, files, socket.gethostname()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    shares_disk = True

    async def ready(self, order: Order) -> None:
        views = self._files.views
        await asyncio.to_thread(refuse_full_disk, views, wanted=ROOM_TO_START_BYTES, what="a training is begun")

    async def submit(self, order: Order) -> None:
        folder, arguments = self._files.folder(order.run), order.arguments(runs=self._files.views)
        with await asyncio.to_thread(take_lock, folder) or nullcontext() as lock:
            if lock is not None:
                os.ftruncate(lock.descriptor, 0)  # an earlier process of this run is not this one
                self._children[order.id] = await asyncio.to_thread(self._spawn, folder, arguments, lock)

    async def status(self, order: str) -> Status:
        return await asyncio.to_thread(self._look, order)

    async def cancel(self, order: str, *, grace_s: float) -> None:
        await asyncio.to_thread(self._signal, order, signal.SIGTERM)
        for _ in range(int(grace_s / LOOK_SECONDS)):
            if not isinstance(await self.status(order), Running):
                return
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(self._signal, order, signal.SIGKILL)

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        return await asyncio.to_thread(log_tail, self._files.folder(order_parts(order)[0]), lines)

    def command(self, run: Path, arguments: list[str]) -> list[str]:
        return engine_command("run", str(run), *arguments)

    def _spawn(self, folder: Path, arguments: list[str], lock: ProcessLock) -> subprocess.Popen[bytes]:
        with append_plain(RunFolder(folder).log) as log:
            child = subprocess.Popen(
                self.command(folder, arguments),
                cwd=PROJECT,
                env=engine_environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.descriptor],
            )
        OUTLIVING[:] = [*(each for each in OUTLIVING if each.poll() is None), child]
        return child

    def _look(self, order: str) -> Status:
        folder, child = self._files.folder(order_parts(order)[0]), self._children.get(order)
        exit_code = child.poll() if child is not None else None
        if child is not None and exit_code is None:
            return Running(self._node)
        leader = noted_process(folder)
        if is_locked(folder):
            if leader is not None and is_noted_here(folder) and _has_gone(leader):
                self._signal(order, signal.SIGKILL)  # its children alone hold the lock: nothing comes of them any more
            return Running(self._node)
        if exit_code is not None:
            return Exited(exit_code)
        return Lost() if leader is not None else Unknown()

    def _signal(self, order: str, number: signal.Signals) -> None:
        folder, child = self._files.folder(order_parts(order)[0]), self._children.get(order)
        leader = noted_process(folder)
        if child is not None and child.poll() is None:
            leader = child.pid
        elif leader is None or not _is_of_run(leader, folder):
            return
        with suppress(ProcessLookupError):
            os.killpg(leader, number)


def _has_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _is_of_run(group: int, run: Path) -> bool:
    """Whether a process of this group has the run's lock open: ids are given out again, and no other process is to be hit."""
    lock = str(RunFolder(run).lock.resolve())
    for pid in psutil.pids():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(pid) == group and lock in {file.path for file in psutil.Process(pid).open_files()}:
                return True
    return False
