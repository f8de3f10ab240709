"""The connection to SQLite ends whatever is asked of it at the same time."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from assistant.store.database import Database
from assistant.store.sqlite_connection import Connections

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("begins_to_close", [True, False], ids=["while it closes", "before it closes"])
async def test_a_connection_that_is_both_stopped_and_closed_ends(tmp_path: Path, begins_to_close: bool) -> None:
    """As where a request is cut off in the middle of a query."""
    (tmp_path / "a.db").touch()  # an empty file is an empty database
    connection = await Connections().connect(str(tmp_path / "a.db"))
    closing = asyncio.ensure_future(connection.close())
    if begins_to_close:
        await asyncio.sleep(0)
    connection.stop()
    done, _ = await asyncio.wait({closing}, timeout=20)
    assert done == {closing}
    closing.exception()  # that it was stopped already is all that may be wrong
    connection._thread.join(20)
    assert not connection._thread.is_alive()


async def test_a_connection_that_nobody_gives_back_is_closed_with_its_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    connections = Connections()
    kept = await connections.connect(str(tmp_path / "a.db"))
    await (await connections.connect(str(tmp_path / "a.db"))).close()
    await connections.close()
    kept._thread.join(20)
    assert (kept._connection, kept._thread.is_alive()) == (None, False)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections.connect(str(tmp_path / "a.db"))


async def test_who_asks_of_a_database_that_was_closed_begins_no_connection(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}")
    async with database.reading() as session:
        await session.execute(text("select 1"))
        await database.close()
    with pytest.raises(DBAPIError, match="closed"):
        async with database.reading() as session:
            await session.execute(text("select 1"))
