"""A run that has ended and whose event log was damaged since: its socket ends in words, and everything else goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from assistant.settings import Settings
from engine.contract.folder import RunFolder


def gone(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flipped(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"0.75", b"0.95"))


def garbled(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\xff\xfe{[\n" + lines[2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: list[Callable[[Path], None]] = [gone, folder, cut, torn, flipped, garbled, empty]


def frames(client: TestClient, run: str, after: int = 0) -> tuple[list[dict[str, Any]], int]:
    """All that a run's socket sends, and the code it closes with."""
    received: list[dict[str, Any]] = []
    with client.websocket_connect(f"ws://localhost/ws/runs/{run}?after={after}") as socket:
        while True:
            try:
                received.append(json.loads(socket.receive_text()))
            except WebSocketDisconnect as closed:
                return received, closed.code


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("after", [0, 5])
def test_the_socket_of_a_damaged_log_ends_with_what_is_wrong_and_the_state_on_record(
    finished_run: str, client: TestClient, settings: Settings, damage: Callable[[Path], None], after: int
) -> None:
    log = RunFolder(settings.runs_folder / finished_run).events
    damage(log)
    received, code = frames(client, finished_run, after)
    assert code == 1000
    assert (received[-1]["type"], received[-1]["state"]) == ("damaged", "succeeded")
    assert log.name in received[-1]["message"]
    assert [frame["seq"] for frame in received[:-1]] == list(range(after + 1, after + len(received)))
    assert client.get("/runs").status_code == client.get(f"/runs/{finished_run}").status_code == 200
    assert client.get(f"/api/runs/{finished_run}/results").status_code == 200


def test_a_whole_log_is_followed_to_its_last_event(finished_run: str, client: TestClient) -> None:
    received, code = frames(client, finished_run)
    assert (received[-1]["type"], code) == ("finished", 1000)
