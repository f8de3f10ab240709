"""The pictures of a report: an engine process draws them at the threshold in force, the server decodes nothing."""

import logging
from pathlib import Path

from assistant.frames import HeatmapsItem
from assistant.kinds.reported import Heat
from assistant.machine.engine_process import EngineError, ask_engine
from assistant.settings import Settings

logger = logging.getLogger(__name__)
LONGEST = 300  # pixels
SECONDS = 120


async def pictures_of(
    settings: Settings, folder: Path, shown: HeatmapsItem, heat: Heat | None
) -> dict[int, dict[str, str]]:
    """By image, `input` and `heat` as data: URIs. Those that cannot be drawn are left out; a report is as good without."""
    if not shown.images:
        return {}
    asked = ["report-pictures", str(folder), "--longest", str(LONGEST)]
    asked += ["--images", *(str(image.index) for image in shown.images)]
    if heat is not None:
        asked += [f"--pixel={heat.pixel!r}", f"--low={heat.low!r}", f"--high={heat.high!r}"]
    try:
        drawn = await ask_engine(settings, *asked, timeout_s=SECONDS)
    except EngineError as error:
        logger.warning("the pictures of a report were not drawn: %s", error)
        return {}
    return {int(index): pictures for index, pictures in drawn.items()}
