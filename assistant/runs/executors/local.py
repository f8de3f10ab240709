"""Runs on this machine, each under a shim (engine/shim.py): it outlives the server that started it, and nothing of it outlives the shim.

Whether an attempt lives and how it ended stands in the run's folder (engine/contract/attempt.py), and is the same for every server.
"""

import asyncio
import errno
import socket
from collections.abc import Sequence
from pathlib import Path

from assistant.machine.disk_room import ROOM_TO_START_BYTES, refuse_full_disk
from assistant.machine.engine_environment import engine_environment
from assistant.machine.gpus import VISIBLE, Gpus
from assistant.machine.own_process import engine_command
from assistant.runs.devices import CPU
from assistant.runs.executors import Executor, Exited, Lost, Order, Running, Status, Unknown, order_parts
from assistant.runs.files import RunFiles
from assistant.runs.last_word import log_tail
from assistant.settings import Settings
from engine.contract.attempt import Attempt
from engine.contract.process_lock import is_elsewhere

LOOK_SECONDS = 0.1
LONGEST_GRACE_S = 60.0  # of a stop whose server is gone before it is done
ENDING_S = 5.0  # what a shim may take to end its tree before it is ended itself


def open_executor(settings: Settings, files: RunFiles) -> Executor:
    """
    Raises:
        SettingError: the GPUs that the settings name cannot be used.
    """
    return LocalExecutor(settings, files)


class LocalExecutor:
    """Computes in the views of the run files, beside which the runs lie that it needs: nothing is laid out."""

    def __init__(self, settings: Settings, files: RunFiles):
        self._settings, self._files, self._node = settings, files, socket.gethostname()
        self._gpus = Gpus(settings)

    shares_disk = True

    async def devices(self) -> Sequence[str]:
        return (*await self._gpus.found(), CPU)

    async def ready(self, order: Order) -> None:
        views = self._files.views
        await asyncio.to_thread(refuse_full_disk, views, wanted=ROOM_TO_START_BYTES, what="a training is begun")

    async def submit(self, order: Order) -> None:
        await asyncio.to_thread(self._begin, order)

    async def status(self, order: str) -> Status:
        return await asyncio.to_thread(self._look, order)

    async def cancel(self, order: str, *, grace_s: float) -> None:
        attempt = self._attempt(order)
        for ask, patience_s in ((attempt.stop, grace_s), (attempt.end, ENDING_S), (attempt.sweep, 0.0)):
            await asyncio.to_thread(ask)
            for _ in range(int(patience_s / LOOK_SECONDS)):
                if not isinstance(await self.status(order), Running):
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        return await asyncio.to_thread(log_tail, self._files.folder(order_parts(order)[0]), lines)

    def command(self, run: Path, arguments: list[str]) -> list[str]:
        return engine_command("run", str(run), *arguments)

    def _attempt(self, order: str) -> Attempt:
        run, number = order_parts(order)
        return Attempt(self._files.folder(run), number)

    def _begin(self, order: Order) -> None:
        attempt = self._attempt(order.id)
        begun = attempt.begin(
            self.command(attempt.run, order.arguments(runs=self._files.views)),
            environment=engine_environment(self._settings) | _told(order.place),
            grace_s=LONGEST_GRACE_S,
            limit_s=order.limit_s,
            silent_s=order.silent_s,
        )
        if not begun and attempt.look() == "unknown":
            raise OSError(errno.EBUSY, "another attempt of the run is on", str(attempt.run))

    def _look(self, order: str) -> Status:
        attempt = self._attempt(order)
        try:
            state = attempt.look()
        except ValueError as error:  # somebody wrote over the verdict
            return Lost(str(error))
        if isinstance(state, str):
            return Running(self._node, is_in_reach=not is_elsewhere(attempt.run)) if state == "on" else Unknown()
        return Exited(state.exit_code, state.why)


def _told(place: str | None) -> dict[str, str]:
    """What names a GPU alone to a process; one on the CPU is told nothing."""
    return {} if place in (None, CPU) else {VISIBLE: place}
