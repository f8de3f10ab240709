"""What was found in one inspected image, and the pictures of good patches that are shown beside it."""

from pathlib import Path

from assistant.runs.results import evaluation_of, told_by_file
from assistant.store.tables import RunRow
from engine.contract.picture_files import picture_inside
from engine.contract.results.detect import Finding


def finding(row: RunRow, folder: Path, index: int) -> Finding | None:
    """What was found in one inspected image; None of runs from before it was written.

    Raises:
        NoResults: the run has none, or this finding is damaged.
    """
    evaluation = evaluation_of(row, folder)
    with told_by_file(row, folder):
        return evaluation.read_finding(index, Finding)


def normal_picture(row: RunRow, folder: Path, data: Path, *, index: int, region: int, rank: int) -> Path:
    """The picture learnt from that holds a good patch shown beside a region. Only what the finding itself names is served.

    Raises:
        LookupError: the finding names no such patch, or its picture is no longer in the data set's folder.
    """
    found = finding(row, folder, index)
    regions = found.regions if found else []
    nearest = (regions[region].nearest or []) if region < len(regions) else []
    if rank >= len(nearest):
        raise LookupError(f"image {index} of {row.id} has no such good patch")
    path = picture_inside(data, nearest[rank].name)
    if path is None:
        raise LookupError(f"the picture {nearest[rank].name!r} is not in the data set any more")
    return path
