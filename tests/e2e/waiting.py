"""Waits for what no page shows; for what one shows, Playwright waits."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object]) -> None:
    while not holds():
        time.sleep(0.1)
