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


def visible_to(run: Path) -> str | None:
    """The GPUs that it was told of; None: nothing."""
    told = Path(f"/proc/{trainer_of(run)}/environ").read_text(encoding="utf-8").split("\0")
    return dict(each.partition("=")[::2] for each in told).get("CUDA_VISIBLE_DEVICES")
