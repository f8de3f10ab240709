"""The connection to SQLite ends whatever is asked of it at the same time."""

import asyncio
from pathlib import Path

import pytest

from assistant.store import sqlite_connection

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("begins_to_close", [True, False], ids=["while it closes", "before it closes"])
async def test_a_connection_that_is_both_stopped_and_closed_ends(tmp_path: Path, begins_to_close: bool) -> None:
    """As where a request is cut off in the middle of a query."""
    (tmp_path / "a.db").touch()  # an empty file is an empty database
    connection = await sqlite_connection.connect(str(tmp_path / "a.db"))
    closing = asyncio.ensure_future(connection.close())
    if begins_to_close:
        await asyncio.sleep(0)
    connection.stop()
    done, _ = await asyncio.wait({closing}, timeout=20)
    assert done == {closing}
    closing.exception()  # that it was stopped already is all that may be wrong
    connection._thread.join(20)
    assert not connection._thread.is_alive()
