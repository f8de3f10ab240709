"""A workspace to work in: over SQLite, and where a test asks for `any_database`, over a real PostgreSQL too."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from assistant.chat.conversation import Conversation
from assistant.data.datasets import folder_stamp
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import DatasetRow
from assistant.workspace import Workspace
from tests.data_facts import stored_facts
from tests.postgres import postgres_binaries, running_postgres
from tests.tiny_panels import tiny_panels

_database_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with running_postgres(binaries) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/murascope.db"
    server = request.getfixturevalue("postgres")
    name = f"test{next(_database_numbers)}"
    engine = create_engine(
        f"{server}/postgres".replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}".replace("postgresql:", "postgresql+psycopg:")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def workspace(settings: Settings) -> AsyncIterator[Workspace]:
    async with Workspace.open(settings) as opened:
        yield opened


@pytest.fixture
def panels(tmp_path: Path) -> Path:
    return tiny_panels(tmp_path)


@pytest.fixture
async def conversation(workspace: Workspace, tmp_path: Path) -> Conversation:
    """A conversation in a workspace that knows one data set, checked before."""
    folder = tmp_path / "oled"
    folder.mkdir()
    facts = stored_facts(train_good=60, path=str(folder))
    row = DatasetRow(
        name="oled", path=str(folder), layout="mvtec", origin="demo", facts=facts, images=[], stamp=folder_stamp(folder)
    )
    async with workspace.database.session() as session:
        session.add(row)
    return await workspace.conversations.create("en")
