"""What may be said about a training of a classifier, planned or finished."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.frames import Figure, Portion
from assistant.kinds.beside import Beside
from assistant.kinds.claims import About, Claim
from assistant.kinds.classify.advice import next_steps
from assistant.kinds.classify.claims import accuracy_gap, claims_of
from assistant.kinds.classify.comparing import beside
from assistant.kinds.classify.gallery import images_of
from assistant.kinds.learning_curve import epochs_of, on_learning_curve
from assistant.kinds.summary import title_of
from assistant.kinds.two_runs import Side
from assistant.runs.results import load
from assistant.runs.took import took
from assistant.store.tables import RunRow
from engine.contract.classes import classes_of, portions_of
from engine.contract.data import DataFacts
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results.classify import ClassifyMetrics, ClassifyResults

TOLD_TO_SCRIPTS = (
    "weights", "counts", "classes", "per_class", "confusion", "confidence", "learning", "left_out", "synthetic", "reasons",
)  # fmt: skip
MOST_CONFUSED = 3  # pairs of classes that are named; how many more there are is told


def in_short(job: ClassifyJob, facts: DataFacts) -> str:
    """Network, data, classes and what matters most of the settings."""
    classes = classes_of(facts, include_good=job.include_good).pictures
    listed = ", ".join(f"{name} ({count})" for name, count in classes.items())
    return f"{job.subject} on {job.dataset}: {len(classes)} classes, {listed}; {job.image_size} px, backbone {job.backbone}"


def figures_of(job: ClassifyJob, facts: DataFacts) -> list[Figure]:
    """Of the classes that are learnt; those that are left out are told in a notice."""
    pictures = classes_of(facts, include_good=job.include_good).pictures.values()
    counts = {"classes": len(pictures), "class_images": sum(pictures), "smallest_class": min(pictures, default=0)}
    return [Figure(name=name, count=count) for name, count in counts.items()]


def portions(job: ClassifyJob, facts: DataFacts) -> list[Portion]:
    """Of each class that is learnt."""
    classes = classes_of(facts, include_good=job.include_good)
    counts = portions_of(classes, validation_share=job.validation_share, test_share=job.test_share)
    about = any(size.groups != size.pictures for size in classes.learnt.values())
    return [Portion(name=name, counts=each, about=about) for name, each in counts.items()]


def facts_of(row: RunRow, folder: Path) -> dict[str, Any]:
    """Its figures with what makes them worth more or less, and which classes are taken for which.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    loaded, job = load(row, folder, ClassifyResults), ClassifyJob.model_validate(row.spec)
    results = loaded.metrics
    told, confused = results.facts(), _confused(results.classes, results.confusion)
    return {
        "synthetic": results.synthetic,
        "image_size": job.image_size,
        "weights": results.weights.facts(),
        "counts": results.counts,
        "metrics": results.metrics,
        "reasons": results.reasons,
        "intervals": told.get("intervals", {}),
        "classes": results.classes,
        "worst_class": _worst(results),
        "per_class": told["per_class"],
        "confusion": results.confusion,
        "most_confused": confused[:MOST_CONFUSED],
        "further_confused": {
            "pairs": len(confused[MOST_CONFUSED:]),
            "images": sum(each["count"] for each in confused[MOST_CONFUSED:]),
        },
        "confidence": confidence_of(loaded),
        "learning": told.get("learning"),
        "left_out": results.left_out,
    }


def claims_of_run(row: RunRow, folder: Path, others: Sequence[tuple[RunRow, Path]] = ()) -> list[Claim]:
    """What it measured, how it learnt, and what to do next, as claims; nothing is said of the `others`.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results, job = load(row, folder, ClassifyResults), ClassifyJob.model_validate(row.spec)
    title, about = title_of(row), About(row.id, "classify")
    measured = claims_of(
        row.id,
        results.metrics,
        confidence=confidence_of(results),
        model=title,
        data=row.dataset,
        seconds=took(row, folder),
    )
    epochs, learning = epochs_of(folder), results.metrics.learning
    if learning is not None and not learning.epoch:
        epochs = []  # none of them was kept: what they tell is not of this model
    return [
        *measured,
        *accuracy_gap(about, epochs, results.metrics),
        *(on_learning_curve(about, epochs, model=title, learns_in_epochs=True) if epochs else ()),
        *next_steps(about, results.metrics, job),
    ]


def beside_runs(runs: Sequence[tuple[RunRow, Path]]) -> Beside:
    """The facts of several of them beside each other.

    Raises:
        NoResults: one has not ended well, or its evaluation cannot be read.
    """
    return beside([Side(row.id, load(row, folder, ClassifyResults)) for row, folder in runs])


def results_of(row: RunRow, folder: Path) -> dict[str, Any]:
    """`metrics` as they stand, and in `images` one entry for each inspected image.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results = load(row, folder, ClassifyResults)
    return {
        "metrics": results.metrics.facts() | {"confidence": confidence_of(results)},
        "images": [image.model_dump(mode="json") for image in images_of(results)],
    }


def confidence_of(results: ClassifyResults) -> dict[str, Any] | None:
    """How sure the classifier was on average, beside how often it was right; None where no row tells.

    It is `over` or `under` confident where that lies outside of the interval of the accuracy; else so few images cannot tell.
    """
    if not results.rows:
        return None
    stated = sum(row.probability for row in results.rows) / len(results.rows)
    right = sum(row.correct for row in results.rows) / len(results.rows)
    low, high = results.metrics.intervals.get("accuracy") or (0.0, 1.0)
    leans = "over" if stated > high else "under" if stated < low else None
    return {"stated": stated, "right": right, "leans": leans}


def _worst(results: ClassifyMetrics) -> dict[str, Any] | None:
    """The class that is missed the most, and of such the one with the most test images; None where each was found whole."""
    measured = [(each.recall, -each.count, name) for name, each in results.per_class.items() if each.recall is not None]
    recall, _, name = min(measured, default=(1.0, 0, ""))
    worst = {"count", "found", "recall", "recall_interval"}
    return {"name": name, **results.per_class[name].model_dump(mode="json", include=worst)} if recall < 1 else None


def _confused(classes: list[str], confusion: list[list[int]]) -> list[dict[str, Any]]:
    """Pairs of classes with mistakes between them, the most first: of which class, taken for which, how many."""
    mistakes = [
        (count, classes[i], classes[j])
        for i, row in enumerate(confusion)
        for j, count in enumerate(row)
        if i != j and count > 0
    ]
    mistakes.sort(key=lambda each: -each[0])
    return [{"of": of, "taken_for": other, "count": count} for count, of, other in mistakes]
