"""Which inspected images of a classifier are shown, with what it looked at, and which come first."""

from pathlib import Path

from assistant.frames import HeatmapImage, HeatmapsItem
from assistant.kinds.names_of_types import type_like
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.results.classify import ClassifyResults, ClassRow

GALLERIES = {
    "worst": "wrongly classed images first, the surest of them at the front",
    "wrong": "wrongly classed images",
    "all": "every image, in the order of worst",
}


def gallery(
    row: RunRow, folder: Path, *, which: str | None = None, defect_type: str | None = None, count: int
) -> HeatmapsItem:
    """The images that fit, the most telling first; `defect_type` is their true class.

    worst and all are those classed wrongly, the surest first, then those classed rightly, the least sure first; wrong stops before these.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
        LookupError: there is no such gallery, or no image of that class.
    """
    which = which or next(iter(GALLERIES))
    if which not in GALLERIES:
        raise LookupError(f"no images of the sort {which!r} (have: {', '.join(GALLERIES)})")
    results = load(row, folder, ClassifyResults)
    meant = type_like(results.metrics.classes, defect_type) if defect_type is not None else None
    rows = [each for each in results.rows if meant in (None, each.label) and not (which == "wrong" and each.correct)]
    rows.sort(key=lambda each: (each.correct, each.probability if each.correct else -each.probability))
    return HeatmapsItem(
        task="classify",
        run=row.id,
        which=which,
        defect_type=meant,
        total=len(rows),
        images=[_image(each) for each in rows[:count]],
    )


def images_of(results: ClassifyResults) -> list[HeatmapImage]:
    """One entry for each inspected image, with what became of it."""
    return [_image(row) for row in results.rows]


def _image(row: ClassRow) -> HeatmapImage:
    return HeatmapImage(
        index=row.index,
        name=row.name,
        label=row.label,
        defect_type=row.label,
        score=row.probability,
        verdict=row.predicted,
        outcome="right_class" if row.correct else "wrong_class",
        has_truth=False,
    )
