"""Tries the finished model of a run on other pictures: what it says about each is written, and nothing is measured."""

from pathlib import Path
from typing import Any

from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.pictures import read_header
from engine.datasets import Item
from engine.datasets.factory import open_dataset
from engine.datasets.left_out import account_for, as_listed
from engine.datasets.loading import Loader, Pictures
from engine.failures import DataError, SettingError
from engine.predictions import write_predictions
from engine.report import Reporter, silent
from engine.scorer import Scorer
from engine.tasks.place import any_device


def try_model(
    folder: RunFolder,
    *,
    data: Path,
    output: Path,
    weights_folder: Path | None,
    hub: bool = True,
    report: Reporter = silent,
) -> dict[str, Any]:
    """Score the pictures of a folder by the model and the thresholds of a run, and write its predictions.

    All pictures of the folder are scored, but of a data set that keeps good ones for testing those to test with. The summary
    tells how many were called anomalous, at which thresholds, and what was left out: files that could not be read, and
    `left_out`, as a check of the folder lists it, with those to learn from.

    Raises:
        DataError: no such folder, or no picture in it that can be read.
        SettingError: the run has no model that can be used here, or the output folder is not empty.
    """
    if not folder.model.card.is_file():
        raise SettingError(f"there is no model in {folder.model.path}: name the folder of a run that has finished")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SettingError(f"the output {output} is there already and not an empty folder; name a new one")
    items, left_out = _items(data)
    try:
        scorer, card = Scorer.load(folder.model, weights_folder=weights_folder, hub=hub, warn=report)
    except (ValueError, LookupError) as error:
        raise SettingError(str(error)) from error
    job = DetectJob.model_validate(card["spec"])
    scorer.model.to(any_device(job.device))
    pictures = Pictures(image_size=job.image_size)
    whole, broken = pictures.readable(items)
    if not whole:
        name, reason = next(iter(broken.items()))
        raise DataError(f"none of the {len(items)} pictures in {data} can be read; the first, {name}: {reason}")
    loader = Loader(whole, image_size=job.image_size, batch_size=job.batch_size, pictures=pictures)
    written = write_predictions(scorer, loader, output, report=report)
    return {
        "folder": str(output),
        "images": written["images"],
        **written["summary"],
        "broken": broken,
        "left_out": left_out,
    }


def _items(data: Path) -> tuple[list[Item], list[dict[str, object]]]:
    """What is to be tested, and what is left out: nothing may be so in silence."""
    try:
        dataset = open_dataset(data)
    except LookupError as error:
        raise DataError(str(error)) from error
    if not dataset.items:
        raise DataError(f"the folder {data} holds no pictures (PNG, JPEG, BMP, TIFF, WEBP)")
    keeps_good_ones = any(item.split == "test" and item.label == "good" for item in dataset.items)
    tested = [item for item in dataset.items if item.split == "test" or not keeps_good_ones]
    accounts = account_for(dataset)
    learnt = {item.path for item in dataset.items} - {item.path for item in tested}
    accounts.left_out.update(dict.fromkeys(learnt, "learnt_from"))
    pages = {item.path: pages - 1 for item in tested if (pages := read_header(item.path).pages) > 1}
    return tested, as_listed(accounts, root=data, pages=pages)
