"""What a disk, a folder or the database refuses, in words: what is wrong and what to do."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

logger = logging.getLogger(__name__)

CODES = {
    errno.ENOSPC: "no_room",
    errno.EDQUOT: "no_room",
    errno.EROFS: "read_only",
    errno.EACCES: "forbidden",
    errno.EPERM: "forbidden",
    errno.ENAMETOOLONG: "name_too_long",
}
# what SQLite and PostgreSQL say
DATABASE_CODES = {
    "disk is full": "no_room",
    "no space left": "no_room",
    "readonly database": "read_only",
    "read-only transaction": "read_only",
    "database is locked": "database_busy",
    "lock timeout": "database_busy",
    "unable to open database": "database_away",
    "disk i/o error": "database_away",
    "connect": "database_away",
    "terminat": "database_away",
}
HINTS = {
    "no_room": "make room on the disk; what waits goes on by itself",
    "read_only": "make the home folder writable, or set MURASCOPE_HOME to a folder that is",
    "forbidden": "give the user that runs Murascope the rights to it, or choose another folder",
    "name_too_long": "choose a shorter name or path",
    "store_away": "look whether the object store is up and AWS_ENDPOINT_URL is its address; what waits is sent by itself",
    "store_key": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that may read, write, list and delete there",
    "store_bucket": "make the bucket, or set MURASCOPE_ARTIFACTS to one that is there",
    "store_damaged": "look at the object store; a copy of the run's folder, put back into runs/ of the home, is used instead",
    "tracking_away": "look whether MLflow is up and MURASCOPE_TRACKING is its address; what waits is told by itself",
    "tracking_busy": "there is nothing to do: it tells all",
    "tracking_name": "call the model otherwise, or rename theirs",
    "cluster_no_place": "it starts when there is room; if there never is, ask for less (MURASCOPE_RUN_CPUS, MURASCOPE_RUN_GPUS), or add nodes",
    "cluster_image": "look whether MURASCOPE_KUBERNETES_IMAGE is there, and whether the cluster may fetch it",
    "cluster_container": "look at the pod with kubectl describe: its container cannot be made as it is asked for",
    "cluster_suspended": "whoever suspended the job lets it go on, such as a queue of the cluster",
    "database_busy": "another program holds the database: end what it does there, then try again",
    "database_damaged": "stop Murascope and put a copy of that file back, or move it away to begin with an empty one; "
    "what the runs' folders and the data sets hold is whole",
    "database_away": "look whether the database server is up, or whether the home folder is still there",
    "system": "look at the server's log, then try again",
    "internal": "try again; if it happens again, look at the server's log",
}
EXPECTED = (OSError, DatabaseError, PoolTimeout)


class CodedTrouble(OSError):
    """What something outside refuses; `code` names it, and what to do stands under it in HINTS."""

    def __init__(self, code: str, message: str):
        self.code = code
        super().__init__(message)


class DatabaseDamaged(DatabaseError):
    """The file of the database does not hold what SQLite wrote there."""

    def __init__(self, path: str, why: str):
        self.path, self.why = path, why
        super().__init__(None, None, Exception(f"{path}: {why}"))


@dataclass(frozen=True)
class Trouble:
    """`code` names the kind, for the page's wording (locales: error.<code>); message and hint are the English wording.

    internal is none that the installation has: it is a mistake of our own.
    """

    code: str
    message: str
    hint: str


def explain(error: OSError | SQLAlchemyError) -> Trouble:
    """The trouble behind an error of the system or of the database."""
    code, message = _of_system(error) if isinstance(error, OSError) else _of_database(error)
    return Trouble(code, message, HINTS[code])


def report(error: OSError | SQLAlchemyError, *, what: str) -> Trouble:
    """The trouble behind an error, said in the log: in a line, and a mistake of our own with all that led to it."""
    trouble = explain(error)
    if trouble.code == "internal":
        logger.error("%s failed", what, exc_info=error)
    else:
        logger.warning("%s failed: %s", what, trouble.message)
    return trouble


def _of_system(error: OSError) -> tuple[str, str]:
    if isinstance(error, CodedTrouble):
        return error.code, str(error)
    where = f": {str(error.filename)[:200]}" if error.filename is not None else ""
    return CODES.get(error.errno or 0, "system"), f"{error.strerror or error}{where}"


def _of_database(error: SQLAlchemyError) -> tuple[str, str]:
    if isinstance(error, PoolTimeout):
        return "database_busy", "the database gave no connection in time"
    if isinstance(error, DatabaseDamaged):
        return "database_damaged", f"the database file {error.path} is damaged ({error.why})"
    said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    code = next((code for words, code in DATABASE_CODES.items() if words in said.lower()), "internal")
    return code, f"the database refused: {said}" if code != "internal" else "something went wrong on our side"


class Watch:
    """Goes on in spite of troubles, and tells of each in the log when it begins and when it is over, not at every try."""

    def __init__(self) -> None:
        self._present: dict[str, Trouble] = {}

    def get(self, what: str) -> Trouble | None:
        """What keeps `what` from being done, if anything does."""
        return self._present.get(what)

    @contextmanager
    def over(self, what: str) -> Iterator[None]:
        """Whatever disk or database refuse inside ends the block, and is remembered until the block comes to its end."""
        try:
            yield
        except (OSError, SQLAlchemyError) as error:
            trouble = explain(error)
            if trouble not in self._present.values():
                logger.warning(
                    "%s waits: %s (%s); it is tried again until it goes", what, trouble.message, trouble.hint
                )
            self._present[what] = trouble
        else:
            self.forget(what)

    def forget(self, what: str) -> None:
        if self._present.pop(what, None) is not None:
            logger.warning("%s goes on", what)
