"""Reads of a finished run what stands of it as a version: how it judges its test images, and what it comes from."""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version as installed
from pathlib import Path

from assistant.kinds import kind_of
from assistant.models.facts import VersionFacts
from assistant.models.gate import Share
from assistant.runs.results import evaluation_of, told_by_file
from assistant.store.tables import RunRow, VersionRow
from engine.contract.checksums import LIST
from engine.contract.folder import RunFolder
from engine.contract.jobs import read_job
from engine.contract.licences import is_non_commercial
from engine.contract.results.card import ModelCard


def facts_of(row: RunRow, folder: Path) -> VersionFacts:
    """Of a finished run at its threshold in force.

    Raises:
        NoResults: the run has not ended well, or its model is gone or damaged.
    """
    evaluation_of(row, folder)
    with told_by_file(row, folder):
        card = RunFolder(folder).model.read_card(ModelCard)
    digest = _digest(RunFolder(folder).model.path / LIST)
    licences = sorted({licence for licence in _licences(card) if licence})
    escapes, overkill, only_made_up = counts_of(row, folder)
    return VersionFacts(
        metrics=row.metrics or {},
        escapes=escapes,
        overkill=overkill,
        only_made_up=only_made_up,
        spec=row.spec,
        subject=row.subject,
        dataset=row.dataset,
        fingerprint=card.data.fingerprint or row.fingerprint,
        data_licence=card.data.licence,
        weights=card.weights.facts(),
        built_on=read_job(row.spec).built_on,
        earlier_data=[data.name or "" for data in card.data.before or []],
        licences=licences,
        non_commercial=[each for each in licences if is_non_commercial(each)],
        synthetic=card.synthetic,
        libraries=card.versions,
        code=installed("murascope"),
        trained=card.created,
        model_digest=digest,
    )


def at_version(row: RunRow, version: VersionRow) -> RunRow:
    """The run at the threshold that the version was registered with, for whoever reads its results; it is stored nowhere."""
    values = {column.key: getattr(row, column.key) for column in RunRow.__mapper__.column_attrs}
    return RunRow(**{**values, "threshold": version.threshold})


def counts_of(row: RunRow, folder: Path) -> tuple[dict[str, Share], Share | None, bool]:
    """How many test images are judged wrongly, of each defect type or class and of the good ones; and whether only made-up defects tell.

    Raises:
        NoResults: its evaluation cannot be read.
    """
    tested = kind_of(row.kind).tested(row, folder)
    by_stratum: dict[str, list[str]] = {}
    for name, stratum in tested.stratum.items():
        by_stratum.setdefault(stratum, []).append(name)
    escapes: dict[str, Share] = {}
    overkill: Share | None = None
    made_up = tested.judge(None).made_up
    for stratum, names in by_stratum.items():
        wrong = tested.judge(set(names)).wrong
        if stratum in tested.good:
            overkill = wrong
        elif wrong is not None:
            escapes[stratum] = wrong
    return escapes, overkill, made_up


def _licences(card: ModelCard) -> Iterator[str | None]:
    for data in (card.data, *(card.data.before or [])):
        yield data.licence
    yield card.weights.licence
    for before in card.weights.lineage:
        yield before.get("licence")


def _digest(listed: Path) -> str | None:
    """That of the list of all its files' checksums; None of models of older versions, which have none."""
    return hashlib.sha256(listed.read_bytes()).hexdigest() if listed.is_file() else None
