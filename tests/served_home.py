"""A home, and a server on it that can be killed and started again."""

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.events import read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job
from tests.serving import PROJECT, environment_of

SERVE = "from assistant.cli import main; main()"
PATIENCE_S = 120


class ServedHome:
    """Runs of one data set. The server is started by its test."""

    def __init__(self, home: Path, data: Path, *, settings: dict[str, str], serve: str = SERVE):
        """
        Args:
            settings: of the server, by their names as fields.
            serve: what Python executes to serve.
        """
        self.home, self.data, self.settings, self._serve = home, data, settings, serve
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        told = {"port": str(self.port), "retry_wait_s": "0", **settings}
        self.environment = environment_of(home) | {f"MURASCOPE_{name.upper()}": each for name, each in told.items()}
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home.parent / "server.log").open("ab") as log:
            command = [sys.executable, "-c", self._serve, "serve"]
            self.server = subprocess.Popen(command, env=self.environment, cwd=PROJECT, stdout=log, stderr=log)
        soon(lambda: self.ask("GET", "/api/runs")[0] == 200)

    def kill(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def close(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            self.server.wait(30)

    def ask(self, method: str, path: str, token: str = "", body: bytes | None = None) -> tuple[int, Any]:
        """Status and what the answer says; status 0 where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers={"authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, ValueError):
            return 0, None
        finally:
            connection.close()

    def add(self, job: Job, fingerprint: str | None = None) -> RunFolder:
        """A run that waits for the server."""

        async def add() -> RunRow:
            async with Workspace.open(Settings(home=self.home, **self.settings)) as workspace:
                return await workspace.runs.add(job, data_path=str(self.data), fingerprint=fingerprint)

        return RunFolder(self.home / "runs" / asyncio.run(add()).id)

    def run(self, run: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", f"/api/runs/{run}")[1]
        return told

    def end(self, run: str) -> dict[str, Any]:
        soon(lambda: (self.run(run) or {}).get("state") in ("succeeded", "failed", "stopped"))
        return self.run(run)

    def stop(self, run: str) -> None:
        self.ask("POST", f"/api/runs/{run}/stop")


def soon(happens: Callable[[], object]) -> None:
    given_up = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < given_up
        time.sleep(0.05)


def has_no_gap(folder: RunFolder) -> bool:
    seqs = [event.seq for event in read_events(folder.path)]
    return seqs == list(range(1, len(seqs) + 1))
