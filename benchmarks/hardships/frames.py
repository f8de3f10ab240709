"""Hostile frames over the socket of a conversation: no JSON, no frame, other types, endless depth and 10 MB of text.

silent      the server, or another conversation, does not answer afterwards
"""

import json
from contextlib import suppress
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.served import PATIENCE_S, Served, Silent


def endure(served: Served, count: int) -> dict[str, int]:
    harm = {"tried": count, "silent": 0}
    for number in range(count):
        conversation = served.new_conversation()
        address = f"ws://{served.address}/ws/c/{conversation}"
        with (
            suppress(WebSocketException, OSError, TimeoutError),  # closing is an answer too
            connect(address, open_timeout=PATIENCE_S) as socket,
        ):
            socket.send(_hostile(served))
        try:
            served.get("/health")
            served.items(served.new_conversation())
        except Silent as error:
            harm["silent"] += 1
            print(f"  frame {number}: {error}", flush=True)
    return harm


def _hostile(served: Served) -> str | bytes:
    chance = served.chance
    odd: list[Any] = [None, 0, -1, 1e308, True, "", "\0", "\u202e", "x" * 5000, [], {}, [[]], {"a": {}}, "\ud800"]
    kind = chance.choice(("say", "approve", "edit", "decline", "stop", "none such", 7, None))
    match chance.randrange(6):
        case 0:
            return chance.randbytes(chance.randrange(200))
        case 1:
            return "[" * 100_000
        case 2:
            return json.dumps({"type": "say", "key": "k", "text": "train " * 1_700_000})
        case 3:
            return json.dumps({"type": kind})
        case _:
            fields = ("key", "text", "proposal", "revision", "changes", "item", "run", "more")
            return json.dumps({"type": kind, **{name: chance.choice(odd) for name in chance.sample(fields, 4)}})
