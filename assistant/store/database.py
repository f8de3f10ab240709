"""One database, reached by async sessions; brought up to date by Alembic when it is opened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Engine, ExceptionContext, NullPool, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from assistant.machine.troubles import DatabaseDamaged
from assistant.store.sqlite_connection import Connections

BUSY_MS = 10_000  # how long a change waits for somebody else's
STILL_MS = 60_000  # after which PostgreSQL undoes what a process began that stands still in the middle of it
MIGRATING = 0x6D757261  # the advisory lock of PostgreSQL that is held while the schema is changed
READING = "only_reads"
DAMAGES = (
    "malformed",
    "file is not a database",
    "could not decode to utf-8",
    "no such table",
)  # what SQLite says of such a file


class Database:
    """Sessions over one engine. `async with database.session() as session:` is one transaction, committed at its end.

    `database.reading()` is one that only reads: it never waits for somebody who writes.
    """

    def __init__(self, engine: AsyncEngine, connections: Connections):
        self.engine, self._connections = engine, connections
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._readers = async_sessionmaker(engine.execution_options(**{READING: True}), expire_on_commit=False)

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Migrate the schema to the newest version, then connect."""
        connections = Connections()
        return cls(await asyncio.to_thread(_migrated, url, connections), connections)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        async with self._readers() as session, session.begin():
            yield session

    async def check(self) -> None:
        """Read over a connection that is made for it: one that is open already answers from what it remembers, whatever became of the file.

        Raises:
            OSError: the file is gone; or what a session raises.
        """
        await asyncio.to_thread(
            _read, self.engine.url.set(drivername=self.engine.url.drivername.replace("+aiosqlite", ""))
        )

    async def close(self) -> None:
        await self.engine.dispose()
        await self._connections.close()


def _read(url: URL) -> None:
    engine = create_engine(url, poolclass=NullPool)
    if engine.name == "sqlite":
        Path(url.database or "").stat()  # SQLite would begin an empty one in place of one that is gone
        use_sqlite_well(engine)
    with engine.connect() as connection:
        connection.execute(text("select version_num from alembic_version"))


def _migrated(url: str, connections: Connections) -> AsyncEngine:
    """Off the event loop: Alembic reads files, and so does the first use of a driver. The connections are those to SQLite."""
    migrate(url)
    if not url.startswith("sqlite"):
        options = f"-c lock_timeout={BUSY_MS} -c idle_in_transaction_session_timeout={STILL_MS}"
        return create_async_engine(url, connect_args={"options": options})
    engine = create_async_engine(
        url,
        connect_args={"async_creator_fn": connections.connect},
        pool_reset_on_return=None,  # each session has ended what it began
    )
    use_sqlite_well(engine.sync_engine)
    return engine


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to an Alembic revision."""
    url = url.replace("+aiosqlite", "")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine(url)
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        use_sqlite_well(engine)
    try:
        with engine.begin() as connection:
            if engine.name == "postgresql":  # of several servers that start at once one migrates, and the others wait
                connection.execute(text(f"select pg_advisory_xact_lock({MIGRATING})"))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def use_sqlite_well(engine: Engine) -> None:
    """Write-ahead log, foreign keys, and BEGIN IMMEDIATE: a read that turns into a write never meets 'database is locked'. Who only
    reads begins nothing: each of his statements sees what is there then, and costs less."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not emit its own BEGIN
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("lower", 1, _lower, deterministic=True)  # its own knows the letters of English alone

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if not connection.get_execution_options().get(READING):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(engine, "handle_error", retval=True)
    def tell_damage(context: ExceptionContext) -> DatabaseDamaged | None:
        why = str(context.original_exception)
        if not any(words in why.lower() for words in DAMAGES):
            return None
        context.is_disconnect = (
            True  # every connection remembers damaged pages: all are closed, for a file that is put back
        )
        return DatabaseDamaged(engine.url.database or "", why)
