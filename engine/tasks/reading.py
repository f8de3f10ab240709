"""The data set of a run: read and decoded once, the broken pictures named, any other than the approved one refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.contract.events import Batches, Warned
from engine.datasets import Dataset, Item
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Pictures
from engine.failures import DataChanged, DataError
from engine.report import Eta, Report

NAMED = 20  # of a kind, in a warning


@dataclass(frozen=True)
class Read:
    """A data set as it was read: `items` are the pictures that can be, `broken` the others by name, with the reason."""

    dataset: Dataset
    items: list[Item]
    broken: dict[str, str]
    fingerprint: str


@dataclass(frozen=True)
class DataFolder:
    """A data set's folder, and the fingerprint that a person approved; None takes any pictures."""

    path: Path
    approved: str | None = None

    def read(self, pictures: Pictures, report: Report) -> Read:
        """Decode every picture once into `pictures`; what cannot be decoded is left out with a warning.

        Raises:
            DataChanged: other pictures than those approved.
            DataError: no data set, or no picture in it that can be read.
        """
        try:
            dataset = open_dataset(self.path)
        except LookupError as error:
            raise DataError(str(error)) from error
        total = len(dataset.items)
        eta = Eta(total)
        items, broken = pictures.readable(
            dataset.items,
            progress=lambda done: report(Batches(what="loading", done=done, total=total, eta_s=eta(done))),
        )
        fingerprint = pictures.fingerprint(dataset.items)
        self._refuse_others(fingerprint)
        if not dataset.items:
            raise DataError(f"the data set {self.path} holds no pictures (PNG, JPEG, BMP, TIFF, WEBP)")
        if not items:
            raise DataError(f"none of the {total} pictures in {self.path} can be read; {_first(broken)}")
        if broken:
            names = name_some(broken)
            message = f"{len(broken)} files cannot be read and are left out: {names}"
            report(Warned(code="broken_images", message=message, values={"count": len(broken), "names": names}))
        return Read(dataset, items, broken, fingerprint)

    def _refuse_others(self, found: str) -> None:
        approved = self.approved
        if approved is not None and found != approved:
            raise DataChanged(
                f"the images in {self.path} are not those of the plan that was approved: since then some were exchanged, "
                f"added, removed, relabelled or cut off (fingerprint {approved} then, {found} now)"
            )


def name_some(names: Iterable[str]) -> str:
    """The first names of many, for a warning."""
    return ", ".join(list(names)[:NAMED])


def _first(broken: dict[str, str]) -> str:
    name, reason = next(iter(broken.items()))
    return f"the first, {name}: {reason}"
