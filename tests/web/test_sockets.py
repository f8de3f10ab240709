"""The two sockets, on the real workspace with the built-in assistant."""

import json
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from assistant.frames import AssistantItem
from assistant.store.tables import ItemRow
from assistant.workspace import Workspace
from web.sockets import COME_BACK, GONE


def frames_until_idle(socket: WebSocketTestSession) -> list[dict[str, Any]]:
    """All frames up to the end of the answer that is being made."""
    frames, worked = [], False
    while True:
        frame = socket.receive_json()
        frames.append(frame)
        worked = worked or (frame["type"] == "turn" and frame["state"] == "working")
        if worked and frame["type"] == "turn" and frame["state"] == "idle":
            return frames


def closing_code(socket: WebSocketTestSession) -> int:
    while (message := socket.receive())["type"] != "websocket.close":
        pass
    return int(message["code"])


def workspace_of(client: TestClient) -> Workspace:
    return client.app.state.workspace  # type: ignore[attr-defined, no-any-return]


def execute(client: TestClient, sql: str) -> None:
    async def run() -> None:
        async with workspace_of(client).database.session() as session:
            await session.execute(text(sql))

    client.portal.call(run)  # type: ignore[union-attr]


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
        socket.send_bytes(b"binary")
        assert socket.receive_json()["code"] == "bad_frame"
        socket.send_json({"type": "approve", "proposal": "p1", "revision": 1})
        assert socket.receive_json()["code"] == "unknown_plan"
        socket.send_json({"type": "say", "text": " ", "key": "k7"})
        refused = socket.receive_json()
        assert (refused["code"], refused["key"]) == ("empty", "k7")


def test_an_unexpected_error_is_logged_and_answered_and_the_socket_stays(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.receive_json()
        execute(client, "ALTER TABLE proposals DROP COLUMN chosen")
        socket.send_json({"type": "approve", "proposal": "p1", "revision": 1})
        assert socket.receive_json()["code"] == "internal"
        assert "no such column: proposals.chosen" in caplog.text
        assert "Traceback" in caplog.text
        socket.send_text("{")
        assert socket.receive_json()["code"] == "bad_frame"


def test_a_page_that_cannot_keep_up_is_told_to_come_back(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.receive_json()
        monkeypatch.setattr("assistant.chat.transcript.MOST_WAITING_FRAMES", 0)
        socket.send_json({"type": "say", "text": "hello"})
        assert closing_code(socket) == COME_BACK


def test_a_page_to_which_nothing_can_be_sent_is_told_to_come_back(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = client.post("/api/conversations").json()["id"]

    async def spoil() -> None:
        async with workspace_of(client).database.session() as session:
            session.add(
                ItemRow(conversation=conversation, key="k", position=1, revision=1, body={"kind": "unheard of"})
            )

    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.receive_json()
    client.portal.call(spoil)  # type: ignore[union-attr]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        assert closing_code(socket) == COME_BACK
    assert "unheard of" in caplog.text


def test_the_page_of_a_conversation_that_was_deleted_elsewhere_is_sent_away(client: TestClient) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.receive_json()
        client.delete(f"/api/conversations/{conversation}")
        socket.send_json({"type": "say", "text": "hello"})
        assert closing_code(socket) == GONE


def test_a_page_that_joins_in_mid_sentence_never_sees_text_twice(client: TestClient) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    words = [f"word{number} " for number in range(40)]

    async def write(*some: str) -> None:
        transcript = (await workspace_of(client).conversations.get(conversation)).transcript
        if await transcript.get("answer-1") is None:
            await transcript.show("answer-1", AssistantItem(text="", state="streaming"))
        for word in some:
            transcript.add_text("answer-1", word)

    client.portal.call(write, *words[:20])  # type: ignore[union-attr]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        shown = [socket.receive_json()["html"]]
        assert socket.receive_json()["type"] == "turn"
        for word in words[20:]:
            client.portal.call(write, word)  # type: ignore[union-attr]
        while words[-1].strip() not in shown[-1]:
            shown.append(socket.receive_json()["html"])
    assert all(html.count("word0 ") == 1 for html in shown)
    assert shown[-1] == f"<p>{''.join(words).strip()}</p>\n"


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
