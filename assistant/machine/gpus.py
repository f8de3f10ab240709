"""The NVIDIA GPUs of this machine that trainings use, each as CUDA_VISIBLE_DEVICES names it: a number, or an id such as GPU-8932f937.

MURASCOPE_GPUS names them; else they are those that torch finds, of which an engine process is asked once, where there is a driver at all.
What the server itself was started with in CUDA_VISIBLE_DEVICES bounds them either way. GPUs of other makers are not looked for.
"""

import asyncio
import logging
import os
from pathlib import Path

from assistant.machine.engine_process import EngineError, ask_engine
from assistant.settings import SettingError, Settings

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
CARDS = Path("/proc/driver/nvidia/gpus")  # a folder each
DRIVER = (CARDS, Path("/dev/nvidiactl"), Path("/dev/dxg"))  # any of them; the last one is there in Windows' Linux
PATIENCE_S = 300.0


class Gpus:
    """Those that trainings use."""

    def __init__(self, settings: Settings):
        """
        Raises:
            SettingError: the settings name one that this machine does not have, or the server may not use.
        """
        self._settings, self._found = settings, named_gpus(settings)
        self._looking = asyncio.Lock()

    async def found(self) -> tuple[str, ...]:
        async with self._looking:
            if self._found is None:
                self._found = await self._look()
            return self._found

    async def _look(self) -> tuple[str, ...]:
        visible = visible_gpus()
        if visible == () or not await asyncio.to_thread(_has_driver):
            return ()
        try:
            count: int = await ask_engine(self._settings, "gpus", timeout_s=PATIENCE_S)
        except EngineError as error:
            logger.warning("torch could not say which GPUs there are, so none are told apart: %s", error)
            return ()
        return tuple(str(number) for number in range(count)) if visible is None else visible[:count]


def named_gpus(settings: Settings) -> tuple[str, ...] | None:
    """Those that the settings name; None where they name none.

    Raises:
        SettingError: as above.
    """
    named, visible = settings.gpu_numbers, visible_gpus()
    if named is None:
        return None
    if visible is not None and (hidden := [each for each in named if each not in visible]):
        raise SettingError(
            f"MURASCOPE_GPUS names {', '.join(hidden)}, and {VISIBLE} is {os.environ[VISIBLE]!r}: name some of these, or leave one of the two out"
        )
    count = _cards()
    if count and (missing := [each for each in named if int(each) >= count]):
        raise SettingError(
            f"MURASCOPE_GPUS names {', '.join(missing)}, and this machine's GPUs are {', '.join(map(str, range(count)))}"
        )
    return named


def visible_gpus() -> tuple[str, ...] | None:
    """Those that the server was told to use; None: any."""
    told = os.environ.get(VISIBLE)
    return None if told is None else tuple(each.strip() for each in told.split(",") if each.strip())


def _has_driver() -> bool:
    return any(path.exists() for path in DRIVER)


def _cards() -> int:
    return sum(1 for _ in CARDS.iterdir()) if CARDS.is_dir() else 0
