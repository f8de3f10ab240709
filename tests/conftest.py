"""What every test gets: an empty environment, a home folder of its own, and no way out of this machine."""

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from assistant.settings import Settings
from tests import event_loop
from tests.serving import OURS

hypothesis_settings.register_profile("no_clock", deadline=None)  # no test fails because the machine is busy
hypothesis_settings.load_profile("no_clock")
event_loop.watch()
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: no collection of garbage looks through it again, which takes a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MURASCOPE_HUB", "off")


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop() -> Iterator[None]:
    event_loop.blocked.clear()
    yield
    assert event_loop.blocked == []


@pytest.fixture(autouse=True)
def no_connection_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Refuse every connection to another machine; returns the list of attempts."""
    attempts: list[Any] = []
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            attempts.append(address)
            raise ConnectionRefusedError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    return attempts


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", weights=tmp_path / "weights")
