"""What a person does with a stored plan: says yes or no, changes it, opens it again. A card's button, a plain word, a command line or a
REST call may ask for it; nothing here passes through an LLM, and nothing else makes a plan approved.

Who calls says whose plan it is and shows what became of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assistant.data.datasets import DatasetError, Datasets
from assistant.machine.troubles import EXPECTED, explain
from assistant.plans.group import Approved, Group
from assistant.plans.launching import launch
from assistant.plans.plan import NOTHING, Plan, plan
from assistant.plans.proposals import Proposals, StalePlan
from assistant.plans.trials import plan_group
from assistant.refused import Refused
from assistant.runs.groups import Groups
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.tables import GroupRow, ProposalRow, RunRow


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
    groups: Groups

    async def approve(self, row: ProposalRow, revision: int) -> RunRow | GroupRow:
        """The yes to exactly this revision: its run is queued, or its group of runs begun, even when no LLM answers afterwards.

        Raises:
            DataChanged: what would be trained on is not what was approved.
            DatasetError: the data set is gone, or holds nothing to train on any more.
            NotStarted: the run cannot be queued.
        """
        await self._refuse_changed_data(row)
        row = await self.proposals.approve(row.id, revision)
        try:
            return await launch(self.datasets, self.proposals, self.runs, self.groups, row)
        except (DatasetError, *EXPECTED) as error:
            why = error if isinstance(error, DatasetError) else explain(error)
            await self.proposals.withdraw_approval(row.id)
            raise NotStarted(f"the training could not be started: {why.message}", why.hint) from error

    async def _refuse_changed_data(self, row: ProposalRow) -> None:
        others = Approved.model_validate(row.group).trials if row.group is not None else []
        said = {row.dataset: row.fingerprint, **{each.job["dataset"]: each.fingerprint for each in others}}
        found = {name: (await self.datasets.facts(name)).fingerprint for name in said}
        changed = [name for name in said if said[name] not in (None, found[name])]  # none: made by an older version
        if row.state == "open" and changed:
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
        group, changes = _group_of(row), dict(changes)
        if group is not None:
            group, changes = group.edited(changes)
        dataset, model = str(changes.pop("dataset", row.dataset)), str(changes.pop("model", row.subject))
        chosen = {name: value for name, value in {**row.chosen, **changes}.items() if value not in NOTHING}
        made = await self._planned(row, group, dataset=dataset, model=model, chosen=chosen)
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
        return await self._planned(row, _group_of(row), dataset=row.dataset, model=row.subject, chosen=row.chosen)

    async def _planned(
        self, row: ProposalRow, group: Group | None, *, dataset: str, model: str, chosen: dict[str, Any]
    ) -> Plan:
        parts = (self.settings, self.datasets, self.runs)
        if group is not None:
            return await plan_group(*parts, group, kind=row.kind, dataset=dataset, model=model, chosen=chosen)
        return await plan(*parts, kind=row.kind, dataset=dataset, model=model, chosen=chosen)


def _group_of(row: ProposalRow) -> Group | None:
    return Approved.model_validate(row.group).group if row.group is not None else None
