"""What a person does with models, whichever door he comes through: register a run, promote a version, go back, set the gate.

From Python:

    async with Workspace.open(Settings()) as workspace:
        await workspace.models.register("panels", "r12", who="python")
        await workspace.models.promote("panels", who="python", why="half the overkill of version 2")
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assistant.data.datasets import Datasets
from assistant.models.adapting import LineData, make_line_data
from assistant.models.assessing import Assessment, Assessor
from assistant.models.drift import Drift, drift_of
from assistant.models.evidence import facts_of
from assistant.models.feedback import Given, Reviewed, Verdict, give, latest_of, reviewed, words_on
from assistant.models.feedback_data import Made, make_dataset
from assistant.models.gate import Gate
from assistant.models.registry import Model, ModelRefused, Registry, Version
from assistant.models.reviewed_pictures import ReviewedPictures
from assistant.models.serving.kept_pictures import KeptPictures
from assistant.refused import Refused
from assistant.runs.labels import one_line
from assistant.runs.queue import Becomes, Queue
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import FeedbackRow

LONGEST_WHY = 500
HOLDS_S = 300.0  # for which an assessment that was shown is decided on


class NotPromoted(Refused):
    """A version is not promoted: `not_promoted` where it must not be, `needs_reason` where somebody has to say why all the same."""

    status = 409

    def __init__(self, code: str, message: str, hint: str, assessment: Assessment):
        super().__init__(code, message, hint, model=assessment.model, version=assessment.version)
        self.assessment = assessment
        self.values = {**self.values, "assessment": assessment.told()}


@dataclass(frozen=True)
class Promotion:
    """A model after its promotion, and what that rests on."""

    model: Model
    assessment: Assessment


class Models:
    """The models of one installation."""

    def __init__(self, settings: Settings, database: Database, runs: Queue, datasets: Datasets):
        self.registry = Registry(settings, database)
        self._settings, self._database, self._runs, self._datasets = settings, database, runs, datasets
        self._assessor = Assessor(settings, runs, datasets)
        self._reviewed, self._kept = ReviewedPictures(settings), KeptPictures(settings)
        self._latest: tuple[float, Assessment] | None = (
            None  # when it was made, for whoever decides on what he has just been shown
        )

    async def register(
        self, name: str, run: str, *, who: str, why: str = "", note: str = "", tags: Sequence[str] = ()
    ) -> Version:
        """Make a version of a finished run at its threshold in force; it is the candidate then.

        Raises:
            UnknownRun, NoResults, RunElsewhere: the run has no model, or not here.
            ModelRefused, BadLabel: the name cannot be one, or is another kind's; what is written on it is too long.
        """
        row = await self._runs.get(run)
        facts = await asyncio.to_thread(facts_of, row, self._runs.folder_of(row))
        return await self.registry.register(name, row, facts=facts, who=who, why=_reason(why), note=note, tags=tags)

    async def register_ended(self, run: str, wanted: Becomes) -> Version:
        """Register a run that has succeeded as what it was begun to become. Once, however often it is called; what is refused is not tried again.

        Raises:
            As `register`.
        """
        try:
            version = await self.register(wanted.model, run, who=wanted.who)
        except Refused:
            await self._runs.write(run, register_as=None, register_by=None)
            raise
        await self._runs.write(run, register_as=None, register_by=None)
        return version

    async def assess(self, name: str, version: int | None = None) -> Assessment:
        """Whether a version may be promoted; None is the candidate.

        Raises:
            UnknownModel, NoSuchChange: there is no such version, or none waits.
            UnknownRun, RunElsewhere, NoResults: its run is not here, or cannot be read.
        """
        model = await self.registry.get(name)
        assessment = await self._assessor.assess(model, model.version(model.aliases.to_promote(version)))
        self._latest = (time.monotonic(), assessment)
        return assessment

    async def promote(
        self, name: str, version: int | None = None, *, who: str, why: str = "", seen: int | None = None
    ) -> Promotion:
        """Make a version the champion; None is the candidate. It is assessed first, on the model as it is now; what was shown a moment ago
        to whoever has seen the same revision is not looked at again.

        Args:
            seen: the revision of the model that whoever decides has seen; another one refuses.

        Raises:
            NotPromoted: it must not be, or a reason is needed and none is given.
            ModelRefused: `stale_model`: somebody changed the model meanwhile.
            UnknownModel, NoSuchChange, UnknownRun, RunElsewhere, NoResults: as `assess`.
        """
        assessment = await self._just_shown(name, version, seen) or await self.assess(name, version)
        if seen is not None and seen != assessment.revision:
            message = f"{assessment.model} was changed meanwhile"
            raise ModelRefused("stale_model", message, "look at it again, then decide", model=assessment.model)
        if assessment.refusals:
            await self.registry.refuse(assessment.model, assessment.version, who=who, told=assessment.told())
            said = "; ".join(check.message for check in assessment.refusals)
            hint = "train anew, move its threshold and register it again, or change the gate"
            message = f"version {assessment.version} of {assessment.model} is not promoted: {said}"
            raise NotPromoted("not_promoted", message, hint, assessment)
        why = _reason(why)
        if assessment.warnings and not why:
            said = "; ".join(check.message for check in assessment.warnings)
            message = f"version {assessment.version} of {assessment.model} is not promoted without a reason: {said}"
            raise NotPromoted("needs_reason", message, "say why it is to be promoted all the same", assessment)
        model = await self.registry.promote(
            assessment.model, assessment.version, seen=assessment.revision, who=who, why=why, told=assessment.told()
        )
        return Promotion(model, assessment)

    async def _just_shown(self, name: str, version: int | None, seen: int | None) -> Assessment | None:
        if self._latest is None or seen is None or time.monotonic() - self._latest[0] > HOLDS_S:
            return None
        shown, model = self._latest[1], await self.registry.get(name)
        same = (model.row.name, model.aliases.to_promote(version), model.row.revision, seen)
        return shown if same == (shown.model, shown.version, shown.revision, shown.revision) else None

    async def roll_back(self, name: str, *, who: str, why: str = "", seen: int | None = None) -> Model:
        """As Registry.roll_back."""
        return await self.registry.roll_back(name, who=who, why=_reason(why), seen=seen)

    async def drift(self, reference: str) -> Drift:
        """Whether the latest pictures that a model judged still look like those that its threshold was set on; as `drift_of`."""
        return await drift_of(self._database, self._runs, self.registry, reference)

    async def feedback(
        self, prediction: str, verdict: Verdict, *, who: str, note: str = "", region: Sequence[float] | None = None
    ) -> Given:
        """Note what somebody says that a judged picture is, and keep the picture for good; as `give` of feedback.py."""
        return await give(
            self._database, self._reviewed, self._kept, prediction, verdict, who=who, note=note, region=region
        )

    async def said_of(self, prediction: str) -> FeedbackRow | None:
        """What was said last of what a picture is."""
        return await latest_of(self._database, prediction)

    async def reviewed(self, reference: str) -> Reviewed:
        """What people said of the pictures that a model judged, and which thresholds agree with it; as `reviewed` of feedback.py."""
        return await reviewed(self._database, self._reviewed, self._runs, self.registry, reference)

    async def make_dataset(self, reference: str, name: str, *, with_training_data: bool = False) -> Made:
        """Make a data set of the pictures of which people said what they are, which the model, or any version of it, has judged; with what the model
        was trained and tested on, if that is asked for.

        Raises:
            NotTaken, NoDataset, DatasetError: as `words_on` of feedback.py and `make_dataset` of feedback_data.py.
            UnknownModel, UnknownRun, NoResults, RunElsewhere: there is no such model here.
        """
        model, words = await words_on(self._database, self._runs, self.registry, reference)
        joined = await self._runs.get(model.run) if with_training_data else None
        sides = {run: int((await self._runs.get(run)).spec["image_size"]) for run in {word.run for word in words}}
        return await make_dataset(
            self._settings, self._datasets, self._reviewed, name, words=words, sides=sides, joined=joined
        )

    async def make_line_data(self, name: str) -> LineData:
        """Make a data set of pictures of the line that the champion judged good without doubt; as `make_line_data` of adapting.py."""
        return await make_line_data(
            self._settings, self._database, self._datasets, self._runs, self.registry, self._kept, name
        )

    async def set_gate(self, name: str, gate: Gate | None, *, who: str, why: str = "") -> Model:
        """What a version must keep from now on; a gate that names a data set is held to it as it is now. An empty gate is none.

        Raises:
            UnknownModel, DatasetError: there is no such model or data set.
        """
        if gate is not None and gate.data is not None:
            facts = await self._datasets.facts(gate.data)
            gate = gate.model_copy(update={"data": facts.dataset, "fingerprint": facts.fingerprint})
        asked = None if gate is None or gate.is_empty else gate
        return await self.registry.set_gate(name, asked, who=who, why=_reason(why))


def told_of(model: Model) -> dict[str, Any]:
    """A model as JSON: its versions with what was registered of each."""
    return {
        "name": model.row.name,
        "kind": model.row.kind,
        "note": model.row.note,
        "revision": model.row.revision,
        "aliases": {"candidate": model.row.candidate, "champion": model.row.champion, "rollback": model.row.rollback},
        "gate": model.row.gate,
        "created": model.row.created_at.isoformat(),
        "versions": [told_of_version(version) for version in model.versions],
    }


def told_of_version(version: Version) -> dict[str, Any]:
    row = version.row
    return {
        "model": row.model,
        "version": row.version,
        "reference": version.reference,
        "alias": version.alias,
        "run": row.run,
        "threshold_version": row.threshold_version,
        "who": row.who,
        "when": row.created_at.isoformat(),
        "note": row.note,
        "tags": row.tags,
        **version.facts.model_dump(mode="json"),
    }


def _reason(why: str) -> str:
    return one_line(why)[:LONGEST_WHY]
