"""The process that trains in a run which a shim watches: what a test kills, or looks at."""

from pathlib import Path

from engine.contract.process_lock import noted_watchers
from engine.contract.process_tree import below


def trainer_of(run: Path) -> int:
    """Its id. A test that finds none fails: nobody is killed for it."""
    watchers = noted_watchers(run)
    assert watchers is not None
    trainer, *_ = below(watchers.guard)
    return trainer
