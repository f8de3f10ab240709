"""An executor that shares nothing with the server but the network: `python -m engine.node` in a folder which stands for another machine."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from assistant.runs.executors import Executor, Exited, Lost, Order, Running, Status, Unknown
from assistant.runs.files import RunFiles
from assistant.settings import Settings
from engine.contract.process_lock import is_held

PROJECT = Path(__file__).resolve().parents[4]
EVERY_CHECKPOINT_S = "0.5"
STARTED: list[subprocess.Popen[bytes]] = []


def open_executor(settings: Settings, files: RunFiles) -> Executor:
    return OverHttp(settings.home.with_name("another-machine"))


class OverHttp:
    shares_disk = False

    def __init__(self, machine: Path):
        self._machine = machine

    async def devices(self) -> list[str]:
        return []

    async def ready(self, order: Order) -> None:
        await asyncio.to_thread(self._machine.mkdir, exist_ok=True)

    async def submit(self, order: Order) -> None:
        if isinstance(await self.status(order.id), Unknown):
            await asyncio.to_thread(self._start, order)

    def _start(self, order: Order) -> None:
        assert order.server is not None and order.token is not None
        folder = self._machine / order.id
        folder.mkdir()
        told = ["--server", order.server, "--run", order.run, "--attempt", str(order.attempt)]
        told += ["--folder", str(folder / "computes"), "--checkpoint-every-s", EVERY_CHECKPOINT_S]
        node = shlex.join([sys.executable, "-m", "engine.node", *told])
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MURASCOPE_")}
        environment |= {"MURASCOPE_RUN_TOKEN": order.token, "MURASCOPE_HUB": "off"}
        environment |= {"MURASCOPE_NODE_CACHE": str(self._machine / "cache"), "MURASCOPE_NODE_CACHE_GB": "0.0000001"}
        environment |= {"PYTHONPATH": str(PROJECT)}
        with (folder / "log").open("wb") as log:
            STARTED[:] = [*(each for each in STARTED if each.poll() is None)]
            STARTED.append(
                subprocess.Popen(
                    ["sh", "-c", f"{node} & echo $! > pid; wait $!; echo $? > exit.part; mv exit.part exit"],
                    cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip

    async def status(self, order: str) -> Status:
        folder = self._machine / order
        with suppress(FileNotFoundError):
            code = int((folder / "exit").read_text("ascii"))
            return Exited(code if code < 128 else 128 - code)
        if not folder.exists():
            return Unknown()
        is_there = is_held(folder / "computes.lock") or any(each.poll() is None for each in STARTED)
        return Running("another-machine") if is_there else Lost()

    async def cancel(self, order: str, *, grace_s: float) -> None:
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self._machine / order / "pid").read_text("ascii")), signal.SIGTERM)

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        with suppress(FileNotFoundError):
            return (self._machine / order / "log").read_text("utf-8").splitlines()[-lines:]
        return []
