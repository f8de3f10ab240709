"""A connection to SQLite on which a statement with its rows is one visit to the connection's thread."""

import functools
import sqlite3
from collections.abc import Sequence
from typing import Any

import aiosqlite


class Connection(aiosqlite.Connection):
    """The driver's own goes to its thread and back for the cursor, the statement, the rows and the end of the cursor: most of what a
    small statement costs."""

    def cursor(self) -> Any:
        return _Cursor(self)

    async def commit(self) -> None:
        if self.in_transaction:
            await super().commit()


class _Cursor:
    """What SQLAlchemy asks of a cursor; its rows are there as soon as a statement is done, and so it holds nothing that must be closed."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._done: sqlite3.Cursor | None = None
        self._rows: list[Any] = []

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._done, self._rows = await self._connection._execute(self._run, sql, parameters)

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._done, self._rows = await self._connection._execute(self._connection._conn.executemany, sql, parameters), []

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None: ...

    @property
    def description(self) -> Any:
        return self._done and self._done.description

    @property
    def rowcount(self) -> int:
        return self._done.rowcount if self._done else -1

    @property
    def lastrowid(self) -> int | None:
        return self._done and self._done.lastrowid

    def _run(self, sql: str, parameters: Sequence[Any]) -> tuple[sqlite3.Cursor, list[Any]]:
        done = self._connection._conn.execute(sql, parameters)
        return done, done.fetchall()


def connect(path: str, **settings: Any) -> Connection:
    """Begin a connection, to be awaited (`async_creator_fn` of SQLAlchemy's dialect)."""
    connection = Connection(functools.partial(sqlite3.connect, path, **settings), iter_chunk_size=64)
    connection._thread.daemon = True  # as the dialect does with a connection of its own
    return connection
