"""The time as the database has it, in statements: the one clock that all servers of a database share, however far theirs are apart."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement

from assistant.store.tables import UtcDateTime


class now_there(ColumnElement[Any]):  # noqa: N801  (it stands in statements like func.now)
    """The moment at which the statement is carried out, and `ahead_s` seconds later."""

    inherit_cache = False  # how far ahead is written into the statement
    type = UtcDateTime()

    def __init__(self, *, ahead_s: float = 0.0):
        self.ahead_s = ahead_s


@compiles(now_there, "sqlite")
def _sqlite(element: now_there, _compiler: Any, **_: Any) -> str:
    """As SQLAlchemy stores a point in time there, so that the two can be compared as texts."""
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', '{element.ahead_s:+.3f} seconds') || '000')"


@compiles(now_there, "postgresql")
def _postgresql(element: now_there, _compiler: Any, **_: Any) -> str:
    """now() would be the beginning of the transaction, which may have waited for another one since."""
    return f"(clock_timestamp() + interval '{element.ahead_s:.3f} seconds')"
