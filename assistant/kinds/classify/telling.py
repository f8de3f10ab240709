"""What may be said about a training of a classifier, planned or finished."""

from pathlib import Path
from typing import Any

from assistant.frames import Figure
from assistant.kinds.classify.gallery import images_of
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.classes import classes_of
from engine.contract.data import DataFacts
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results.classify import ClassifyResults

TOLD_TO_SCRIPTS = ("weights", "counts", "classes", "per_class", "confusion", "left_out", "synthetic", "reasons")
MOST_CONFUSED = 3


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


def facts_of(row: RunRow, folder: Path) -> dict[str, Any]:
    """Its figures with what makes them worth more or less, and which classes are taken for which.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results, job = load(row, folder, ClassifyResults).metrics, ClassifyJob.model_validate(row.spec)
    told = results.facts()
    return {
        "synthetic": results.synthetic,
        "image_size": job.image_size,
        "weights": results.weights.facts(),
        "counts": results.counts,
        "metrics": results.metrics,
        "reasons": results.reasons,
        "intervals": told.get("intervals", {}),
        "classes": results.classes,
        "per_class": told["per_class"],
        "confusion": results.confusion,
        "most_confused": _most_confused(results.classes, results.confusion),
        "left_out": results.left_out,
    }


def results_of(row: RunRow, folder: Path) -> dict[str, Any]:
    """`metrics` as they stand, and in `images` one entry for each inspected image.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results = load(row, folder, ClassifyResults)
    return {
        "metrics": results.metrics.facts(),
        "images": [image.model_dump(mode="json") for image in images_of(results)],
    }


def _most_confused(classes: list[str], confusion: list[list[int]]) -> list[dict[str, Any]]:
    """Pairs of classes with the most mistakes between them: of which class, taken for which, how many."""
    mistakes = [
        (count, classes[i], classes[j])
        for i, row in enumerate(confusion)
        for j, count in enumerate(row)
        if i != j and count > 0
    ]
    mistakes.sort(key=lambda each: -each[0])
    return [{"of": of, "taken_for": other, "count": count} for count, of, other in mistakes[:MOST_CONFUSED]]
