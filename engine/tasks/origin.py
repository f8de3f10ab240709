"""Where a saved model comes from, as every kind of run tells it on the model's card: the pictures, and the libraries."""

from importlib.metadata import version

from engine.contract.jobs import Job
from engine.contract.results.card import LearntFrom
from engine.tasks.reading import Read


def learnt_from(job: Job, read: Read) -> LearntFrom:
    """The data set of a run as it was read."""
    return LearntFrom(
        name=job.dataset,
        layout=read.dataset.layout,
        title=read.dataset.title,
        pictures=len(read.dataset.items),
        fingerprint=read.fingerprint,
        licence=read.dataset.licence,
    )


def versions() -> dict[str, str]:
    """Of the libraries that decide what a model says."""
    return {name: version(name) for name in ("torch", "timm", "torchvision", "numpy")}
