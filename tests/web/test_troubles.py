"""What disk, database and people's inputs can do to the server is told in words, never as a bare 500."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from engine.contract.jobs import make_job
from tests.small_disk import SmallDisk, small_disk
from web.app import create_app

LANGUAGES = {"en": "There is not enough room on the disk", "ko": "디스크 공간이 부족합니다", "zh": "磁盘空间不足"}


@pytest.fixture
def disk(settings: Settings) -> Iterator[SmallDisk]:
    with small_disk(settings.home) as mounted:
        yield mounted


@pytest.fixture
def client_on_disk(disk: SmallDisk, settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


def test_a_full_disk_is_told_on_the_page_in_the_chat_and_to_scripts(
    client_on_disk: TestClient, disk: SmallDisk
) -> None:
    client = client_on_disk
    conversation = client.post("/api/conversations").json()["id"]
    disk.fill()
    changed = client.patch(f"/api/conversations/{conversation}", json={"title": "x" * 200})
    while changed.status_code == 200:  # until the last page of the database is full
        changed = client.patch(f"/api/conversations/{conversation}", json={"title": "x" * 200})
    assert (changed.status_code, changed.json()["code"]) == (507, "no_room")
    assert client.get("/runs").status_code == 200
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        assert socket.receive_json()["type"] == "turn"
        socket.send_json({"type": "say", "text": "hello", "key": "1"})
        assert socket.receive_json() | {"message": ""} == {
            "type": "refused",
            "code": "no_room",
            "key": "1",
            "message": "",
        }
        disk.empty()
        socket.send_json({"type": "say", "text": "hello", "key": "1"})
        assert socket.receive_json()["item"]["text"] == "hello"


def test_a_run_that_waits_for_room_says_so_in_three_languages(client_on_disk: TestClient, disk: SmallDisk) -> None:
    client = client_on_disk
    disk.fill(leave=4 << 20)

    async def add() -> str:
        run = await client.app.state.workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/data")  # type: ignore[attr-defined]
        return str(run.id)

    run = client.portal.call(add)  # type: ignore[union-attr]
    while (described := client.get(f"/api/runs/{run}").json())["waits"] is None:
        pass
    assert (described["state"], described["waits"]["code"]) == ("queued", "no_room")
    for language, words in LANGUAGES.items():
        for page in ("/runs", f"/runs/{run}", f"/runs/{run}/view"):
            assert words in client.get(page, params={"lang": language}).text
    assert client.post(f"/api/runs/{run}/stop").json()["state"] == "stopped"


def test_a_read_only_folder_is_told(settings: Settings, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.data.uploads.KEEP_FREE_BYTES", 0)
    with small_disk(settings.home / "uploads") as disk:
        disk.be_read_only()
        answer = client.put("/api/datasets/x/archive", content=b"zip")
        assert (answer.status_code, answer.json()["code"]) == (503, "read_only")
        assert "uploads" in answer.json()["message"]
        assert answer.json()["hint"]


def test_a_database_that_is_held_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.store.database.BUSY_MS", 100)
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        other = sqlite3.connect(settings.home / "murascope.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = client.post("/api/conversations")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
        other.close()
        assert client.post("/api/conversations").status_code == 201


STRANGE = {
    "null": "a\0b",
    "half a character": "a\ud800b",
    "a byte of no encoding": "a\udcffb",
    "long": "x" * 3999,
    "long path": "/x" * 1999,
    "nobody's home": "~nosuchuser/x",
    "right to left": "a\u202eb\u2066",
    "number": "9" * 3999,
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_no_input_gives_a_bare_500(client: TestClient, text: str) -> None:
    raw = quote(text.encode("utf-8", "surrogatepass"), safe="")
    conversation = client.post("/api/conversations").json()["id"]
    paths = ("/data/%s", "/data/%s/image?relative=x", "/data/x/image?relative=%s", "/runs/%s", "/runs?dataset=%s", "/runs?state=%s",
        "/c/%s", "/api/runs/%s", "/api/runs/%s/log", "/api/runs/%s/results", "/?lang=%s", "/runs/r1/files/inputs/%s", "/static/%s")  # fmt: skip
    for path in paths:
        answer = client.get(path.replace("%s", raw), headers={"accept": "text/html"})
        assert answer.status_code < 500, path
    sent: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("POST", "/api/datasets", {"name": "x", "path": text}),
        ("POST", "/api/datasets", {"name": text, "path": "/tmp"}),
        ("PATCH", f"/api/conversations/{conversation}", {"title": text}),
        ("PATCH", f"/api/conversations/{raw}", {"title": "x"}),
        ("DELETE", f"/api/datasets/{raw}", {}),
        ("PUT", f"/api/datasets/{raw}/archive", {}),
        ("POST", f"/api/runs/{raw}/stop", {}),
    )
    for method, path, body in sent:
        answer = client.request(method, path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert answer.status_code < 500, path
        assert answer.status_code == 200 or answer.json().get("message"), (path, answer.text)
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        for frame in (
            {"type": "say", "text": text, "key": "1"},
            {"type": "edit", "proposal": text, "revision": 1, "changes": {"dataset": text}},
        ):
            socket.send_text(json.dumps(frame))
        told = [socket.receive_json()]
        while told[-1].get("code") not in ("unknown_plan", "bad_frame"):  # of the second frame, or of both
            told.append(socket.receive_json())
        assert "internal" not in {each.get("code") for each in told}


def test_a_damaged_database_is_told_in_words_and_a_file_that_is_put_back_is_used(
    settings: Settings, client: TestClient
) -> None:
    file = settings.home / "murascope.db"
    assert client.post("/api/conversations").status_code == 201
    with contextlib.closing(sqlite3.connect(file)) as other:
        while other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:  # somebody reads just now
            pass
    whole = file.read_bytes()
    with file.open("r+b") as damaged:  # in place, beneath the connections that are open
        damaged.seek(4096)
        damaged.write(b"\xa5" * (len(whole) - 4096))
    while (answer := client.get("/api/runs")).status_code == 200:  # a page may still be remembered
        client.post("/api/conversations")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_damaged")
    assert f"the database file {file} is damaged" in answer.json()["message"]
    assert "put a copy" in answer.json()["hint"]
    page = client.get("/runs", headers={"accept": "text/html"})
    assert (page.status_code, "is damaged" in page.text) == (503, True)
    with file.open("r+b") as mended:
        mended.write(whole)
    assert client.get("/api/runs").status_code == 200
    assert client.post("/api/conversations").status_code == 201
