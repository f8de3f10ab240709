"""Pictures of the line from which a model may learn on: those that it judged good without doubt. They become a data set, which a person, or a timer
that a person has set up, lets the model be extended by (`murascope adapt`). Nothing here trains, and nothing is promoted by itself.

A model that learns from its own verdicts can be led astray: a defect that it misses would become good. So only pictures that score like the
middle of the good images are taken, none of which a person said otherwise, no more than `MOST` a step; and what comes out is tested with the same
images as the champion.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from assistant.data.datasets import Datasets, UnfitData
from assistant.data.laid_out import LaidOut, suffix_of
from assistant.data.uploads import under_way
from assistant.models.registry import Registry
from assistant.models.serving.kept_pictures import JUDGED, KeptPictures
from assistant.refused import Refused
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import FeedbackRow, PredictionRow
from engine.contract.data import DataFacts
from engine.contract.folder import RunFolder
from engine.contract.picture_files import picture_inside
from engine.contract.results.card import ModelCard

SURE = 0.5  # at least this share of the good images that set the threshold score as high
FEWEST, MOST = 20, 200  # pictures of a step
LOOKED_AT = 20_000  # predictions, the latest


class NothingNew(Refused):
    """There are too few pictures to learn from (`few_confident`)."""


@dataclass(frozen=True)
class LineData:
    """A data set that was made of pictures of the line: so many good ones to learn from, tested with what the model's own data set tests with."""

    dataset: str
    run: str
    pictures: int


async def confident_good(database: Database, kept: KeptPictures, run: str, folder: Path) -> list[Path]:
    """Pictures that the run's model judged good without doubt, the latest first, each once, that are still kept and that it has not learnt from."""
    said = select(FeedbackRow.prediction).where(FeedbackRow.verdict == "defective")
    query = (
        select(PredictionRow.id, PredictionRow.image_sha256)
        .where(PredictionRow.run == run, PredictionRow.verdict == "good", PredictionRow.p_value >= SURE)
        .where(PredictionRow.id.not_in(said))
        .order_by(PredictionRow.id.desc())
        .limit(LOOKED_AT)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()

    def there() -> list[Path]:
        learnt = frozenset(RunFolder(folder).model.read_card(ModelCard).data.learnt or ())
        digits = len(next(iter(learnt), ""))  # by which pictures are named there
        latest: dict[str, Path] = {}
        for prediction, image in rows:
            path = kept.path(prediction, JUDGED)
            if image not in latest and image[:digits] not in learnt and path.is_file():
                latest[image] = path
            if len(latest) == MOST:
                break
        return list(latest.values())

    return await asyncio.to_thread(there)


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
        NothingNew: too few pictures.
        DatasetError: what the champion was tested with is gone or cannot be used.
    """
    version = (await registry.find(f"{name}@champion")).row
    row = await runs.get(version.run)
    pictures = await confident_good(database, kept, row.id, runs.folder_of(row))
    if len(pictures) < FEWEST:
        message = f"{len(pictures)} pictures of the line are new, kept and judged good without doubt: it takes {FEWEST}"
        raise NothingNew("few_confident", message, "let it judge more pictures", count=len(pictures), fewest=FEWEST)
    source = await datasets.look_into(Path(row.data_path))
    if source.problems:
        raise UnfitData(source.problems)
    called = await datasets.free_name(await _next_name(datasets, f"{name}-line"))
    async with under_way(settings) as upload:
        await asyncio.to_thread(_lay_out, upload.folder, pictures, source)
        made = await datasets.add(called, upload.folder, origin="uploaded")
    return LineData(made.name, row.id, len(pictures))


async def _next_name(datasets: Datasets, stem: str) -> str:
    taken, number = {name.casefold() for name in await datasets.names()}, 1
    while f"{stem}-{number}".casefold() in taken:
        number += 1
    return f"{stem}-{number}"


def _lay_out(folder: Path, pictures: Sequence[Path], source: DataFacts) -> None:
    """The pictures of the line to learn from, and what the source tests with."""
    laid, root = LaidOut(folder), Path(source.path)
    for number, path in enumerate(pictures):
        laid.add(path.resolve(), part="train", kind="good", name=f"line_{number:04d}{suffix_of(path)}")
    for each in source.images:
        at = picture_inside(root, each.name)
        if each.split != "test" or at is None:
            continue
        kind = (
            each.defect_type or "defective" if each.label == "defective" else "good" if each.label == "good" else None
        )
        mask = picture_inside(root, each.mask) if each.mask else None
        laid.add(at, part="test", kind=kind, name=each.name, mask=mask, group=each.group)
    laid.end(licence=source.licence, synthetic=source.synthetic)
