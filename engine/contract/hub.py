"""Whether the hub of pre-trained weights answers: a machine without a network then need not wait for a download to give up."""

import os
import socket
import time
from urllib.parse import urlsplit

TIMEOUT_S = 3.0
REMEMBERED_S = 60.0

_looked: dict[str, tuple[float, bool]] = {}


def hub_address() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co")


def answers(address: str) -> bool:
    """Whether a connection to the host of this URL can be made at all."""
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname, parts.port or 443), timeout=TIMEOUT_S):
            return True
    except OSError:
        return False


def hub_answered() -> bool:
    """The same of the hub, looked at once a minute at most."""
    address, now = hub_address(), time.monotonic()
    at, answered = _looked.get(address, (-REMEMBERED_S, False))
    if now - at >= REMEMBERED_S:
        answered = answers(address)
        _looked[address] = (now, answered)
    return answered
