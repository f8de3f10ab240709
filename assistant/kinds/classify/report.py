"""What a report tells of a classification: figures, each class, and what is taken for what."""

from pathlib import Path

from assistant.kinds.reported import Reported, figure_rows
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.checksums import DamagedFile
from engine.contract.folder import RunFolder
from engine.contract.results.classify import ClassifyCard, ClassifyResults

# in the order of the page (web/static/js/kinds/classify/results.js)
ORDER = ("balanced_accuracy", "chance", "accuracy", "majority_share", "macro_f1", "ece", "brier", "nll")
SHARES = ("balanced_accuracy", "accuracy", "chance", "majority_share")


def report_of(row: RunRow, folder: Path) -> Reported:
    """
    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    metrics = load(row, folder, ClassifyResults).metrics
    return Reported(
        figures=figure_rows(metrics, ORDER, SHARES),
        counts=metrics.counts,
        card=_card(folder),
        values={"classes": metrics.classes, "confusion": metrics.confusion, "per_class": metrics.per_class},
    )


def _card(folder: Path) -> ClassifyCard | None:
    try:
        return RunFolder(folder).model.read_card(ClassifyCard)
    except (OSError, DamagedFile):
        return None
