"""What a machine that computes elsewhere makes of its log and of the answers that it gets; whole runs: tests/assistant/runs/test_over_http.py."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.contract.events import EventLog, Started, Stopped, System
from engine.contract.folder import RunFolder
from engine.node import Shipped, _environment, _inside
from engine.server_link import Away, Declined, Fenced, Link, Token


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that told three events and then its last word, and whose process was killed while it wrote more."""
    log = EventLog(tmp_path)
    log.append(Started(model="padim", dataset="panels"))
    for _ in range(2):
        log.append(System(cpu_percent=1, memory_mb=1))
    log.append(Stopped())
    log.close()
    return RunFolder(tmp_path)


def test_lines_are_shipped_in_their_order_and_the_last_word_is_kept_for_the_end(run: RunFolder) -> None:
    lines = run.events.read_bytes().splitlines(keepends=True)
    shipped = Shipped(run)
    assert shipped.next_lines() == b"".join(lines[:3])
    assert shipped.last_word() is None
    shipped.go_to(3)
    assert shipped.next_lines() == b""
    assert shipped.last_word() == lines[3]


def test_what_a_server_lost_is_shipped_again(run: RunFolder) -> None:
    lines = run.events.read_bytes().splitlines(keepends=True)
    shipped = Shipped(run)
    shipped.go_to(3)
    shipped.go_to(1)
    assert shipped.next_lines() == b"".join(lines[1:3])


def test_a_line_that_is_still_written_is_not_shipped(run: RunFolder) -> None:
    whole = run.events.read_bytes().splitlines(keepends=True)
    run.events.write_bytes(b"".join(whole[:2]) + whole[2][:-1])
    assert Shipped(run).next_lines() == b"".join(whole[:2])


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    with pytest.raises(Declined):
        _inside(tmp_path, name)


def test_the_engine_sees_no_token_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURASCOPE_RUN_TOKEN", "secret")
    monkeypatch.setenv("MURASCOPE_WEIGHTS", "/weights")
    assert "MURASCOPE_RUN_TOKEN" not in _environment()
    assert _environment()["MURASCOPE_WEIGHTS"] == "/weights"


class Answers(BaseHTTPRequestHandler):
    """Answers everything with what the test says next."""

    status, said = 200, b""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.said)))
        self.end_headers()
        self.wfile.write(self.said)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def link() -> Iterator[Link]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    link = Link(f"http://127.0.0.1:{server.server_port}/", "r1", 1, Token("token"))
    yield link
    link._connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(code: str) -> bytes:
    return json.dumps({"code": code, "message": "why", "hint": "", "values": {"expected": 4}}).encode()


@pytest.mark.parametrize(
    ("status", "said", "means"),
    [
        (404, b"<html>nothing here</html>", Away),
        (403, b"{}", Away),
        (503, refusal("database_busy"), Away),
        (507, refusal("no_room"), Away),
        (421, refusal("elsewhere"), Away),
        (200, b"<html>please log in</html>", Away),
        (401, refusal("no_token"), Fenced),
        (409, refusal("stale"), Fenced),
        (409, refusal("ended"), Fenced),
        (404, refusal("not_found"), Fenced),
        (409, refusal("gap"), Declined),
        (422, refusal("bad_name"), Declined),
    ],
)
def test_only_a_word_of_the_servers_own_ends_an_attempt(
    link: Link, monkeypatch: pytest.MonkeyPatch, status: int, said: bytes, means: type[Exception]
) -> None:
    monkeypatch.setattr(Answers, "status", status)
    monkeypatch.setattr(Answers, "said", said)
    with pytest.raises(means):
        link.ask("GET", "order")
