"""A connection to SQLite on which a statement with its rows is one visit to the connection's thread."""

import asyncio
import functools
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite

Value = TypeVar("Value")


class Connection(aiosqlite.Connection):
    """The driver's own goes to its thread and back for the cursor, the statement, the rows and the end of the cursor: most of what a
    small statement costs."""

    _is_ending = False
    ended: Callable[["Connection"], None] | None = None  # is told once, as soon as nothing more is asked of it

    def cursor(self) -> Any:
        return _Cursor(self)

    def stop(self) -> "asyncio.Future[Any] | None":
        """End the thread, once. Where somebody who waits for a connection is cancelled, SQLAlchemy both closes and stops it; the driver's own
        close then waits for ever for a thread that has ended, and with it whoever ends the event loop."""
        if self._is_ending:
            return None
        self._is_ending = True
        if self.ended is not None:
            self.ended(self)
        return super().stop()

    async def commit(self) -> None:
        if self.in_transaction:
            await super().commit()

    async def there(self, work: Callable[[sqlite3.Connection], Value]) -> Value:
        """What this gives in the connection's thread."""
        return cast(Value, await self._execute(work, self._conn))  # type: ignore[no-untyped-call]


class _Cursor:
    """What SQLAlchemy asks of a cursor; its rows are there as soon as a statement is done, and so it holds nothing that must be closed."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._done: sqlite3.Cursor | None = None
        self._rows: list[Any] = []

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Cursor, list[Any]]:
            done = connection.execute(sql, parameters)
            return done, done.fetchall()

        self._done, self._rows = await self._connection.there(work)

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._done = await self._connection.there(lambda connection: connection.executemany(sql, parameters))

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None: ...

    @property
    def description(self) -> Any:
        return self._done.description if self._done else None

    @property
    def rowcount(self) -> int:
        return self._done.rowcount if self._done else -1

    @property
    def lastrowid(self) -> int | None:
        return self._done.lastrowid if self._done else None


class Connections:
    """Those of one database that are open. Whoever closes the database closes them all, also one that nobody has given back: that of a
    query which was cut off in its middle, or of a session that is ended in the background."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()
        self._is_closed = False

    def connect(self, path: str, **settings: Any) -> Connection:
        """Begin a connection to a database that is there, to be awaited (`async_creator_fn` of SQLAlchemy's dialect): where its file is
        gone none begins an empty one.

        Raises:
            sqlite3.ProgrammingError: the database was closed.
        """
        if self._is_closed:
            raise sqlite3.ProgrammingError("the database was closed")
        file = f"{Path(path).absolute().as_uri()}?mode=rw"
        connection = Connection(functools.partial(sqlite3.connect, file, uri=True, **settings), iter_chunk_size=64)
        connection._thread.daemon = True  # as the dialect does with a connection of its own
        connection.ended = self._open.discard
        self._open.add(connection)
        return connection

    async def close(self) -> None:
        """Close all, for good."""
        self._is_closed = True
        for connection in tuple(self._open):
            with suppress(ValueError, sqlite3.Error):  # it ends meanwhile
                await connection.close()
        self._open.clear()
