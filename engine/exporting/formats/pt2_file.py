"""PyTorch's own format (torch.export): for programs in Python or C++ that have torch, and nothing of Murascope."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from engine.contract.results.exported import InFile, Precision
from engine.exporting.pictures import Pictures
from engine.tasks.exportable import Pixels, Said

PRECISIONS: Sequence[Precision] = ("fp32",)
NEEDS: dict[Precision, Sequence[str]] = {"fp32": ()}
KEY = "murascope.json"


def write(
    program: torch.export.ExportedProgram,
    file: Path,
    *,
    about: InFile,
    precision: Precision,
    pictures: Pictures,
) -> None:
    with _quiet():
        torch.export.save(program, file, extra_files={KEY: about.model_dump_json(exclude_none=True)})


def open(file: Path) -> Callable[[Pixels], Said]:
    with _quiet():
        module = torch.export.load(file).module()

    def says(pixels: Pixels) -> Said:
        with torch.inference_mode():
            found = module(torch.from_numpy(pixels))
        return {name: tensor.numpy() for name, tensor in found.items()}

    return says


def runtime() -> str:
    return f"torch {torch.__version__}"


class _quiet(warnings.catch_warnings):  # noqa: N801  (reads as a function where it is used)
    """torch warns of itself while it reads and writes these."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
