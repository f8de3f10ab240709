"""One way to plan: for a registered data set, for a folder, and again when a person edits."""

from pathlib import Path
from typing import Any

import pytest

from assistant.plans.acts import PlanActs
from assistant.plans.plan import Plan, plan, plan_on
from assistant.store.tables import ProposalRow
from assistant.workspace import Workspace
from engine.contract.jobs import SpecError, flat_settings

pytestmark = pytest.mark.anyio


async def planned(workspace: Workspace, model: str, **chosen: Any) -> Plan:
    parts = workspace.settings, workspace.datasets, workspace.runs
    return await plan(*parts, dataset="panels", model=model, chosen=chosen)


def acts_of(workspace: Workspace) -> PlanActs:
    return PlanActs(workspace.settings, workspace.datasets, workspace.proposals, workspace.runs, workspace.groups)


@pytest.fixture
async def known(workspace: Workspace, panels: Path) -> Workspace:
    await workspace.datasets.add("panels", panels)
    return workspace


async def test_a_plan_is_the_same_for_a_registered_data_set_and_for_facts_of_it(known: Workspace) -> None:
    facts = await known.datasets.facts("panels")
    made = await plan_on(known.settings, known.runs, facts, model="padim", chosen={"seed": 3})
    assert made.spec == (await planned(known, "padim", seed=3)).spec


async def test_settings_of_another_model_are_left_behind_and_unknown_ones_refused(known: Workspace) -> None:
    made = await planned(known, "padim", coreset_ratio=0.3, num_features=16)
    assert made.chosen == {"num_features": 16}
    with pytest.raises(SpecError, match="unknown setting 'coreset'"):
        await planned(known, "padim", coreset=0.3)


async def test_a_setting_that_two_models_call_otherwise_is_taken_over(known: Workspace) -> None:
    made = await planned(known, "cflow", flow_steps=3)
    assert flat_settings(made.spec)["coupling_blocks"] == 3


async def test_an_edit_keeps_what_was_chosen_before_and_takes_back_what_is_emptied(known: Workspace) -> None:
    row, _ = await known.proposals.add(await planned(known, "padim", seed=3, image_size=128), conversation=None)
    acts = acts_of(known)
    row, made = await acts.edit(row, row.revision, {"num_features": 16, "image_size": ""})
    assert row.chosen == made.chosen == {"seed": 3, "num_features": 16}
    row, made = await acts.edit(row, row.revision, {"model": "patchcore"})
    assert (row.subject, row.chosen) == ("patchcore", {"seed": 3})


async def test_an_edit_that_cannot_be_leaves_the_plan_as_it_was(known: Workspace) -> None:
    row, _ = await known.proposals.add(await planned(known, "padim"), conversation=None)
    with pytest.raises(SpecError, match="image_size"):
        await acts_of(known).edit(row, row.revision, {"image_size": 100})
    kept = await known.proposals.get(row.id)
    assert isinstance(kept, ProposalRow)
    assert (kept.revision, kept.spec) == (1, row.spec)
