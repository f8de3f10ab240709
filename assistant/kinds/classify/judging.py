"""How a finished classifier did on some of its test images: the recall of its worst class, then the share that it got right."""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from assistant.kinds.judging import FEWEST_OF_A_TYPE, Judgement, Tested
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.results.classify import ClassifyResults, ClassRow

BY = ("worst_class_recall", "accuracy")


def tested(row: RunRow, folder: Path) -> Tested:
    """
    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    rows = load(row, folder, ClassifyResults).rows
    return Tested({each.name: each.label for each in rows}, frozenset(), partial(_judged, rows))


def _judged(rows: Sequence[ClassRow], of: Collection[str] | None) -> Judgement:
    seen = [row for row in rows if of is None or row.name in of]
    by_class: dict[str, list[bool]] = {}
    for row in seen:
        by_class.setdefault(row.label, []).append(row.correct)
    recalls = {name: sum(each) / len(each) for name, each in by_class.items() if len(each) >= FEWEST_OF_A_TYPE}
    worst = min(recalls, key=lambda name: recalls[name], default=None)
    return Judgement(
        BY,
        worst=recalls[worst] if worst is not None else None,
        worst_of=worst,
        mean=sum(row.correct for row in seen) / len(seen) if seen else None,
        wrong=(sum(not row.correct for row in seen), len(seen)) if seen else None,
    )
