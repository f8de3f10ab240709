"""A home as version 0.1.0 left it (tests/stored/README.md), put where a test can open it with the version of today."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine, insert, select

from assistant.store.database import migrate

STORED = Path(__file__).resolve().parent / "stored"
PLACE = "{HOME}"  # stands in the stored database for the folder that the home lay in
REVISION = "0005"  # of that version's database
TORCH = "2.13.0+cpu"  # which the checkpoint was made with; no other one goes on from it

CONVERSATION = "d84a59ffb4b3"
FINISHED, STOPPED = "r1", "r2"  # its runs
AFTER_EPOCH, EPOCHS = 5, 20  # of the stopped one


def unpack(home: Path) -> None:
    """Fill an empty home."""
    shutil.copytree(STORED / "home", home, dirs_exist_ok=True)
    with closing(sqlite3.connect(home / "murascope.db")) as database:
        database.executescript((STORED / "murascope.sql").read_text("utf-8").replace(PLACE, str(home)))


def copy_database(home: Path, url: str) -> None:
    """Put what stands in the home's database into an empty one elsewhere, as that version would have it there."""
    migrate(url, REVISION)
    with _opened(f"sqlite:///{home / 'murascope.db'}") as old, _opened(url.replace("+aiosqlite", "")) as new:
        there, here = MetaData(), MetaData()
        there.reflect(old)
        here.reflect(new)
        with old.connect() as reading, new.begin() as writing:
            for table in here.sorted_tables:
                rows = [dict(row._mapping) for row in reading.execute(select(there.tables[table.name]))]
                if rows and table.name != "alembic_version":
                    writing.execute(insert(table), rows)


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
