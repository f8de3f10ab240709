"""What every trial of a finished model needs: a model to try, a place to write, and pictures that can be read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.contract.data import LeftOut
from engine.contract.folder import RunFolder
from engine.contract.pictures import read_header
from engine.datasets import Dataset, Item
from engine.datasets.factory import open_dataset
from engine.datasets.left_out import account_for, as_listed
from engine.datasets.loading import Pictures
from engine.failures import DataError, SettingError


@dataclass(frozen=True)
class Tried:
    """The pictures to try a model on, decoded; files that could not be read by name, with the reason; and all that is left out."""

    items: list[Item]
    pictures: Pictures
    broken: dict[str, str]
    left_out: list[LeftOut]


def refuse_no_model(folder: RunFolder, output: Path) -> None:
    """Raises SettingError where the run has no model, or something lies where the results are to be written."""
    if not folder.model.card.is_file():
        raise SettingError(f"there is no model in {folder.model.path}: name the folder of a run that has finished")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SettingError(f"the output {output} is there already and not an empty folder; name a new one")


def read_to_try(data: Path, *, image_size: int, tested: Callable[[Dataset], list[Item]]) -> Tried:
    """The pictures of a folder that `tested` chooses; the others are told as learnt from: nothing is left out in silence.

    Raises:
        DataError: no such folder, or no picture in it that can be read.
    """
    try:
        dataset = open_dataset(data)
    except LookupError as error:
        raise DataError(str(error)) from error
    if not dataset.items:
        raise DataError(f"the folder {data} holds no pictures (PNG, JPEG, BMP, TIFF, WEBP)")
    items = tested(dataset)
    accounts = account_for(dataset)
    learnt = {item.path for item in dataset.items} - {item.path for item in items}
    accounts.left_out.update(dict.fromkeys(learnt, "learnt_from"))
    pages = {item.path: pages - 1 for item in items if (pages := read_header(item.path).pages) > 1}
    left_out = as_listed(accounts, root=data, pages=pages)
    pictures = Pictures(image_size=image_size)
    whole, broken = pictures.readable(items)
    if not whole:
        name, reason = next(iter(broken.items()))
        raise DataError(f"none of the {len(items)} pictures in {data} can be read; the first, {name}: {reason}")
    return Tried(whole, pictures, broken, left_out)
