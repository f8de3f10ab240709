"""A saved detector, loaded again, scores pictures whose label is known, at a given threshold."""

from pathlib import Path

from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectResults, ScoreRow
from engine.contract.results.rescored import Rescored, RescoredImage
from engine.datasets import Dataset, Item
from engine.datasets.loading import Loader
from engine.failures import SettingError
from engine.scorer import Scorer
from engine.tasks.place import any_device
from engine.tasks.trying import read_to_try


def rescore(
    folder: RunFolder,
    *,
    data: Path,
    own: bool,
    most: int | None,
    threshold: float | None,
    tested_by: RunFolder | None = None,
    weights_folder: Path | None,
    hub: bool = True,
) -> Rescored:
    """Score the run's own test images again, or with `own` False those that another data set tests with.

    Args:
        most: of its own test images at most so many, those that score nearest to the threshold; None: all.
        threshold: in force; None is that of the training.
        tested_by: with `own` False, another run: only the images that it was tested with.

    Raises:
        DataError: no such folder, or no picture in it that can be read.
        SettingError: the model cannot be loaded here: files or weights are gone, or damaged.
    """
    try:
        scorer, card = Scorer.load(folder.model, weights_folder=weights_folder, hub=hub)
    except (ValueError, LookupError, OSError) as error:
        raise SettingError(str(error)) from error
    job = DetectJob.model_validate(card.spec)
    limit = card.thresholds.image.value if threshold is None else threshold
    scorer.model.to(any_device(job.device))
    rows = _nearest(folder.evaluation.read(DetectResults).rows, limit, most) if own else {}
    named = {*rows} if tested_by is None else {row.name for row in tested_by.evaluation.read(DetectResults).rows}

    def wanted(dataset: Dataset) -> list[Item]:
        if own or tested_by is not None:
            return [item for item in dataset.items if item.name in named]
        return _labelled(dataset)

    if own and not rows:
        return Rescored(images=[])
    tried = read_to_try(data, image_size=job.image_size, tested=wanted)
    loader = Loader(tried.items, image_size=job.image_size, batch_size=job.batch_size, pictures=tried.pictures)
    scores = scorer.inspect(loader, what="verifying").scores
    images = [
        _image(item, float(score), limit, rows.get(item.name)) for item, score in zip(loader.items, scores, strict=True)
    ]
    return Rescored(images=images, missing=max(0, len(rows) - len(images)))


def _nearest(rows: list[ScoreRow], limit: float, most: int | None) -> dict[str, ScoreRow]:
    photographed = [row for row in rows if row.label in ("good", "defective")]  # made-up defects lie in no file
    return {row.name: row for row in sorted(photographed, key=lambda row: abs(row.score - limit))[:most]}


def _labelled(dataset: Dataset) -> list[Item]:
    """Those to test with, of which the label is known; all, where the data set names none to test with."""
    known = [item for item in dataset.items if item.label != "unknown"]
    return [item for item in known if item.split == "test"] or known


def _image(item: Item, score: float, limit: float, row: ScoreRow | None) -> RescoredImage:
    is_good = item.label == "good" if row is None else row.label == "good"
    return RescoredImage(
        name=item.name,
        stratum="good" if is_good else (item.defect_type or "defective"),
        is_good=is_good,
        score=score,
        is_right=(score > limit) != is_good,
        before=None if row is None else row.score,
        was_right=None if row is None else (row.score > limit) != is_good,
    )
