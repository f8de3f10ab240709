"""What a run measured, read from its folder: figures, scores of each image, and which images to look at.

Everybody who tells of results comes through here, and the run's state is asked first: files that a run left behind which then
failed are no results. Nor are files that were damaged since they were written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.refused import Refused
from assistant.store.tables import ACTIVE, RunRow
from engine.contract.checksums import DamagedFile
from engine.contract.events import Finished, last_event
from engine.contract.folder import EvaluationFolder, ResultsT, RunFolder


class NoResults(Refused):
    """The run has no results to tell of. `code` is unfinished, failed, stopped, gone or damaged."""

    def __init__(self, code: str, message: str, row: RunRow, *, file: str = ""):
        super().__init__(code, message)
        self.values = {"run": row.id, "state": row.state, "reason": row.reason, "hint": row.hint, "file": file}
        self.status = 422 if code == "damaged" else 404

    @property
    def page_code(self) -> str:
        return f"results_{self.code}"


def evaluation_of(row: RunRow, folder: Path) -> EvaluationFolder:
    """The evaluation in a run's folder, of a run that ended well. A log that ends well is believed before the database has heard of it.

    Raises:
        NoResults: it did not end well, or not yet.
    """
    if row.state == "succeeded" or (row.state == "running" and isinstance(last_event(folder), Finished)):
        return RunFolder(folder).evaluation
    if row.state in ACTIVE:
        raise NoResults("unfinished", f"run {row.id} has no results yet: it is {row.state}", row)
    if row.state == "stopped":
        raise NoResults("stopped", f"run {row.id} was stopped: nothing was measured", row)
    raise NoResults("failed", f"run {row.id} has no results: it failed: {row.reason}; {row.hint}", row)


def load(row: RunRow, folder: Path, kind: type[ResultsT]) -> ResultsT:
    """Read what a run measured from its folder, as its kind of run writes it, at the threshold in force.

    Raises:
        NoResults: there is none, or a file of it is damaged.
    """
    evaluation = evaluation_of(row, folder)
    with told_by_file(row, folder):
        results = evaluation.read(kind)
    if row.threshold is None:
        return results
    from engine.contract.verdicts import at_facts  # loads numpy, which the first page does without

    return at_facts(results, row.threshold["told"])


@contextmanager
def told_by_file(row: RunRow, folder: Path) -> Iterator[None]:
    """A file that is gone or damaged becomes NoResults, which names it."""
    try:
        yield
    except FileNotFoundError as error:
        path = Path(error.filename)
        message = f"the results of run {row.id} are gone: there is no {path} any more; train again"
        raise NoResults("gone", message, row, file=path.relative_to(folder).as_posix()) from None
    except DamagedFile as error:
        message = f"the results of run {row.id} cannot be told: {error.path} {error.why}; train again"
        raise NoResults("damaged", message, row, file=error.path.relative_to(folder).as_posix()) from error
