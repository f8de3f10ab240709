"""Whether a version may be promoted: what speaks for it, what speaks against it, and what only gives pause.

Each check is made anew on this machine. Two refuse: a model that, loaded again, scores otherwise than it did, and one that does not keep the
gate. The others warn, and whoever promotes gives a reason to go on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from assistant.data.datasets import DatasetError, Datasets
from assistant.kinds import kind_of
from assistant.machine.engine_process import EngineError, ask_engine
from assistant.models.evidence import at_version, counts_of
from assistant.models.facts import VersionFacts
from assistant.models.gate import Gate, GateLine, Share, judge
from assistant.models.registry import Model, Version
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue, UnknownRun
from assistant.runs.results import NoResults
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.policy import percent
from engine.contract.results.rescored import Rescored
from prompts.figures import counted

Outcome = Literal["holds", "warns", "refuses", "untold"]
SCORED_AGAIN = 48  # of its own test images, those that score nearest to the threshold
TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `code` names what came out of it, for words in the reader's language (locales: check.<code>), `message` is
    the English wording and `values` are its parts. `untold`: nothing to say of it."""

    about: Literal["reload", "gate", "champion", "forgetting", "evidence", "licence"]
    outcome: Outcome
    code: str
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Wrong verdicts of all, by defect type or class and among good images, on one version of a data set."""

    data: str
    fingerprint: str | None
    escapes: Mapping[str, Share]
    overkill: Share | None
    only_made_up: bool = False

    @property
    def missed(self) -> Share:
        return sum(wrong for wrong, _ in self.escapes.values()), sum(count for _, count in self.escapes.values())


@dataclass(frozen=True)
class Assessment:
    """`revision` is that of the model when it was assessed: it says nothing of what was changed later."""

    model: str
    version: int
    revision: int
    checks: Sequence[Check]
    measured: Measured | None
    gate: Sequence[GateLine] = ()

    @property
    def refusals(self) -> list[Check]:
        return [check for check in self.checks if check.outcome == "refuses"]

    @property
    def warnings(self) -> list[Check]:
        return [check for check in self.checks if check.outcome == "warns"]

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "model": self.model,
            "version": self.version,
            "revision": self.revision,
            "may_be_promoted": not self.refusals,
            "needs_reason": bool(self.warnings),
            "checks": [asdict(check) for check in self.checks],
            "gate": [
                {**asdict(line), "holds": line.holds, "images_to_show": line.images_to_show} for line in self.gate
            ],
            "measured": None if self.measured is None else asdict(self.measured),
        }


class Assessor:
    """Judges versions by what is on this machine."""

    def __init__(self, settings: Settings, runs: Queue, datasets: Datasets):
        self._settings, self._runs, self._datasets = settings, runs, datasets

    async def assess(self, model: Model, version: Version) -> Assessment:
        """Takes as long as to load the model and to score some images, or all of the gate's data set.

        Raises:
            UnknownRun, RunElsewhere, NoResults: the run of the version is not here, or its results cannot be read.
        """
        row = at_version(await self._runs.get(version.row.run), version.row)
        folder = self._runs.folder_of(row)
        checks = [await self._reloaded(row, folder)]
        measured: Measured | None = None
        lines: list[GateLine] = []
        if checks[0].outcome != "refuses":
            gate = model.gate
            measured, why = await self._measured(row, folder, gate)
            if measured is None:
                checks.append(
                    Check("gate", "refuses", "gate_data", f"the gate's data cannot be used: {why}", {"why": why})
                )
            elif gate is not None:
                lines = judge(gate, measured.escapes, measured.overkill)
                checks += _of_gate(lines)
            else:
                checks.append(Check("gate", "untold", "no_gate", f"{model.row.name} has no gate to keep"))
            if measured is not None:
                checks += await self._beside_champion(model, version, row, folder, measured)
                checks += _of_evidence(version.facts, measured)
        return Assessment(model.row.name, version.row.version, model.row.revision, checks, measured, lines)

    async def _reloaded(self, row: RunRow, folder: Path) -> Check:
        """Whether the saved model, loaded again, gives the scores that it was measured by."""
        if await self._fingerprint(row) != row.fingerprint:
            message = (
                "the images that it was tested with are gone or were changed, so its scores could not be checked again"
            )
            return Check("reload", "warns", "not_reloaded", message)
        try:
            again = await self._rescore(row, folder, Path(row.data_path), "--most", str(SCORED_AGAIN))
        except EngineError as error:
            return Check("reload", "refuses", "not_loaded", f"the model cannot be loaded: {error}", {"why": str(error)})
        differing = again.differing()
        values = {"images": len(again.images), "differing": len(differing), "largest": again.largest_difference}
        if differing:
            message = (
                f"loaded again, the model scores {len(differing)} of {counted(len(again.images), 'test image')} otherwise, by up to "
                f"{again.largest_difference:.3g}"
            )
            return Check("reload", "refuses", "scores_differ", message, values)
        message = f"loaded again, it gives the same scores for {len(again.images)} of its test images"
        return Check("reload", "holds", "reloaded", message, values)

    async def _fingerprint(self, row: RunRow) -> str | None:
        """Of the data set as it is now."""
        try:
            known = await self._datasets.get(row.dataset)
            if known.path == row.data_path:
                return (await self._datasets.facts(known.name)).fingerprint
            return (await self._datasets.look_into(Path(row.data_path))).fingerprint
        except DatasetError:
            return None

    async def _measured(self, row: RunRow, folder: Path, gate: Gate | None) -> tuple[Measured | None, str]:
        """On the gate's data where it names some, else on its own test images; None with the reason."""
        if gate is None or gate.data is None or gate.fingerprint == row.fingerprint:
            escapes, overkill, made_up = await asyncio.to_thread(counts_of, row, folder)
            return Measured(row.dataset, row.fingerprint, escapes, overkill, made_up), ""
        try:
            facts = await self._datasets.facts(gate.data)
            if facts.fingerprint != gate.fingerprint:
                return None, f"{gate.data} has other images than when the gate was set"
            path = Path((await self._datasets.get(gate.data)).path)
            rescored = await self._rescore(row, folder, path, "--other-data")
        except (DatasetError, EngineError) as error:
            return None, str(error)
        escapes, overkill = rescored.counts()
        return Measured(gate.data, gate.fingerprint, escapes, overkill), ""

    async def _beside_champion(
        self, model: Model, version: Version, row: RunRow, folder: Path, measured: Measured
    ) -> list[Check]:
        champion = model.with_alias("champion")
        if champion is None or champion.row.version == version.row.version:
            return [Check("champion", "untold", "no_champion", f"{model.row.name} has no champion yet")]
        number = champion.row.version
        try:
            other = at_version(await self._runs.get(champion.row.run), champion.row)
            others = self._runs.folder_of(other)
            theirs, why = await self._measured(other, others, model.gate)
            if theirs is not None and theirs.fingerprint != measured.fingerprint:
                theirs, why = await self._measured_on(other, others, row, folder)
            checks = [await self._ahead(number, row, folder, other, measured, theirs, why)]
            if other.fingerprint != row.fingerprint:  # whether it still knows what the champion does
                escapes, overkill, made_up = await asyncio.to_thread(counts_of, other, others)
                known = Measured(other.dataset, other.fingerprint, escapes, overkill, made_up)
                mine, why = await self._measured_on(row, folder, other, others)
                checks.append(_forgotten(number, mine, known, why))
        except (UnknownRun, RunElsewhere, NoResults) as error:
            return [_not_compared(number, str(error))]
        return checks

    async def _ahead(
        self,
        number: int,
        row: RunRow,
        folder: Path,
        other: RunRow,
        measured: Measured,
        theirs: Measured | None,
        why: str,
    ) -> Check:
        """Beside the champion on what the version was measured on."""
        if theirs is None:
            return _not_compared(number, why)
        behind = await asyncio.to_thread(self._behind, row, folder, other)
        return _compared("champion", ("worse", "not_worse"), number, measured, theirs, behind)

    async def _measured_on(
        self, row: RunRow, folder: Path, tested: RunRow, tested_folder: Path
    ) -> tuple[Measured | None, str]:
        """A model on the very images that another run was tested with; None with the reason."""
        if await self._fingerprint(tested) != tested.fingerprint:
            return None, f"the images of {tested.dataset} are gone or were changed"
        try:
            rescored = await self._rescore(
                row, folder, Path(tested.data_path), "--other-data", "--tested-by", str(tested_folder)
            )
        except EngineError as error:
            return None, str(error)
        escapes, overkill = rescored.counts()
        return Measured(tested.dataset, tested.fingerprint, escapes, overkill), ""

    def _behind(self, row: RunRow, folder: Path, other: RunRow) -> list[str]:
        """The figure that decides of its kind, where the champion is ahead in it."""
        if other.fingerprint != row.fingerprint or other.id == row.id:
            return []
        beside = kind_of(row.kind).beside([(row, folder), (other, self._runs.folder_of(other))])
        line = beside.line(beside.decides)
        mine, theirs = (value.value for value in line.values) if line is not None else (None, None)
        return [beside.decides] if mine is not None and theirs is not None and mine < theirs else []

    async def _rescore(self, row: RunRow, folder: Path, data: Path, *arguments: str) -> Rescored:
        at = [] if row.threshold is None else [f"--threshold={row.threshold['told']['image']!r}"]
        told = await ask_engine(
            self._settings, "rescore", str(folder), "--data", str(data), *at, *arguments, timeout_s=TIMEOUT_S
        )
        return Rescored.model_validate(told)


