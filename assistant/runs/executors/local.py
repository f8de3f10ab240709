"""Runs as child processes of this machine: each leads its own process group, and outlives the server that started it."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from assistant.engine_process import PROJECT, engine_command
from assistant.settings import Settings


class LocalExecutor:
    """A handle is {"pid", "created"}: the process id, and its start time because ids are used again."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    async def start(self, run: Path, *, data: Path) -> dict[str, Any]:
        with (run / "log.txt").open("ab") as log:
            child = subprocess.Popen(
                engine_command("train", str(run), "--data", str(data)),
                cwd=PROJECT,
                env=self._settings.engine_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children[child.pid] = child
        return {"pid": child.pid, "created": psutil.Process(child.pid).create_time()}

    async def poll(self, handle: dict[str, Any]) -> bool:
        child = self._children.get(handle["pid"])
        if child is not None:
            return child.poll() is None
        return _find(handle) is not None

    async def stop(self, handle: dict[str, Any], *, grace_s: float) -> None:
        self._signal(handle, signal.SIGTERM)
        for _ in range(int(grace_s / 0.1)):
            if not await self.poll(handle):
                return
            await asyncio.sleep(0.1)
        self._signal(handle, signal.SIGKILL)
        while await self.poll(handle):
            await asyncio.sleep(0.05)

    def exit_code(self, handle: dict[str, Any]) -> int | None:
        child = self._children.pop(handle["pid"], None)
        return child.poll() if child is not None else None

    def _signal(self, handle: dict[str, Any], number: signal.Signals) -> None:
        if _find(handle) is not None:
            try:
                os.killpg(handle["pid"], number)
            except ProcessLookupError:
                return


def _find(handle: dict[str, Any]) -> psutil.Process | None:
    """The process of the handle if it still lives; another one with the same id is not it."""
    try:
        process = psutil.Process(handle["pid"])
        same = abs(process.create_time() - handle["created"]) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
