"""What a person said yes to goes with the run, all the way to the engine, whatever happens on the disk meanwhile."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from assistant.machine.process_mark import ProcessMark
from assistant.plans.launching import launch
from assistant.plans.plan import Plan, plan
from assistant.runs.executors.local import LocalExecutor
from assistant.runs.files import open_files
from assistant.runs.leases import Leases
from assistant.runs.supervisor import Supervisor
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from engine.contract.jobs import digest_of, make_job

pytestmark = pytest.mark.anyio

QUICK = {"image_size": 64, "backbone": "mobilenetv2_100", "weights": "random", "num_features": 8, "device": "cpu"}


async def queued(workspace: Workspace, panels: Path) -> RunRow:
    """A run of the registered panels that waits, as a person's yes to a plan makes it."""
    await workspace.datasets.add("panels", panels)
    row, _ = await workspace.proposals.add(await planned(workspace), conversation=None)
    approved = await workspace.proposals.approve(row.id, 1)
    return await launch(workspace.datasets, workspace.proposals, workspace.runs, workspace.groups, approved)


async def planned(workspace: Workspace) -> Plan:
    parts = workspace.settings, workspace.datasets, workspace.runs
    return await plan(*parts, dataset="panels", model="padim", chosen=QUICK)


def exchange(panels: Path) -> None:
    (panels / "train/good/003.png").write_bytes((panels / "test/spot/000.png").read_bytes())


async def test_a_run_whose_pictures_changed_while_it_waited_fails_in_words(workspace: Workspace, panels: Path) -> None:
    run = await queued(workspace, panels)
    exchange(panels)
    ended = await workspace.supervisor.run_one(run.id)
    assert (ended.state, ended.metrics) == ("failed", None)
    assert "not those of the plan that was approved" in (ended.reason or "")
    assert not RunFolder(workspace.runs.folder(run.id)).model.path.exists()


async def test_a_run_whose_spec_was_edited_while_it_waited_fails_in_words(workspace: Workspace, panels: Path) -> None:
    run = await queued(workspace, panels)
    path = RunFolder(workspace.runs.folder(run.id)).spec
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": 5}))
    ended = await workspace.supervisor.run_one(run.id)
    assert ended.state == "failed"
    assert "not those that were approved" in (ended.reason or "")


async def test_pictures_that_change_between_the_yes_and_the_run_are_not_taken_for_approved(
    workspace: Workspace, panels: Path
) -> None:
    await workspace.datasets.add("panels", panels)
    made = await planned(workspace)
    row, _ = await workspace.proposals.add(made, conversation=None)
    exchange(panels)
    approved = await workspace.proposals.approve(row.id, 1)
    run = await launch(workspace.datasets, workspace.proposals, workspace.runs, workspace.groups, approved)
    assert (await workspace.datasets.facts("panels")).fingerprint != made.facts.fingerprint
    assert run.fingerprint == made.facts.fingerprint


class ArgumentsExecutor(LocalExecutor):
    """Starts a process that does nothing, and notes what the engine would have been told."""

    arguments: Sequence[str] = ()

    def command(self, run: Path, arguments: list[str]) -> list[str]:
        self.arguments = arguments
        return [sys.executable, "-c", ""]


async def test_the_queue_keeps_what_was_approved_and_hands_it_to_the_engine(workspace: Workspace) -> None:
    spec, files = make_job("detect", "oled", "padim", {"seed": 3}), open_files(workspace.settings)
    executor = ArgumentsExecutor(workspace.settings, files)
    run = await workspace.runs.add(spec, data_path="/d", fingerprint="f00d")
    mark = ProcessMark(workspace.settings.home, workspace.runs.place.home)
    leases, settings = Leases(workspace.database, mark), workspace.settings
    supervisor = Supervisor(
        workspace.runs, workspace.attempts, leases, lambda name: executor, settings, ended=lambda row: None
    )
    await supervisor.run_one(run.id)
    mark.give_up()
    approved = ["--approved-spec", digest_of(spec), "--approved-data", "f00d"]
    assert executor.arguments == ["--data", "/d", "--runs", str(files.views), *approved]
