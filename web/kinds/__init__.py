"""What is drawn and served of one kind of run alone, a folder each. A kind with routes of its own has them in `routes.py`."""

import importlib
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def routes_of_kinds() -> list[ModuleType]:
    """The modules that hold a router of one kind of run, found by their place."""
    return [
        importlib.import_module(f"{__name__}.{path.parent.name}.routes") for path in sorted(FOLDER.glob("*/routes.py"))
    ]
