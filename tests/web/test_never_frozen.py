"""While a disk, a lock or the database keeps one request waiting, the server answers every other. What is held here is really held."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Started
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.process_lock import take_lock


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def running_run(settings: Settings, data: Path) -> str:
    """A run that a server claimed and that has said its first word."""

    async def begin() -> str:
        async with Workspace.open(settings) as workspace:
            run = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path=str(data))
            await workspace.runs.claim_one(run.id)
            log = EventLog(workspace.runs.folder(run.id))
            log.append(Started(model="patchcore", dataset="oled"))
            log.close()
            return run.id

    return asyncio.run(begin())


def answers(client: TestClient, run: str) -> None:
    """Every kind of request is answered; it would not come back if the loop stood still."""
    assert client.get("/").status_code == 200
    assert client.get("/runs").status_code == 200
    assert client.get(f"/runs/{run}").status_code == 200
    assert client.get(f"/api/runs/{run}").json()["id"] == run
    with client.websocket_connect(f"ws://localhost/ws/runs/{run}") as socket:
        assert socket.receive_json()["type"] == "started"
    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.send_json({"type": "say", "text": "which trainings are there?", "key": "1"})
        while (frame := socket.receive_json()).get("key") != "user-1":
            pass
        assert frame["item"]["text"] == "which trainings are there?"


def test_a_trainer_that_holds_the_lock_of_its_log(running_run: str, settings: Settings, request: Any) -> None:
    log = EventLog(settings.runs_folder / running_run)  # as a trainer does that the server has lost sight of
    client: TestClient = request.getfixturevalue("client")
    while client.get(f"/api/runs/{running_run}").json()["waits"] is None:
        pass  # the supervisor has not tried yet to give the run its end
    answers(client, running_run)
    assert client.get(f"/api/runs/{running_run}").json()["state"] == "running"
    log.close()


def test_a_process_that_holds_the_lock_of_its_run(running_run: str, settings: Settings, request: Any) -> None:
    lock = take_lock(settings.runs_folder / running_run)
    assert lock is not None
    with lock:
        client: TestClient = request.getfixturevalue("client")
        answers(client, running_run)
        assert client.post(f"/api/runs/{running_run}/stop").json()["stop_requested"]
        answers(client, running_run)
        assert client.get(f"/api/runs/{running_run}").json()["state"] == "running"


READS: dict[str, tuple[Callable[[RunFolder], Path], Callable[[TestClient, str], Any]]] = {
    "figures": (lambda run: run.evaluation.metrics, lambda client, run: client.get(f"/api/runs/{run}/results")),
    "scores": (lambda run: run.evaluation.scores, lambda client, run: client.get(f"/api/runs/{run}/results")),
    "regions": (lambda run: run.evaluation.finding(1), lambda client, run: client.get(f"/api/runs/{run}/regions/1")),
    "output": (lambda run: run.log, lambda client, run: client.get(f"/api/runs/{run}/log")),
    "picture": (lambda run: run.evaluation.finding(1), lambda client, run: client.get(f"/runs/{run}/normals/1/0/0")),
    "words": (lambda run: run.evaluation.metrics, lambda client, run: ask(client, f"summarize {run}")),
    "heatmaps": (lambda run: run.evaluation.metrics, lambda client, run: ask(client, f"show the heatmaps of {run}")),
}


@pytest.mark.parametrize("name", READS)
def test_a_pipe_in_place_of_a_file(
    finished_run: str, running_run: str, client: TestClient, settings: Settings, name: str
) -> None:
    """It would never come: whoever asks for it is told so at once."""
    file_of, read = READS[name]
    path = file_of(RunFolder(settings.runs_folder / finished_run))
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    read(client, finished_run)
    answers(client, running_run)


def test_a_database_that_somebody_else_holds(
    running_run: str,
    client: TestClient,
    settings: Settings,
    elsewhere: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    client.get("/")  # an empty conversation of this browser
    other = sqlite3.connect(settings.home / "murascope.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    changing = elsewhere.submit(client.patch, f"/api/conversations/{conversation}", json={"title": "mine"})
    for path in ("/runs", f"/runs/{running_run}", f"/c/{conversation}", "/data", "/health", "/"):
        assert client.get(path).status_code == 200
    with client.websocket_connect(f"ws://localhost/ws/runs/{running_run}") as socket:
        assert socket.receive_json()["type"] == "started"
    assert not changing.done()
    other.execute("ROLLBACK")
    other.close()
    assert changing.result().status_code == 200


def ask(client: TestClient, text: str) -> None:
    """Say something in a new conversation, and wait for the end of the answer."""
    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        assert socket.receive_json()["type"] == "turn"
        socket.send_json({"type": "say", "text": text, "key": "1"})
        while socket.receive_json() != {"type": "turn", "state": "idle"}:
            pass
