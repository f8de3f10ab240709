"""What may be said about a finished run, as facts; assistant/telling words them."""

from pathlib import Path
from typing import Any

from assistant.kinds import kind_of
from assistant.runs.took import took
from assistant.store.tables import RunRow
from engine.contract.jobs import KINDS


def run_facts(row: RunRow, folder: Path) -> dict[str, Any]:
    """Everything that may be said about a finished run.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    kind = kind_of(row.kind)
    return {
        "task": kind.name,
        "run": row.id,
        "dataset": row.dataset,
        "model": row.subject,
        "model_title": title_of(row),
        **kind.facts(row, folder),
        "seconds": {"total": took(row, folder)},
    }


def title_of(row: RunRow) -> str:
    """What the run's model is called; its name where nothing of that name can be trained any more."""
    return title_of_model(row.kind, row.subject)


def title_of_model(kind: str, subject: str) -> str:
    """What the model of that name is called which runs of a kind train."""
    models = KINDS[kind].models()
    return models[subject].title if subject in models else subject


def headline_of(row: RunRow) -> tuple[str, float] | None:
    """The figure that tells the run in one: the metric's name and its value; None where there is none."""
    metric = KINDS[row.kind].headline
    value = (row.metrics or {}).get(metric)
    return (metric, float(value)) if value is not None else None
