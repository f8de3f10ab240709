"""Whether what the examples teach (assistant/offline/learned.py) is at hand: made ready beside everything else, so that the first message
need not wait for it."""

import logging
import subprocess
import time
from pathlib import Path
from threading import Thread
from typing import Literal

logger = logging.getLogger(__name__)

TRY_AGAIN_S = 60.0


class Understanding:
    """`state`: idle until `begin`; then it is being made, which takes minutes once, until it is loaded. One that failed is tried again."""

    def __init__(self) -> None:
        self.state: Literal["idle", "being made", "failed", "loaded"] = "idle"

    def begin(self, home: Path) -> None:
        """Load or make it in a thread that keeps nobody from ending."""
        self.state = "being made"
        Thread(target=self._make, args=(home,), daemon=True).start()

    def _make(self, home: Path) -> None:
        from assistant.offline.learned import learned  # loads numpy, which a server begins without

        while self.state != "loaded":
            try:
                learned(home)
                self.state = "loaded"
            except (OSError, RuntimeError, ValueError, subprocess.SubprocessError):
                logger.exception("what the examples teach could not be made; it is tried again in a minute")
                self.state = "failed"
                time.sleep(TRY_AGAIN_S)
