"""The home of a released version opens as it is: its database is migrated, its runs, plans and conversations go on."""

from importlib.metadata import version
from pathlib import Path

import pytest

from assistant.frames import Approve, Edit, ProposalItem, RunItem
from assistant.kinds import kind_of
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.continuing import epochs_kept
from engine.contract.events import Epoch, Finished, Started, Warned, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import read_job
from engine.contract.results.detect import DetectResults
from tests.stored_home import AFTER_EPOCH, CONVERSATION, EPOCHS, FINISHED, STOPPED, TORCH, copy_database, unpack
from tests.talk import plan_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(settings: Settings) -> Path:
    unpack(settings.home)
    return settings.home


@pytest.fixture
def stored(settings: Settings, home: Path, database_url: str) -> Settings:
    """The stored home with its database on SQLite, and on PostgreSQL."""
    copy_database(home, database_url)
    return settings.model_copy(update={"database": database_url})


async def test_its_rows_are_told_by_kind_subject_and_place(stored: Settings) -> None:
    async with Workspace.open(stored) as workspace:
        runs = {row.id: row for row in await workspace.runs.list()}
        assert {name: (row.state, row.kind, row.subject) for name, row in runs.items()} == {
            FINISHED: ("succeeded", "detect", "padim"),
            STOPPED: ("stopped", "detect", "autoencoder"),
        }
        assert all(workspace.runs.place.has(row) for row in runs.values())
        assert {(row.executor, row.host) for row in runs.values()} == {("local", workspace.runs.place.host)}
        assert [read_job(row.spec).subject for row in runs.values()] == [row.subject for row in runs.values()]
        plans = await workspace.proposals.of(CONVERSATION)
        assert [(row.state, row.kind, row.subject) for row in plans] == [
            ("approved", "detect", "padim"),
            ("approved", "detect", "autoencoder"),
            ("open", "detect", "padim"),
        ]


async def test_its_conversation_is_told_item_by_item(stored: Settings) -> None:
    async with Workspace.open(stored) as workspace:
        assert [heading.id for heading in await workspace.conversations.list()] == [CONVERSATION]
        items = await (await workspace.conversations.get(CONVERSATION)).items()
        assert [item.run for _, _, item in items if isinstance(item, RunItem)] == [FINISHED, STOPPED]
        assert [item.kind for _, _, item in items].count("user") == 3
        facts = {item.dataset_facts.fingerprint for _, _, item in items if isinstance(item, ProposalItem)}
        assert facts == {"36d6de424ebbe91d"}


async def test_its_results_are_told_as_they_were_measured(settings: Settings, home: Path) -> None:
    evaluation = RunFolder(settings.runs_folder / FINISHED).evaluation
    written = evaluation.read(DetectResults)
    async with Workspace.open(settings) as workspace:
        row = await workspace.runs.get(FINISHED)
        told = kind_of(row.kind).results(row, workspace.runs.folder_of(row))
    assert [image["score"] for image in told["images"]] == [row.score for row in written.rows]
    assert told["metrics"]["metrics"]["image_auroc"] == row.metrics["image_auroc"] == 1.0


async def test_its_open_plan_is_changed_and_approved(settings: Settings, home: Path) -> None:
    async with Workspace.open(settings) as workspace:
        conversation = await workspace.conversations.get(CONVERSATION)
        plan = await plan_of(conversation)
        await conversation.receive(
            Edit(proposal=plan.proposal, revision=plan.revision, changes={"num_features": 9}), "en"
        )
        changed = await plan_of(conversation)
        await conversation.receive(Approve(proposal=plan.proposal, revision=changed.revision), "en")
        await conversation.finish()
        run = await workspace.runs.get("r3")
        job = RunFolder(workspace.runs.folder(run.id)).read_job()
    assert (changed.revision, run.state, run.dataset) == (plan.revision + 1, "queued", plan.dataset)
    assert job == read_job(run.spec)
    assert (job.subject, job.seed, job.model.model_dump()["num_features"]) == ("padim", 1, 9)


@pytest.mark.skipif(version("torch") != TORCH, reason=f"the checkpoint was made with torch {TORCH}")
async def test_its_stopped_run_is_continued_from_its_checkpoint(settings: Settings, home: Path) -> None:
    async with Workspace.open(settings) as workspace:
        row = await workspace.continue_run(STOPPED)
        assert epochs_kept(workspace.runs.folder(row.id)) == AFTER_EPOCH
        ended = await workspace.supervisor.run_one(row.id)
        events = read_events(workspace.runs.folder(row.id))
    assert (ended.state, ended.reason) == ("succeeded", None)
    started = next(event for event in events if isinstance(event, Started))
    assert (started.continues, started.after_epoch) == (STOPPED, AFTER_EPOCH)
    warned = [event.code for event in events if isinstance(event, Warned)]
    assert ("resumed" in warned, "checkpoint_damaged" in warned) == (True, False)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == list(range(1, EPOCHS + 1))
    assert isinstance(events[-1], Finished)
