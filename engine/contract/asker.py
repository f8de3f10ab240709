"""A process that answers a question ends with whoever asked it, also when that one is killed and can say nothing any more."""

import os
import sys
import threading

NOBODY_ASKS = 4  # exit code


def end_with_asker() -> None:
    """From now on the end of standard input, which the asker holds open, ends this process, whatever it is doing."""
    threading.Thread(target=_wait, name="asker", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 1 << 16):
        pass
    os._exit(NOBODY_ASKS)