def _of_gate(lines: Sequence[GateLine]) -> list[Check]:
    failed = [line for line in lines if not line.holds]
    if failed:
        message = f"it does not keep the gate: {'; '.join(map(_line, failed))}"
        return [Check("gate", "refuses", "gate_failed", message, {"lines": [_values(line) for line in failed]})]
    kept = {"lines": [_values(line) for line in lines]}
    unshown = [line for line in lines if not line.can_show]
    if unshown:
        message = f"it keeps the gate, on too few images to show it: {'; '.join(map(_line, unshown))}"
        return [Check("gate", "warns", "gate_unshown", message, {"lines": [_values(line) for line in unshown]})]
    return [Check("gate", "holds", "gate_kept", f"it keeps the gate: {'; '.join(map(_line, lines))}", kept)]


def _of_evidence(facts: VersionFacts, measured: Measured) -> list[Check]:
    checks = []
    if measured.only_made_up or not measured.missed[1]:
        message = (
            "it was tested with made-up defects alone" if measured.only_made_up else "it was tested with no defect"
        )
        checks.append(Check("evidence", "warns", "made_up" if measured.only_made_up else "no_defects", message))
    elif facts.synthetic:
        checks.append(Check("evidence", "warns", "synthetic", "its data set was made, not photographed"))
    if facts.non_commercial:
        named = ", ".join(facts.non_commercial)
        message = f"it comes from what may not be used commercially: {named}"
        checks.append(Check("licence", "warns", "non_commercial", message, {"licences": named}))
    return checks


