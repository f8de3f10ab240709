"""What may be said about a training of a detector, planned or finished."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assistant.frames import Figure, Portion
from assistant.kinds.beside import Beside
from assistant.kinds.claims import About, Claim
from assistant.kinds.detect.advice import next_steps
from assistant.kinds.detect.better_threshold import better_threshold
from assistant.kinds.detect.claims import claims_of
from assistant.kinds.detect.comparing import Detector, beside
from assistant.kinds.detect.found_better import Finished, found_better
from assistant.kinds.detect.gallery import images_of
from assistant.kinds.learning_curve import epochs_of, on_learning_curve
from assistant.kinds.summary import title_of
from assistant.runs.results import NoResults, load
from assistant.runs.thresholds import said_when
from assistant.runs.took import took
from assistant.store.tables import RunRow
from engine.contract.data import DataFacts
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import Promise
from engine.contract.results.detect import DetectResults, ThresholdTold

AUPRO_LIMITS = {"aupro_30": 0.3, "aupro_05": 0.05}
TOLD_TO_SCRIPTS = (
    "weights",
    "counts",
    "threshold",
    "promise_check",
    "per_defect_type",
    "on_synthetic",
    "speed_and_memory",
    "synthetic",
    "reasons",
)


def in_short(job: DetectJob, facts: DataFacts) -> str:
    """Model, data and what matters most of the settings."""
    backbone = f"backbone {job.backbone}" if job.backbone else "no backbone"
    return f"{job.subject} on {job.dataset}: {facts.train_good} good images, {job.image_size} px, {backbone}"


def figures_of(job: DetectJob, facts: DataFacts) -> list[Figure]:
    """Of the images that a detector learns from and is tested with."""
    names = ("train_good", "test_good", "test_defective", "masks")
    return [Figure(name=name, count=getattr(facts, name)) for name in names]


def portions_of(job: DetectJob, facts: DataFacts) -> list[Portion]:
    """None: a detector learns no classes."""
    return []


def facts_of(row: RunRow, folder: Path) -> dict[str, Any]:
    """Its figures with what makes them worth more or less.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results, job = load(row, folder, DetectResults).metrics, DetectJob.model_validate(row.spec)
    told = results.facts()
    return {
        "synthetic": results.synthetic,
        "image_size": job.image_size,
        "weights": results.weights.facts(),
        "counts": results.counts,
        "metrics": results.metrics,
        "reasons": results.reasons,
        "intervals": told.get("intervals", {}),
        "threshold": _threshold(results.threshold),
        "promise_check": results.promise_check.facts(),
        "speed_and_memory": results.speed_and_memory.facts() if results.speed_and_memory is not None else None,
        "per_defect_type": told.get("per_defect_type", {}),
        "on_synthetic": told.get("on_synthetic"),
        "per_size": told.get("per_size", {}),
        "chosen_on_test_data": results.oracle.facts(),
        "aupro_up_to_false_positive_rate": AUPRO_LIMITS,
    }


def claims_of_run(row: RunRow, folder: Path, others: Sequence[tuple[RunRow, Path]] = ()) -> list[Claim]:
    """What it measured, how it learnt, and what to do next by the evidence of the `others` on the same data, as claims.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results, job = load(row, folder, DetectResults), DetectJob.model_validate(row.spec)
    title, about = title_of(row), About(row.id, "detect")
    known = [Finished(each, read) for each, at in others if (read := _read(each, at)) is not None]
    measured = claims_of(
        row.id,
        results.metrics,
        model=title,
        data=row.dataset,
        seconds=took(row, folder),
    )
    evidence = [
        *found_better(about, Finished(row, results), known),
        *better_threshold(about, results.metrics, folder),
    ]
    return [
        *measured,
        *_on_who_set_it(about, row),
        *on_learning_curve(about, epochs_of(folder), model=title, learns_in_epochs=job.model.learns_in_epochs),
        *next_steps(about, results.metrics, job, evidence=evidence),
    ]


def _on_who_set_it(about: About, row: RunRow) -> Iterator[Claim]:
    """Where somebody put another threshold in force than that of the training."""
    if row.threshold is not None:
        told = {"who": row.threshold["who"].replace(" ", "_"), "when": said_when(row.threshold)}
        yield about.claim("threshold_set", "threshold_set", **told, because=row.threshold["why"])


def _read(row: RunRow, folder: Path) -> DetectResults | None:
    """What another run measured; None where it cannot be read: then it is no evidence."""
    try:
        return load(row, folder, DetectResults)
    except NoResults:
        return None


def beside_runs(runs: Sequence[tuple[RunRow, Path]]) -> Beside:
    """The facts of several of them beside each other.

    Raises:
        NoResults: one has not ended well, or its evaluation cannot be read.
    """
    return beside(
        [
            Detector(row.id, load(row, folder, DetectResults), rate=DetectJob.model_validate(row.spec).overkill_rate)
            for row, folder in runs
        ]
    )


def results_of(row: RunRow, folder: Path) -> dict[str, Any]:
    """`metrics` as they stand, and in `images` one entry for each inspected image, with what is marked in it, so that a page can tell of
    other thresholds too.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results = load(row, folder, DetectResults)
    marked = [{"defect_area": each.defect_area, "true_regions": each.true_regions} for each in results.rows]
    return {
        "metrics": results.metrics.facts() | {"threshold": _threshold(results.metrics.threshold)},
        "images": [image.model_dump(mode="json") | of for image, of in zip(images_of(results), marked, strict=True)],
    }


def _threshold(told: ThresholdTold) -> dict[str, Any]:
    """Its facts, and in `said` the figures of its promise as page and summary give them."""
    if told.calibration_images is None or told.overkill_rate is None:
        return told.facts()
    policy = told.policy or "split_conformal"  # older evaluations knew no other
    return told.facts() | {"said": Promise(policy, told.calibration_images, told.overkill_rate, told.promised).said()}
