"""A saved classifier, loaded again, classes pictures whose class is known."""

from pathlib import Path

from engine.contract.folder import RunFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results.classify import ClassifyResults, ClassRow
from engine.contract.results.rescored import Rescored, RescoredImage
from engine.datasets import Dataset, Item
from engine.datasets.class_sizes import class_of
from engine.datasets.loading import Loader
from engine.failures import SettingError
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.place import any_device
from engine.tasks.trying import read_to_try


def rescore(
    folder: RunFolder,
    *,
    data: Path,
    own: bool,
    most: int | None,
    tested_by: RunFolder | None = None,
    weights_folder: Path | None,
    hub: bool = True,
) -> Rescored:
    """Class the run's own test images again, or with `own` False those of another data set that are of its classes.

    Args:
        most: of its own test images at most so many, those that it was least sure of; None: all.
        tested_by: with `own` False, another run: only the images that it was tested with.

    Raises:
        DataError: no such folder, or no picture in it that can be read.
        SettingError: the model cannot be loaded here: files are gone, or damaged.
    """
    try:
        scorer, card = ClassScorer.load(folder.model)
    except (ValueError, LookupError, OSError) as error:
        raise SettingError(str(error)) from error
    job = ClassifyJob.model_validate(card.spec)
    scorer.model.to(any_device(job.device))
    rows = _least_sure(folder.evaluation.read(ClassifyResults).rows, most) if own else {}
    named = None if tested_by is None else {row.name for row in tested_by.evaluation.read(ClassifyResults).rows}

    def wanted(dataset: Dataset) -> list[Item]:
        known = [each for each in dataset.items if each.label != "unknown" and (named is None or each.name in named)]
        return [each for each in known if (each.name in rows if own else class_of(each) in scorer.classes)]

    if own and not rows:
        return Rescored(images=[])
    tried = read_to_try(data, image_size=job.image_size, tested=wanted)
    loader = Loader(tried.items, image_size=job.image_size, batch_size=job.batch_size, pictures=tried.pictures)
    said = scorer.probabilities(loader, what="verifying")
    called = [scorer.classes[each] for each in scorer.called(said)]
    images = [
        _image(item, float(of.max()), name, rows.get(item.name))
        for item, of, name in zip(loader.items, said, called, strict=True)
    ]
    return Rescored(images=images, missing=max(0, len(rows) - len(images)))


def _least_sure(rows: list[ClassRow], most: int | None) -> dict[str, ClassRow]:
    return {row.name: row for row in sorted(rows, key=lambda row: row.probability)[:most]}


def _image(item: Item, probability: float, called: str, row: ClassRow | None) -> RescoredImage:
    label = class_of(item) if row is None else row.label
    return RescoredImage(
        name=item.name,
        stratum=label,
        is_good=False,
        score=probability,
        is_right=called == label,
        before=None if row is None else row.probability,
        was_right=None if row is None else row.correct,
    )