def _compared(
    about: Literal["champion", "forgetting"],
    codes: tuple[str, str],
    number: int,
    mine: Measured,
    theirs: Measured,
    behind: Sequence[str],
) -> Check:
    """Beside the champion on the same images. `codes`: where it is worse, and where it is not."""
    worse = [*worse_in(mine, theirs), *behind]
    values = {
        "champion": number,
        "data": mine.data,
        "missed": mine.missed,
        "missed_before": theirs.missed,
        "overkill": mine.overkill,
        "overkill_before": theirs.overkill,
        "worse": worse,
        "types": _types_worse(mine, theirs),
    }
    told = f"{_counted(mine)}; the champion, version {number}: {_counted(theirs)}; both on {mine.data}"
    if worse:
        return Check(about, "warns", codes[0], f"worse than the champion in {_listed(worse)}: {told}", values)
    return Check(about, "holds", codes[1], f"no worse than the champion: {told}", values)


def _not_compared(number: int, why: str) -> Check:
    message = f"it cannot be compared with the champion, version {number}: {why}"
    return Check("champion", "warns", "not_compared", message, {"champion": number, "why": why})


def _forgotten(number: int, mine: Measured | None, theirs: Measured, why: str) -> Check:
    if mine is not None and (mine.overkill is None) == (theirs.overkill is None):
        return _compared("forgetting", ("forgets", "keeps"), number, mine, theirs, [])
    why = why or "its good images were not measured"
    message = f"whether it still knows what version {number} was tested on cannot be looked at: {why}"
    return Check("forgetting", "warns", "not_known", message, {"champion": number, "why": why})


def worse_in(mine: Measured, theirs: Measured) -> list[str]:
    """Figures in which it does worse; misses also where that holds of a single defect type, whatever the others make up for."""
    missed = _rate(mine.missed) > _rate(theirs.missed) or bool(_types_worse(mine, theirs))
    overkill = bool(mine.overkill and theirs.overkill and _rate(mine.overkill) > _rate(theirs.overkill))
    return [*(["missed"] if missed else []), *(["overkill"] if overkill else [])]


def _types_worse(mine: Measured, theirs: Measured) -> list[str]:
    return [
        name
        for name, share in mine.escapes.items()
        if name in theirs.escapes and _rate(share) > _rate(theirs.escapes[name])
    ]


def _rate(share: Share) -> float:
    return share[0] / share[1] if share[1] else 0.0


def _counted(measured: Measured) -> str:
    missed = f"{measured.missed[0]} of {measured.missed[1]} missed"
    return missed + (f", {measured.overkill[0]} of {measured.overkill[1]} overkilled" if measured.overkill else "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _values(line: GateLine) -> dict[str, Any]:
    return {**asdict(line), "images_to_show": line.images_to_show}


def _line(line: GateLine) -> str:
    what = "overkill" if line.of is None else f"escapes of {line.of}" if line.of else "escapes"
    seen = "not measured" if line.wrong is None else f"{line.wrong} of {line.count}"
    needed = (
        f" ({counted(line.images_to_show, 'image')} without one would show it)"
        if line.holds and line.images_to_show
        else ""
    )
    return f"{what} {seen}, at most {percent(line.limit)} %{needed}"
