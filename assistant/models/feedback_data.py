"""A data set made from the pictures of which people said what they are: to measure models on, or together with what a model has learnt from, to
learn from again.

It is registered like any other, and its files are the home's: removing it deletes them. Made again from the same words it has the same
fingerprint.
"""

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assistant.data.datasets import Datasets, UnfitData
from assistant.data.laid_out import LaidOut, mask_of, registered, sha256_of, suffix_of
from assistant.models.feedback import Word
from assistant.models.reviewed_pictures import ReviewedPictures
from assistant.refused import Refused
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.data import DataFacts
from engine.contract.jobs import KINDS
from engine.contract.picture_files import picture_inside

SHARE = "labelled_share"  # the setting of models that learn from labelled defects
LEARNT = 0.5  # of each type of defect: the others are tested with
NAME_DIGITS = 16  # of its SHA-256, by which a picture is called


class NoDataset(Refused):
    """No data set can be made: no_reviewed_pictures, no_good_reviewed, or not_joined."""


@dataclass(frozen=True)
class Made:
    """A data set that was made. good, defective: reviewed pictures in it, each once; with_region: the defective ones with a mask. gone: reviewed
    pictures that are not kept. joined: the data set that was joined, and changed: whether it has other images than the model learnt from. learn:
    how to train on it, where that is what it was made for."""

    dataset: str
    fingerprint: str | None
    good: int
    defective: int
    with_region: int
    gone: int
    train_good: int
    test_good: int
    test_defective: int
    joined: str | None = None
    changed: bool = False
    learn: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        return asdict(self)


async def make_dataset(
    settings: Settings,
    datasets: Datasets,
    pictures: ReviewedPictures,
    name: str,
    *,
    words: Sequence[Word],
    sides: Mapping[str, int],
    joined: RunRow | None,
) -> Made:
    """Make the data set `name` of these reviewed pictures.

    Args:
        words: the last one of each picture.
        sides: of the picture that each run's model sees, in pixels: what regions are drawn on.
        joined: a run; what it was trained and tested on is in the data set, too, and good reviewed pictures are learnt from.

    Raises:
        NoDataset: too little is kept, or what was joined is read otherwise than it was.
        DatasetError: the name is taken, or what is to be joined cannot be used.
    """
    name = await datasets.free_name(name)
    kept = await asyncio.to_thread(lambda: [each for each in words if pictures.path(each.image).is_file()])
    _refuse_too_few(kept, is_joined=joined is not None)
    source = None if joined is None else await datasets.look_into(Path(joined.data_path))
    if source is not None and source.problems:
        raise UnfitData(source.problems)
    row, laid = await registered(
        settings, datasets, name, lambda folder: _lay_out(folder, source, pictures, kept, sides)
    )
    facts = row.facts
    if facts.train_good + facts.test_good + facts.test_defective != laid.labelled:
        await datasets.remove(row.name)
        message = "the images are read otherwise when they lie beside each other, so that some would be left out"
        raise NoDataset("not_joined", message, "make a data set of the reviewed ones alone")
    good = sum(each.verdict == "good" for each in kept)
    return Made(
        dataset=row.name,
        fingerprint=facts.fingerprint,
        good=good,
        defective=len(kept) - good,
        with_region=laid.regions,
        gone=len(words) - len(kept),
        train_good=facts.train_good,
        test_good=facts.test_good,
        test_defective=facts.test_defective,
        joined=None if joined is None else joined.dataset,
        changed=source is not None and joined is not None and joined.fingerprint not in (None, source.fingerprint),
        learn=None if joined is None else _learn(joined.kind, row.name),
    )


def _refuse_too_few(kept: Sequence[Word], *, is_joined: bool) -> None:
    if not kept:
        message = "no picture is kept of which somebody said what it is"
        raise NoDataset("no_reviewed_pictures", message, "judge pictures, and say of some whether they are good")
    if not is_joined and not any(each.verdict == "good" for each in kept):
        message = "nobody said of any picture that it is good, and a data set needs one"
        hint = "say it of one, or join the data that the model was trained on"
        raise NoDataset("no_good_reviewed", message, hint)


@dataclass
class _Laid:
    regions: int = 0
    labelled: int = 0


def _lay_out(
    folder: Path, source: DataFacts | None, pictures: ReviewedPictures, kept: Sequence[Word], sides: Mapping[str, int]
) -> _Laid:
    laid, done = LaidOut(folder), _Laid()
    settled: set[str] = set()  # reviewed pictures that lie in the joined data set with the same label
    if source is not None:
        settled = _join(laid, source, {each.image: each for each in kept}, pictures, sides, done)
    for each in kept:
        if each.image in settled:
            continue
        path, is_good = pictures.path(each.image), each.verdict == "good"
        mask = _drawn(each, sides)
        laid.add(
            path,
            part="train" if is_good and source is not None else "test",
            kind="good" if is_good else "defective",
            name=f"{each.image[:NAME_DIGITS]}{suffix_of(path)}",
            mask=mask,
        )
        done.regions += mask is not None
        done.labelled += 1
    laid.end(licence=source.licence if source else None, synthetic=source is not None and source.synthetic)
    return done


def _join(
    laid: LaidOut,
    source: DataFacts,
    said: Mapping[str, Word],
    pictures: ReviewedPictures,
    sides: Mapping[str, int],
    done: _Laid,
) -> set[str]:
    """Lay out what was learnt from and tested with. Where a person said otherwise of a picture his word counts; the others that he saw too stay
    as they are, with the mask that he drew where there was none, and are given."""
    root, settled = Path(source.path), set[str]()
    sizes = {pictures.path(image).stat().st_size for image in said}
    for each in source.images:
        path = picture_inside(root, each.name)
        if path is None:  # gone since it was looked at
            continue
        word = said.get(sha256_of(path)) if path.stat().st_size in sizes else None
        if word is not None and word.verdict != each.label:
            continue
        if word is not None:
            settled.add(word.image)
        drawn = _drawn(word, sides) if word is not None and each.mask is None else None
        done.regions += drawn is not None
        is_learnt = each.label == "good" and (each.split != "test" or source.test_good == 0)
        laid.add_image(root, each, part="train" if is_learnt else "test", mask=drawn)
        done.labelled += each.label != "unknown"
    return settled


def _drawn(word: Word, sides: Mapping[str, int]) -> bytes | None:
    """The mask of a defect where a person drew it."""
    if word.verdict == "good" or word.region is None:
        return None
    return mask_of(word.region, sides[word.run])


def _learn(kind: str, dataset: str) -> dict[str, Any] | None:
    """A model that learns from labelled defects, of how many of them, and the command that trains it; None where the kind has no such model."""
    able = (name for name, params in KINDS[kind].models().items() if SHARE in params.model_fields)
    model = next(able, None)
    if model is None:
        return None
    command = f"murascope train --model {model} --data {shlex.quote(dataset)} --set {SHARE}={LEARNT}"
    return {"model": model, "share": LEARNT, "command": command}
