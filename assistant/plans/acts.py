"""What a person does with a stored plan: says yes or no, changes it, opens it again. A card's button, a plain word, a command line or a
REST call may ask for it; nothing here passes through an LLM, and nothing else makes a plan approved.

Who calls says whose plan it is and shows what became of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assistant.data.datasets import DatasetError, Datasets
from assistant.machine.troubles import EXPECTED, explain
from assistant.plans.launching import launch
from assistant.plans.plan import NOTHING, Plan, plan
from assistant.plans.proposals import Proposals, StalePlan
from assistant.refused import Refused
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.tables import ProposalRow, RunRow


class DataChanged(Refused):
    """The images are not those that the plan told of: it was made anew, as `row` and `plan`, and waits for another yes."""

    def __init__(self, row: ProposalRow, plan: Plan):
        self.row, self.plan = row, plan
        super().__init__(
            "data_changed",
            "the images changed since this plan was made; look at the new figures, then approve again",
        )


class NotStarted(Refused):
    """The plan was approved, but its run cannot be queued; the plan is open again."""

    def __init__(self, message: str, hint: str):
        super().__init__("not_started", message, hint)


@dataclass(frozen=True)
class PlanActs:
    """The acts on the plans of one workspace. Each raises StalePlan where the plan was changed or decided in the meantime."""

    settings: Settings
    datasets: Datasets
    proposals: Proposals
    runs: Queue

    async def approve(self, row: ProposalRow, revision: int) -> RunRow:
        """The yes to exactly this revision: its run is queued, even when no LLM answers afterwards.

        Raises:
            DataChanged: what would be trained on is not what was approved.
            DatasetError: the data set is gone, or holds nothing to train on any more.
            NotStarted: the run cannot be queued.
        """
        await self._refuse_changed_data(row)
        row = await self.proposals.approve(row.id, revision)
        try:
            return await launch(self.datasets, self.proposals, self.runs, row)
        except (DatasetError, *EXPECTED) as error:
            why = error if isinstance(error, DatasetError) else explain(error)
            await self.proposals.withdraw_approval(row.id)
            raise NotStarted(f"the training could not be started: {why.message}", why.hint) from error

    async def _refuse_changed_data(self, row: ProposalRow) -> None:
        facts = await self.datasets.facts(row.dataset)
        known = (None, facts.fingerprint)  # none: made by an older version
        if row.state == "open" and row.fingerprint not in known:
            made = await self.made_anew(row)
            raise DataChanged(await self.proposals.revise(row.id, row.revision, made), made)

    async def decline(self, row: ProposalRow) -> None:
        """The no, whatever the revision."""
        if await self.proposals.decline(row.id) is None:
            raise StalePlan("this plan was decided already")

    async def edit(self, row: ProposalRow, revision: int, changes: Mapping[str, Any]) -> tuple[ProposalRow, Plan]:
        """Change settings of an open plan; `dataset` and `model` are allowed too. An empty value takes a setting back.

        Raises:
            SpecError, DatasetError: why it cannot be so, in words; the plan stays as it is.
        """
        if row.state != "open" or row.revision != revision:
            raise StalePlan(f"plan {row.id} was changed or decided in the meantime; look at it again")
        changes = dict(changes)
        dataset, model = str(changes.pop("dataset", row.dataset)), str(changes.pop("model", row.subject))
        chosen = {name: value for name, value in {**row.chosen, **changes}.items() if value not in NOTHING}
        made = await self._planned(row, dataset=dataset, model=model, chosen=chosen)
        return await self.proposals.revise(row.id, row.revision, made), made

    async def reopen(self, row: ProposalRow) -> tuple[ProposalRow, Plan, list[ProposalRow]]:
        """Open a declined or superseded plan again, checked anew on the data as it is now; nothing starts. Other open plans are superseded
        by it, and come last.

        Raises:
            SpecError, DatasetError: it cannot be trained any more, in words.
        """
        made = await self.made_anew(row)
        opened, superseded = await self.proposals.reopen(row, made)
        return opened, made, superseded

    async def made_anew(self, row: ProposalRow) -> Plan:
        """What the stored plan is on the data as it is now.

        Raises:
            SpecError, DatasetError: it cannot be trained any more, in words.
        """
        return await self._planned(row, dataset=row.dataset, model=row.subject, chosen=row.chosen)

    async def _planned(self, row: ProposalRow, *, dataset: str, model: str, chosen: dict[str, Any]) -> Plan:
        kind = row.kind
        return await plan(
            self.settings, self.datasets, self.runs, kind=kind, dataset=dataset, model=model, chosen=chosen
        )
