"""The two sockets, on the real workspace with the built-in assistant."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from web.sockets import GONE


def frames_until_idle(socket: WebSocketTestSession) -> list[dict[str, Any]]:
    """All frames up to the end of the answer that is being made."""
    frames, worked = [], False
    while True:
        frame = socket.receive_json()
        frames.append(frame)
        worked = worked or (frame["type"] == "turn" and frame["state"] == "working")
        if worked and frame["type"] == "turn" and frame["state"] == "idle":
            return frames


def test_a_message_is_answered_with_drawn_cards_and_replayed_to_the_next_page(client: TestClient) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        assert socket.receive_json() == {"type": "turn", "state": "idle"}
        socket.send_json({"type": "say", "text": "Which models can I train? <b>", "key": "k1"})
        frames = frames_until_idle(socket)
    kinds = [frame["item"]["kind"] for frame in frames if frame["type"] == "item"]
    assert {"user", "tool", "assistant"} <= set(kinds)
    user = next(frame for frame in frames if frame["type"] == "item")
    assert "Which models can I train? &lt;b&gt;" in user["html"]
    last = max(frame["revision"] for frame in frames if frame["type"] == "item")

    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}?after=0&lang=ko") as socket:
        replay = socket.receive_json()
        assert (replay["item"]["kind"], '<h2 class="sr">나</h2>' in replay["html"]) == ("user", True)
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}?after={last}") as socket:
        assert socket.receive_json()["type"] == "turn"


def test_a_frame_that_cannot_be_taken_is_answered_and_the_socket_stays(client: TestClient) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.receive_json()
        socket.send_text("{")
        assert socket.receive_json()["code"] == "bad_frame"
        socket.send_json({"type": "approve", "proposal": "p1", "revision": 1})
        assert socket.receive_json()["code"] == "unknown_plan"


def test_events_of_a_run_arrive_untranslated_in_order_and_end(finished_run: str, client: TestClient) -> None:
    with client.websocket_connect(f"ws://localhost/ws/runs/{finished_run}?after=1") as socket:
        events = [json.loads(socket.receive_text()) for _ in range(4)]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert [event["seq"] for event in events] == [2, 3, 4, 5]
    assert events[-1]["type"] == "finished"


@pytest.mark.parametrize("path", ["/ws/c/none", "/ws/runs/r99", "/ws/runs/a b"])
def test_a_socket_to_nothing_is_closed_for_good(client: TestClient, path: str) -> None:
    with client.websocket_connect(f"ws://localhost{path}") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()
    assert closed.value.code == GONE


def test_a_page_of_another_site_gets_no_socket(client: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("ws://localhost/ws/c/x", headers={"origin": "http://evil.example"}),
    ):
        pass
