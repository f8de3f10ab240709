"""A sign of life that does not depend on what the training is doing: a thread that touches RUN/heartbeat, which the shim watches.

An epoch or one call into a library may take long without a report, and torch, numpy and scipy let other threads go on meanwhile. Native
code that does not is silent; only where it takes longer than the shim's `--silent-s` (300 s unless set) is it taken for a process that
hangs, and ended. Loads no torch.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.contract.folder import RunFolder

BETWEEN_BEATS_S = 5.0


@contextmanager
def beating(run: Path) -> Iterator[None]:
    """The run's heartbeat is touched every few seconds while the block lasts, however full the disk is."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(RunFolder(run).heartbeat, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(heartbeat: Path, over: threading.Event) -> None:
    while True:
        with suppress(OSError):
            heartbeat.touch()
        if over.wait(BETWEEN_BEATS_S):
            return
