"""What was found in one inspected image, and the pictures of good patches that are shown beside it."""

from pathlib import Path

from assistant.runs.results import evaluation_of, told_by_file
from assistant.store.tables import RunRow
from engine.contract.results.detect import Finding, Patch


def finding(row: RunRow, folder: Path, index: int) -> Finding | None:
    """What was found in one inspected image, judged at the threshold in force; None of runs from before it was written.

    Its regions are as the evaluation cut them, at the `pixel_threshold` that it tells.

    Raises:
        NoResults: the run has none, or this finding is damaged.
    """
    evaluation = evaluation_of(row, folder)
    with told_by_file(row, folder):
        found = evaluation.read_finding(index, Finding)
    if found is None or row.threshold is None:
        return found
    threshold = row.threshold["told"]["image"]
    judged = {"threshold": threshold, "is_anomalous": found.image.score > threshold}
    return found.model_copy(update={"image": found.image.model_copy(update=judged)})


def normal_named(row: RunRow, folder: Path, *, index: int, region: int | None, rank: int) -> str:
    """The name of the picture learnt from that holds a good patch shown beside a region; None is the place where the map is highest.

    Only what the finding itself names is served.

    Raises:
        LookupError: the finding names no such patch.
    """
    found = finding(row, folder, index)
    nearest = nearest_at(found, region) if found else []
    if rank >= len(nearest):
        raise LookupError(f"image {index} of {row.id} has no such good patch")
    return nearest[rank].name


def nearest_at(found: Finding, region: int | None) -> list[Patch]:
    """The good patches most like a region, or like the place where the map is highest; [] where none are known."""
    if region is None:
        return (found.image.highest.nearest or []) if found.image.highest else []
    return (found.regions[region].nearest or []) if region < len(found.regions) else []
