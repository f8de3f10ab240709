"""Tries the finished model of a run on other pictures: what it says about each is written, and nothing is measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import JudgedBy
from engine.datasets import Dataset, Item
from engine.datasets.loading import Loader
from engine.failures import SettingError
from engine.predictions import write_predictions
from engine.report import Reporter, silent
from engine.scorer import Scorer
from engine.tasks.place import any_device
from engine.tasks.trying import read_to_try, refuse_no_model


def try_model(
    folder: RunFolder,
    *,
    data: Path,
    output: Path,
    weights_folder: Path | None,
    hub: bool = True,
    report: Reporter = silent,
    judged_by: JudgedBy | None = None,
) -> dict[str, Any]:
    """Score the pictures of a folder by the model of a run and its threshold in force, and write its predictions.

    All pictures of the folder are scored, but of a data set that keeps good ones for testing those to test with. The summary
    tells how many were called anomalous, at which thresholds, and what was left out: files that could not be read, and
    `left_out`, as a check of the folder lists it, with those to learn from.

    Args:
        judged_by: the threshold in force; None is that of the training, which the model's card tells.

    Raises:
        DataError: no such folder, or no picture in it that can be read.
        SettingError: the run has no model that can be used here, or the output folder is not empty.
    """
    refuse_no_model(folder, output)
    try:
        scorer, card = Scorer.load(folder.model, weights_folder=weights_folder, hub=hub, warn=report)
    except (ValueError, LookupError) as error:
        raise SettingError(str(error)) from error
    job = DetectJob.model_validate(card.spec)
    if judged_by is not None:
        scorer = replace(scorer, threshold=judged_by.threshold, pixel_threshold=judged_by.pixel_threshold)
    scorer.model.to(any_device(job.device))
    tried = read_to_try(data, image_size=job.image_size, tested=_not_learnt_from)
    loader = Loader(tried.items, image_size=job.image_size, batch_size=job.batch_size, pictures=tried.pictures)
    written = write_predictions(
        scorer, loader, output, version=judged_by.version if judged_by is not None else None, report=report
    )
    return {
        "folder": str(output),
        "images": written["images"],
        **written["summary"],
        "broken": tried.broken,
        "left_out": [each.told() for each in tried.left_out],
    }


def _not_learnt_from(dataset: Dataset) -> list[Item]:
    """All pictures, but of a data set that keeps good ones for testing those to test with."""
    keeps_good_ones = any(item.split == "test" and item.label == "good" for item in dataset.items)
    return [item for item in dataset.items if item.split == "test" or not keeps_good_ones]
