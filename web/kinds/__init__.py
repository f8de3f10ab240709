"""What is drawn and served of one kind of run alone, a folder each. A kind with routes of its own has them in `routes.py`.

Pages include these templates of a kind: `live.html` and `results.html` of a run, `list_row.html` in the list of runs, `models.html` on the page
of models, `gallery_title.html` and `caption.html` of a gallery.
"""

import importlib
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def routes_of_kinds() -> list[ModuleType]:
    """The modules that hold a router of one kind of run, found by their place."""
    return [
        importlib.import_module(f"{__name__}.{path.parent.name}.routes") for path in sorted(FOLDER.glob("*/routes.py"))
    ]
