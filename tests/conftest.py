"""What every test gets: an empty environment, a home folder of its own, and no way out of this machine."""

import gc
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from assistant.settings import Settings
from assistant.store import database
from engine.contract.attempt_files import lock_in
from tests import event_loop
from tests.left_running import end_trainings_under
from tests.serving import OURS

hypothesis_settings.register_profile("no_clock", deadline=None)  # no test fails because the machine is busy
hypothesis_settings.load_profile("no_clock")
event_loop.watch()
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker is left with one at the end; of the others those of the engine, which need not wait for
    what the examples teach."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, "engine" not in item.path.parts))


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
    monkeypatch.setenv("MURASCOPE_TRACKING", "off")  # a test that wants MLflow says so


@pytest.fixture(scope="session", autouse=True)
def one_database_is_made_and_copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new home's database of SQLite is a copy of one that Alembic made; whatever is there already is migrated as ever."""
    made = tmp_path_factory.mktemp("database") / "made.db"
    migrate = database.migrate

    def copied_or_migrated(url: str, revision: str = "head") -> None:
        file = Path(url.removeprefix("sqlite+aiosqlite:///"))
        if url.startswith("sqlite+aiosqlite:") and revision == "head" and not file.exists():
            if not made.exists():
                migrate(f"sqlite:///{made}")
            with suppress(OSError):  # told by SQLite, or somebody else was quicker
                _copy(made, file)
                return
        migrate(url, revision)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrate", copied_or_migrated)
        yield


def _copy(made: Path, file: Path) -> None:
    """There at once and whole, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f"{file.name}.{threading.get_ident()}")
    try:
        shutil.copyfile(made, aside)
        os.link(aside, file)
    finally:
        aside.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def no_training_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None and any(folder.rglob(lock_in(folder).name)):
        end_trainings_under(folder)


@pytest.fixture(scope="module", autouse=True)
def no_training_outlives_its_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    end_trainings_under(tmp_path_factory.getbasetemp())


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop() -> Iterator[None]:
    event_loop.blocked.clear()
    yield
    assert event_loop.blocked == []


@pytest.fixture(autouse=True)
def no_connection_leaves_this_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Refuse every connection to another machine, but where a test is of a cluster that was named for it; returns the list of attempts."""
    attempts: list[Any] = []
    if request.node.get_closest_marker("k8s"):
        return attempts
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
