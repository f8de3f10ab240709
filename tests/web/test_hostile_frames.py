"""What comes over a socket is refused in words or with a clear close code, and other pages go on meanwhile: a real server, real sockets."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from tests.serving import environment_of, serving
from web.sockets import LONGEST_FRAME


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(environment_of(tmp_path_factory.mktemp("home"))) as address:
        yield address


@pytest.fixture
def conversation(server: str) -> str:
    with urlopen(Request(f"{server}/api/conversations", method="POST")) as answer:
        made: dict[str, str] = json.load(answer)
    return f"ws{server.removeprefix('http')}/ws/c/{made['id']}"


def page(conversation: str) -> ClientConnection:
    return connect(conversation, max_size=None)


def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this type."""
    while (frame := json.loads(socket.recv(timeout=60)))["type"] != kind:
        pass
    return dict(frame)


DEEP = "[" * 60_000 + "]" * 60_000
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "too many characters": (
        json.dumps({"type": "edit", "proposal": "p", "revision": 1, "changes": {"name": "x" * LONGEST_FRAME}}),
        "too_long",
    ),
    "too long a message": (json.dumps({"type": "say", "text": "x" * 20_001}), "too_long"),
    "deep": (DEEP, "bad_frame"),
    "deep in an edit": (
        '{"type":"edit","proposal":"p","revision":1,"changes":{"image_size":' + DEEP + "}}",
        "bad_frame",
    ),
    "nested in an edit": (
        '{"type":"edit","proposal":"p","revision":1,"changes":{"image_size":' + "[" * 150 + "]" * 150 + "}}",
        "unknown_plan",
    ),
    "many names": ("{" + ",".join(f'"a{number}":1' for number in range(15_000)) + "}", "bad_frame"),
    "many settings": (
        json.dumps({"type": "edit", "proposal": "p", "revision": 1, "changes": {f"a{n}": n for n in range(9_000)}}),
        "unknown_plan",
    ),
    "binary": (b"\x00\xff" * 1000, "bad_frame"),
    "lone surrogate": ('{"type":"say","text":"\\ud800"}', "bad_frame"),
    "huge number": ('{"type":"approve","proposal":"p","revision":' + "9" * 5000 + "}", "bad_frame"),
    "NUL": ('{"type":"approve","proposal":"\\u0000","revision":1}', "unknown_plan"),
    "nothing": ("", "bad_frame"),
}


@pytest.mark.parametrize(("frame", "code"), REFUSED.values(), ids=REFUSED)
def test_a_hostile_frame_is_refused_in_words_and_the_next_one_is_taken(
    conversation: str, frame: str | bytes, code: str
) -> None:
    with page(conversation) as socket:
        socket.send(frame)
        refused = told(socket, "refused")
        assert refused["code"] == code
        assert len(refused["message"]) < 500
        socket.send(json.dumps({"type": "say", "text": " ", "key": "k"}))
        assert told(socket, "refused")["code"] == "empty"


def send_and_read_on(socket: ClientConnection, frame: str | list[str] | bytes) -> None:
    socket.send(frame, text=True)
    while True:
        socket.recv(timeout=20)


@pytest.mark.parametrize(
    ("frame", "code"),
    [("x" * 10_000_000, 1009), (["x" * 100_000] * 100, 1009), (b"\xff\xfe", 1007)],
    ids=["ten megabytes", "ten megabytes in pieces", "no text"],
)
def test_a_frame_that_cannot_be_taken_at_all_closes_its_socket_and_no_other(
    conversation: str, frame: str | list[str] | bytes, code: int
) -> None:
    with page(conversation) as other, page(conversation) as socket:
        with pytest.raises(ConnectionClosedError) as closed:
            send_and_read_on(socket, frame)
        assert closed.value.rcvd is None or closed.value.rcvd.code == code
        other.send(json.dumps({"type": "say", "text": " "}))
        assert told(other, "refused")["code"] == "empty"


def test_while_a_page_floods_the_server_another_one_is_answered(conversation: str) -> None:
    with page(conversation) as flood, page(conversation) as other:
        for _ in range(3000):
            flood.send("{")
        other.send(json.dumps({"type": "say", "text": "hello"}))
        assert told(other, "item")["item"]["kind"] == "user"
        refused = [told(flood, "refused")["code"] for _ in range(3000)]
    assert set(refused) == {"bad_frame"}
