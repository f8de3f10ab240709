"""What a report tells of a detection: figures, what is found of each type and size, how scores lie about the threshold in force."""

from pathlib import Path

from assistant.kinds.reported import Heat, Reported, figure_rows
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.checksums import DamagedFile
from engine.contract.folder import RunFolder
from engine.contract.results.detect import DetectCard, DetectResults

# in the order of the page (web/static/js/kinds/detect/figures.js), escapes first
ORDER = (
    "recall", "escape_rate", "overkill", "image_auroc", "worst_type_auroc", "image_aupr", "image_f1_max", "recall_at_0_overkill",
    "recall_at_1_overkill", "recall_at_5_overkill", "aupro_30", "aupro_05", "pixel_auroc", "pixel_aupr", "pixel_f1_max", "region_recall",
)  # fmt: skip
SHARES = tuple(
    name
    for name in ORDER
    if name in ("recall", "overkill", "escape_rate", "region_recall") or name.endswith("_overkill")
)
ON_THRESHOLD = (("threshold", "promise_short"), ("promise_kept", "promise_broken", "promise_unknown", "promise_why"))


def report_of(row: RunRow, folder: Path) -> Reported:
    """At the threshold in force.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results = load(row, folder, DetectResults)
    metrics = results.metrics
    outcomes = {
        (label, called): sum(each.label == label and each.is_anomalous == called for each in results.rows)
        for label in ("good", "defective")
        for called in (False, True)
    }
    return Reported(
        figures=figure_rows(metrics, ORDER, SHARES),
        counts=metrics.counts,
        card=_card(folder),
        values={
            "threshold": metrics.threshold,
            "outcomes": outcomes,
            "types": sorted(metrics.per_defect_type.items(), key=lambda each: each[1].found / max(each[1].count, 1)),
            "sizes": metrics.per_size,
            "good": [each.score for each in results.rows if each.label == "good"],
            "defective": [each.score for each in results.rows if each.label == "defective"],
        },
        heat=Heat(metrics.threshold.pixel, *metrics.map_scale),
        on_threshold=ON_THRESHOLD,
    )


def _card(folder: Path) -> DetectCard | None:
    try:
        return RunFolder(folder).model.read_card(DetectCard)
    except (OSError, DamagedFile):
        return None
