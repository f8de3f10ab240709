"""What MLflow is told of a run: settings as parameters, what its events measure as metrics with steps, what it is as tags."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assistant.store.tables import RunRow
from engine.contract.events import Collection, Epoch, Evaluation, Event, Finished, Fitting, System

STATUS = {"running": "RUNNING", "succeeded": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
MOST_IN_A_VALUE = 6000  # characters that MLflow takes
OURS = "murascope."  # begins the names of our tags


@dataclass(frozen=True)
class Measured:
    """A figure at a step, and when: milliseconds since 1970."""

    name: str
    value: float
    step: int
    at_ms: int


def parameters(spec: dict[str, Any], within: str = "") -> dict[str, str]:
    """Every setting under its path, such as model.coreset_ratio; what is null is left out."""
    found: dict[str, str] = {}
    for name, value in spec.items():
        if isinstance(value, dict):
            found |= parameters(value, f"{within}{name}.")
        elif value is not None:
            found[f"{within}{name}"] = str(value)[:MOST_IN_A_VALUE]
    return found


def tags(row: RunRow, home: str) -> dict[str, str]:
    """Who it is, for people and for whoever looks it up again: the pair of home and run is one run in the world."""
    told = {
        f"{OURS}run": row.id,
        f"{OURS}home": home,
        f"{OURS}kind": row.kind,
        f"{OURS}model": row.subject,
        f"{OURS}dataset": row.dataset,
        f"{OURS}data_version": row.fingerprint,
        f"{OURS}state": row.state,
        f"{OURS}host": row.host,
        f"{OURS}executor": row.executor,
        f"{OURS}attempts": str(row.attempts),
        f"{OURS}tags": ", ".join(row.tags),
        f"{OURS}reason": row.reason,
        f"{OURS}threshold_version": str(row.threshold["version"]) if row.threshold else "1",
        f"{OURS}deleted": "yes" if row.deleted_at is not None else "no",
        "mlflow.note.content": row.note,
    }
    return {name: value[:MOST_IN_A_VALUE] for name, value in told.items() if value}


def name_of(row: RunRow) -> str:
    return f"{row.id} {row.name or row.subject}"


def measured(events: Iterable[Event]) -> Iterator[Measured]:
    """The figures of these events, in their order."""
    for event in events:
        for name, value, step in _figures(event):
            if value is not None:
                yield Measured(name, float(value), step, round(event.time * 1000))


def results(row: RunRow, at_ms: int) -> Iterator[Measured]:
    """The metrics at the threshold in force; its version is the step."""
    step = int(row.threshold["version"]) if row.threshold else 1
    for name, value in (row.metrics or {}).items():
        if value is not None:
            yield Measured(f"test/{name}", float(value), step, at_ms)


def _figures(event: Event) -> Iterator[tuple[str, float | None, int]]:
    match event:
        case Epoch():
            told = {"loss": event.loss, "val_loss": event.val_loss, "lr": event.lr, **event.figures}
            yield from ((name, value, event.epoch) for name, value in told.items())
        case Collection():
            yield "collected_samples", event.samples, event.images
            yield "memory_batches", event.batches, event.images
            yield "feature_mean", event.feature_mean, event.images
            yield "feature_std", event.feature_std, event.images
        case Fitting():
            yield event.what, event.done, event.done
            yield "bank_size", event.bank_size, event.done
        case System():
            yield "system/cpu_utilization_percentage", event.cpu_percent, event.seq
            yield "system/memory_usage_megabytes", event.memory_mb, event.seq
            yield "system/gpu_memory_usage_megabytes", event.gpu_memory_mb, event.seq
            yield "system/gpu_utilization_percentage", event.gpu_percent, event.seq
        case Evaluation():
            yield from ((name, value, 0) for name, value in event.metrics.items())
        case Finished():
            yield from ((f"seconds/{name}", value, 0) for name, value in event.seconds.items())
        case _:
            return
