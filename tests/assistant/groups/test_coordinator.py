"""A group of runs: one yes is one group, a restart goes on with it, its minutes are kept, and a failed trial is told."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from assistant.chat.conversation import Conversation
from assistant.frames import AssistantItem, GroupItem, ProposalItem
from assistant.groups.coordinator import Coordinator
from assistant.groups.told import GroupTold, group_told
from assistant.plans.acts import PlanActs
from assistant.plans.group import Approved, Group
from assistant.plans.launching import begin
from assistant.plans.plan import Plan
from assistant.plans.proposals import StalePlan
from assistant.plans.trials import plan_group
from assistant.store.tables import GroupRow, RunRow, now
from assistant.telling.groups import words_of_group
from assistant.workspace import Workspace
from engine.contract.events import Epoch, EventLog
from tests.stored_runs import measured, write_evaluation

pytestmark = pytest.mark.anyio
SIZES = [{"image_size": 64}, {"image_size": 128}, {"image_size": 256}]
WEIGHTS = {"backbone": "resnet18", "weights": "random"}


async def planned(workspace: Workspace, group: Group | None = None, *, model: str = "padim", **chosen: Any) -> Plan:
    given = {**(WEIGHTS if model == "padim" else {}), **chosen}
    return await plan_group(
        workspace.settings, workspace.datasets, workspace.runs, group or Group(sort="sweep", trials=SIZES),
        dataset="oled", model=model, chosen=given,
    )  # fmt: skip


async def begun(workspace: Workspace, group: Group | None = None, **of: Any) -> GroupRow:
    approved = (await planned(workspace, group, **of)).approved
    assert approved is not None
    return await begin(workspace.groups, approved)


class Server:
    """The coordinator of one server, looked through by hand; two of them are two servers on one home."""

    def __init__(self, workspace: Workspace, *, slots: int = 1):
        self.ended: list[GroupRow] = []
        self.workspace = workspace
        workspace.settings.slots = slots
        self.coordinator = Coordinator(workspace.runs, workspace.groups, ended=self.ended.append)

    async def look(self, group: GroupRow) -> list[RunRow]:
        """One look; the runs of the group after it."""
        await self.coordinator.step(await self.workspace.groups.get(group.id))
        return [*await self.workspace.runs.of_group(group.id)]


async def end(workspace: Workspace, run: RunRow, state: str, *, seconds: float = 5.0, **why: Any) -> None:
    """The run came to this end after so many seconds."""
    await workspace.runs.claim_one(run.id)
    if state == "succeeded":
        write_evaluation(workspace.runs.folder(run.id), measured())
    await workspace.runs.end(run.id, state, worked_s=seconds, metrics={"image_auroc": 0.7}, **why)


async def told(workspace: Workspace, group: GroupRow) -> GroupTold:
    return await group_told(workspace.runs, await workspace.groups.get(group.id))


async def test_trials_begin_one_after_the_other_and_then_the_group_has_ended(
    workspace: Workspace, conversation: Conversation
) -> None:
    group, server = await begun(workspace), Server(workspace)
    for number in range(1, 4):
        (*_, run) = await server.look(group)
        assert [row.id for row in await server.look(group)][-1] == run.id
        assert run.trial == {"number": number, "differs": SIZES[number - 1]}
        await end(workspace, run, "succeeded")
    await server.look(group)
    assert [(row.id, row.ended) for row in server.ended] == [("g1", "finished")]


async def test_trials_run_beside_each_other_on_as_many_gpus_as_there_are(
    workspace: Workspace, conversation: Conversation
) -> None:
    workspace.settings.gpus = "0,1"
    group, server = await begun(workspace), Server(workspace)
    for _ in range(2):
        (*_, run) = await server.look(group)
        await workspace.runs.claim_one(run.id, among=["0", "1"])
    assert [row.state for row in await server.look(group)] == ["running", "running"]


async def test_a_restart_goes_on_without_a_second_start(workspace: Workspace, conversation: Conversation) -> None:
    group = await begun(workspace)
    await asyncio.gather(*(Server(workspace, slots=2).look(group) for _ in range(4)))
    (run,) = await workspace.runs.of_group(group.id)
    await end(workspace, run, "succeeded")
    await asyncio.gather(*(Server(workspace).look(group) for _ in range(3)))
    assert [row.trial["number"] for row in await workspace.runs.of_group(group.id) if row.trial] == [1, 2]


async def test_a_trial_that_would_pass_the_minutes_is_not_begun(
    workspace: Workspace, conversation: Conversation
) -> None:
    group = await begun(workspace, Group(sort="sweep", trials=SIZES, minutes=1))
    server = Server(workspace)
    (run,) = await server.look(group)
    await end(workspace, run, "succeeded", seconds=59.0)
    await server.look(group)
    assert [row.ended for row in server.ended] == ["finished"]
    assert [each.state for each in (await told(workspace, group)).trials] == ["succeeded", "not_begun", "not_begun"]


async def test_a_trial_under_way_is_stopped_when_the_minutes_are_over(
    workspace: Workspace, conversation: Conversation
) -> None:
    group = await begun(workspace, Group(sort="sweep", trials=SIZES, minutes=1))
    server = Server(workspace)
    (run,) = await server.look(group)
    await workspace.runs.claim_one(run.id)
    await change(workspace, run, started_at=now() - timedelta(seconds=90), estimate_s=500.0)
    (run,) = await server.look(group)
    assert (run.stop_requested, run.trial) == (True, {"number": 1, "differs": SIZES[0], "cut": "budget"})


async def test_a_trial_that_has_only_seconds_to_go_is_let_finish(
    workspace: Workspace, conversation: Conversation
) -> None:
    group = await begun(workspace, Group(sort="sweep", trials=SIZES, minutes=1))
    server = Server(workspace)
    (run,) = await server.look(group)
    await workspace.runs.claim_one(run.id)
    await change(workspace, run, started_at=now() - timedelta(seconds=90), estimate_s=95.0)
    (run,) = await server.look(group)
    assert not run.stop_requested


async def test_a_failed_trial_does_not_end_the_group_and_is_told(
    workspace: Workspace, conversation: Conversation
) -> None:
    group, server = await begun(workspace), Server(workspace)
    (run,) = await server.look(group)
    await end(workspace, run, "failed", reason="out of memory")
    for _ in range(2):
        (*_, run) = await server.look(group)
        await end(workspace, run, "succeeded")
    await server.look(group)
    said = {
        each: await words_of_group(workspace.runs, await told(workspace, group), each) for each in ("en", "ko", "zh")
    }
    assert all("out of memory" in words and "r1" in words for words in said.values())
    assert "2 of 3 trainings have a result" in said["en"]


async def test_a_stop_stops_all_and_none_begins_any_more(workspace: Workspace, conversation: Conversation) -> None:
    group, server = await begun(workspace), Server(workspace)
    await server.look(group)
    await workspace.groups.stop(group.id)
    await server.look(group)
    (run,) = await server.look(group)
    assert (run.state, [row.ended for row in server.ended]) == ("stopped", ["stopped"])


async def test_a_trial_that_was_stopped_while_it_waited_is_none_that_was_done(
    workspace: Workspace, conversation: Conversation
) -> None:
    group, server = await begun(workspace), Server(workspace)
    (run,) = await server.look(group)
    await end(workspace, run, "succeeded")
    await server.look(group)
    await workspace.groups.stop(group.id)
    for _ in range(2):
        await server.look(group)
    now_told = await told(workspace, group)
    assert (now_told.state, now_told.done, now_told.total) == ("stopped", 1, 3)
    assert [each.state for each in now_told.trials] == ["succeeded", "stopped", "not_begun"]
    assert "1 of 1" in await words_of_group(workspace.runs, now_told, "en")


async def test_a_group_whose_data_set_is_called_otherwise_knows_it_by_the_new_name_alone(
    workspace: Workspace, conversation: Conversation
) -> None:
    both: list[dict[str, Any]] = [{"dataset": "oled"}, {"dataset": "oled", "image_size": 128}]
    row = await conversation.cards.propose(await planned(workspace, Group(sort="many", trials=both)))
    group, server = await begun(workspace, Group(sort="many", trials=both)), Server(workspace)
    (run,) = await server.look(group)
    await end(workspace, run, "succeeded")
    await workspace.rename_dataset("oled", "line 3")
    for _ in range(2):
        (*_, run) = await server.look(group)
        now_told = await told(workspace, group)
        assert now_told.datasets == [each.dataset for each in now_told.verdicts] == ["line 3"]
        assert "oled" not in now_told.model_dump_json()
    assert (run.dataset, run.spec["dataset"]) == ("line 3", "line 3")
    row = await workspace.proposals.get(row.id)
    assert "oled" not in json.dumps([row.dataset, _names_of_data(row.spec), _names_of_data(row.group)])
    ((_, _, card),) = await conversation.items()
    assert isinstance(card, ProposalItem) and card.group is not None
    assert [each.differs["dataset"] for each in card.group.trials] == ["line 3", "line 3"]


def _names_of_data(told: Any) -> list[str]:
    if isinstance(told, dict):
        own = [told["dataset"]] if isinstance(told.get("dataset"), str) else []
        return own + [name for each in told.values() for name in _names_of_data(each)]
    return [name for each in told for name in _names_of_data(each)] if isinstance(told, list) else []


async def test_a_trial_that_learns_worse_than_the_median_is_ended_early(
    workspace: Workspace, conversation: Conversation
) -> None:
    rates = [{"learning_rate": rate} for rate in (0.001, 0.002, 0.1)]
    group = await begun(workspace, Group(sort="sweep", trials=rates), model="autoencoder", epochs=6)
    server = Server(workspace)
    for losses in ([1.0, 0.5, 0.4], [1.0, 0.6, 0.5]):
        (*_, run) = await server.look(group)
        learnt(workspace, run, losses)
        await end(workspace, run, "succeeded")
    (*_, run) = await server.look(group)
    await workspace.runs.claim_one(run.id)
    learnt(workspace, run, [9.0])
    assert not (await server.look(group))[-1].stop_requested  # too early to tell
    learnt(workspace, run, [9.0, 8.0])
    assert (await server.look(group))[-1].trial == {"number": 3, "differs": rates[2], "cut": "worse"}


def learnt(workspace: Workspace, run: RunRow, losses: Sequence[float]) -> None:
    folder = workspace.runs.folder(run.id)
    log = EventLog(folder)
    for epoch, loss in list(enumerate(losses, 1))[log.seq :]:
        log.append(Epoch(epoch=epoch, epochs=6, loss=loss, val_loss=loss, lr=0.1, best=True))
    log.close()


async def change(workspace: Workspace, run: RunRow, **values: Any) -> None:
    async with workspace.database.session() as session:
        await session.execute(update(RunRow).where(RunRow.id == run.id).values(**values))


# ---- one plan, one yes ----


async def test_one_yes_is_one_group(workspace: Workspace, conversation: Conversation) -> None:
    row = await conversation.cards.propose(await planned(workspace))
    acts = PlanActs(workspace.settings, workspace.datasets, workspace.proposals, workspace.runs, workspace.groups)
    started = await asyncio.gather(*(acts.approve(row, row.revision) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, GroupRow) for each in started) == 1
    assert sum(isinstance(each, StalePlan) for each in started) == 3
    assert len(await workspace.groups.latest()) == 1


async def test_a_plan_that_is_launched_twice_is_one_group(workspace: Workspace, conversation: Conversation) -> None:
    row = await conversation.cards.propose(await planned(workspace))
    row = await workspace.proposals.approve(row.id, row.revision)
    started = await asyncio.gather(*(conversation.cards.launch(row) for _ in range(4)))
    assert {each.id for each in started} == {"g1"}
    assert len(await workspace.groups.latest()) == 1


async def test_a_changed_plan_of_several_runs_stays_one(workspace: Workspace, conversation: Conversation) -> None:
    row = await conversation.cards.propose(await planned(workspace))
    changes = {"num_features": 50, "values": ["64", "96"], "minutes": 5}
    row, _ = await workspace_acts(workspace).edit(row, row.revision, changes)
    approved = Approved.model_validate(row.group)
    assert [trial.differs for trial in approved.trials] == [{"image_size": 64}, {"image_size": 96}]
    assert ({trial.job["model"]["num_features"] for trial in approved.trials}, approved.group.minutes) == ({50}, 5)


def workspace_acts(workspace: Workspace) -> PlanActs:
    return PlanActs(workspace.settings, workspace.datasets, workspace.proposals, workspace.runs, workspace.groups)


async def test_models_that_do_not_suit_are_left_out_with_the_reason_on_the_card(
    workspace: Workspace, conversation: Conversation
) -> None:
    trials: list[dict[str, Any]] = [{"model": name} for name in ("autoencoder", "padim", "never_heard_of")]
    await conversation.cards.propose(
        await planned(workspace, Group(sort="many", trials=trials, leaves_out=True), model="autoencoder")
    )
    ((_, _, card),) = await conversation.items()
    assert isinstance(card, ProposalItem)
    assert card.group is not None
    why: Mapping[str, Any] = {each.differs["model"]: each.left_out for each in card.group.trials}
    assert why["autoencoder"] is None
    assert (why["padim"].code, why["never_heard_of"].code) == ("weights_missing", "unfit")


async def test_the_end_of_a_group_is_told_once_and_not_of_each_run(
    workspace: Workspace, conversation: Conversation
) -> None:
    row = await conversation.cards.propose(await planned(workspace))
    started = await workspace_acts(workspace).approve(row, row.revision)
    assert isinstance(started, GroupRow)
    await conversation.cards.started(row, started)
    server = Server(workspace)
    for _ in SIZES:
        (*_, run) = await server.look(started)
        await end(workspace, run, "succeeded")
    await server.look(started)
    for _ in range(2):
        await conversation.tell_end_of_group(await workspace.groups.get(started.id))
    items = [item for _, _, item in await conversation.items()]
    assert len([item for item in items if isinstance(item, AssistantItem)]) == 1
    assert [item.group for item in items if isinstance(item, GroupItem)] == ["g1"]
    assert (await conversation.memory.state()).runs[0] == "r1"  # the best is what is spoken of
