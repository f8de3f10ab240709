"""The process that trains in a run which a shim watches: what a test kills, or looks at."""

from pathlib import Path

from engine.contract.process_lock import noted_watchers
from engine.contract.process_tree import below


def trainer_of(run: Path) -> int | None:
    """Its id; None where it is not there, or not yet."""
    watchers = noted_watchers(run)
    return next(iter(below(watchers.guard)), None) if watchers is not None else None
