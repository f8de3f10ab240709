"""The formats that models are exported to: a file each, `<format>_file.py`.

PRECISIONS                    what it can be written as
NEEDS                         packages by precision; all but torch come with the extra `export`
write(program, file, ...)     writes the file
open(file)                    its own runtime: pixels (B, H, W, 3) -> outputs by name
runtime()                     name and version of that runtime
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import torch

from engine.contract.results.exported import InFile, Precision
from engine.exporting.pictures import Pictures
from engine.failures import SettingError
from engine.tasks.exportable import Pixels, Said


class Writer(Protocol):
    PRECISIONS: Sequence[Precision]
    NEEDS: dict[Precision, Sequence[str]]

    def write(
        self,
        program: torch.export.ExportedProgram,
        file: Path,
        *,
        about: InFile,
        precision: Precision,
        pictures: Pictures,
    ) -> None: ...

    def open(self, file: Path) -> Callable[[Pixels], Said]: ...

    def runtime(self) -> str: ...


def refuse_missing(packages: Sequence[str], *, format: str) -> None:
    """Raises SettingError where a format's packages are not installed, with the command that brings them."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise SettingError(
            f"{format} needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed here; "
            "pip install 'murascope[export]' brings all of it (without a network: pip download 'murascope[export]' where "
            "there is one, then here pip install --no-index --find-links FOLDER 'murascope[export]')"
        )
