"""Pictures from which a model may learn on: those that it judged good without doubt. They become a data set, which a person, or a timer
that a person has set up, lets the model be extended by (`murascope adapt`). Nothing here trains, and nothing is promoted by itself.

A model that learns from its own verdicts can be led astray: a defect that it misses would become good. So only pictures that score like the
middle of the good images are taken, none of which a person said otherwise last, none of the champion's own data set, no more than `MOST` a step; and what
comes out is tested with the same images as the champion.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from assistant.data.datasets import Datasets, UnfitData
from assistant.data.laid_out import LaidOut, registered, sha256_of, suffix_of
from assistant.models.feedback import words_on
from assistant.models.registry import Model, Registry
from assistant.models.serving.kept_pictures import JUDGED, KeptPictures
from assistant.refused import Refused
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import PredictionRow
from engine.contract.data import DataFacts
from engine.contract.folder import RunFolder
from engine.contract.joining import extended_models
from engine.contract.picture_files import picture_inside
from engine.contract.results.card import ModelCard

SURE = 0.5  # at least this share of the good images that set the threshold score as high
FEWEST, MOST = 20, 200  # pictures of a step
LOOKED_AT = 20_000  # predictions, the latest


class NothingNew(Refused):
    """There is no step to make: too few pictures (few_confident), a model that cannot be extended (not_extended), or an earlier step waits (step_waits)."""


@dataclass(frozen=True)
class LineData:
    """A data set that was made of pictures of the line: so many good ones to learn from, tested with what the model's own data set tests with."""

    dataset: str
    run: str
    pictures: int


async def make_line_data(
    settings: Settings,
    database: Database,
    datasets: Datasets,
    runs: Queue,
    registry: Registry,
    kept: KeptPictures,
    name: str,
) -> LineData:
    """Make the data set of one step for the champion of this model.

    Raises:
        UnknownModel: there is no such model, or it has no champion.
        NothingNew: there is no step to make.
        DatasetError: what the champion was tested with is gone or cannot be used.
    """
    model = await registry.get(name)
    version = (await registry.find(f"{name}@champion")).row
    row = await runs.get(version.run)
    if row.subject not in extended_models():
        message = f"{row.subject} cannot be extended"
        raise NothingNew("not_extended", message, f"these can: {', '.join(extended_models())}")
    _refuse_while_one_waits(model, version.run)
    source = await datasets.look_into(Path(row.data_path))
    if source.problems:
        raise UnfitData(source.problems)
    _, words = await words_on(database, runs, registry, f"{name}@champion")
    refused = {word.image for word in words if word.verdict == "defective"}
    judged = await _judged_good(database, row.id)
    own = await asyncio.to_thread(_digests, source)
    pictures = await asyncio.to_thread(
        _there, kept, {image: at for image, at in judged.items() if image not in refused | own}, runs.folder_of(row)
    )
    if len(pictures) < FEWEST:
        message = (
            f"{len(judged)} pictures were judged good without doubt; {len(pictures)} of them are still kept and new to the model, "
            f"and it takes {FEWEST}"
        )
        hint = "let it judge more pictures; how many are kept says MURASCOPE_PREDICTIONS_GB"
        raise NothingNew("few_confident", message, hint, count=len(pictures), fewest=FEWEST)
    called = await datasets.free_name(await _next_name(datasets, f"{name}-line"))
    made, _ = await registered(settings, datasets, called, lambda folder: _lay_out(folder, pictures, source))
    return LineData(made.name, row.id, len(pictures))


def _refuse_while_one_waits(model: Model, run: str) -> None:
    waiting = next(
        (each for each in model.versions if each.alias == "candidate" and each.facts.built_on == [run]), None
    )
    if waiting is not None:
        message = f"version {waiting.row.version} of {model.row.name} extends the champion already, and waits"
        raise NothingNew("step_waits", message, "promote it, or delete it", version=waiting.row.version)


async def _judged_good(database: Database, run: str) -> dict[str, str]:
    """The latest pictures that the run's model judged good without doubt: a prediction by the picture's SHA-256, the latest first."""
    query = (
        select(PredictionRow.id, PredictionRow.image_sha256)
        .where(PredictionRow.run == run, PredictionRow.verdict == "good", PredictionRow.p_value >= SURE)
        .order_by(PredictionRow.id.desc())
        .limit(LOOKED_AT)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    found: dict[str, str] = {}
    for prediction, image in rows:
        found.setdefault(image, prediction)
    return found


def _there(kept: KeptPictures, judged: Mapping[str, str], folder: Path) -> list[Path]:
    """Those that are kept as they were judged, and that the model has not learnt from."""
    learnt = frozenset(RunFolder(folder).model.read_card(ModelCard).data.learnt or ())
    digits = len(next(iter(learnt), ""))  # by which pictures are named there
    found = []
    for image, prediction in judged.items():
        path = kept.path(prediction, JUDGED)
        if image[:digits] not in learnt and path.is_file() and sha256_of(path) == image:  # another may lie there by now
            found.append(path)
        if len(found) == MOST:
            break
    return found


def _digests(source: DataFacts) -> set[str]:
    """Of all pictures of a data set."""
    paths = (picture_inside(Path(source.path), each.name) for each in source.images)
    return {sha256_of(path) for path in paths if path is not None}


async def _next_name(datasets: Datasets, stem: str) -> str:
    taken, number = {name.casefold() for name in await datasets.names()}, 1
    while f"{stem}-{number}".casefold() in taken:
        number += 1
    return f"{stem}-{number}"


def _lay_out(folder: Path, pictures: Sequence[Path], source: DataFacts) -> None:
    """The pictures of the line to learn from, and what the source tests with."""
    laid, root = LaidOut(folder), Path(source.path)
    for number, path in enumerate(pictures):
        laid.add(path, part="train", kind="good", name=f"line_{number:04d}{suffix_of(path)}")
    for each in source.images:
        if each.split == "test":
            laid.add_image(root, each, part="test")
    laid.end(licence=source.licence, synthetic=source.synthetic)
