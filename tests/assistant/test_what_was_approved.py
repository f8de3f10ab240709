"""What a person said yes to goes with the run, all the way to the engine, whatever happens on the disk meanwhile."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from assistant.datasets import folder_stamp
from assistant.plans import launch, plan_training
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.spec import TrainSpec, make_spec

pytestmark = pytest.mark.anyio

QUICK = {"image_size": 64, "backbone": "mobilenetv2_100", "weights": "random", "num_features": 8, "device": "cpu"}


async def queued(workspace: Workspace, panels: Path) -> RunRow:
    """A run of the registered panels that waits, as a person's yes to a plan makes it."""
    await workspace.datasets.add("panels", panels)
    desk = (await workspace.conversations.create("en")).desk("en")
    plan = await plan_training(desk, dataset="panels", model="padim", chosen=dict(QUICK))
    row, _ = await workspace.proposals.add(plan, conversation=None)
    return await launch(desk, await workspace.proposals.approve(row.id, 1))


def exchange(panels: Path) -> None:
    (panels / "train/good/003.png").write_bytes((panels / "test/spot/000.png").read_bytes())


async def test_a_run_whose_pictures_changed_while_it_waited_fails_in_words(workspace: Workspace, panels: Path) -> None:
    run = await queued(workspace, panels)
    exchange(panels)
    ended = await workspace.supervisor.run_one(run.id)
    assert (ended.state, ended.metrics) == ("failed", None)
    assert "not those of the plan that was approved" in (ended.reason or "")
    assert not (workspace.runs.folder(run.id) / "model").exists()


async def test_a_run_whose_spec_was_edited_while_it_waited_fails_in_words(workspace: Workspace, panels: Path) -> None:
    run = await queued(workspace, panels)
    path = workspace.runs.folder(run.id) / "spec.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": 5}))
    ended = await workspace.supervisor.run_one(run.id)
    assert ended.state == "failed"
    assert "not those that were approved" in (ended.reason or "")


async def test_pictures_that_change_between_the_yes_and_the_run_are_not_taken_for_approved(
    workspace: Workspace, panels: Path
) -> None:
    await workspace.datasets.add("panels", panels)
    desk = (await workspace.conversations.create("en")).desk("en")
    plan = await plan_training(desk, dataset="panels", model="padim", chosen=dict(QUICK))
    row, _ = await workspace.proposals.add(plan, conversation=None)
    exchange(panels)
    run = await launch(desk, await workspace.proposals.approve(row.id, 1))
    assert (await workspace.datasets.facts("panels"))["fingerprint"] != plan.facts["fingerprint"]
    assert run.fingerprint == plan.facts["fingerprint"]


async def test_the_queue_keeps_what_was_approved_and_hands_it_to_the_engine(workspace: Workspace) -> None:
    run = await workspace.runs.add(make_spec("oled", "padim", {"seed": 3}), data_path="/d", fingerprint="f00d")
    assert (await workspace.runs.get(run.id)).fingerprint == "f00d"
    assert TrainSpec.model_validate(run.spec).seed == 3


def test_the_stamp_of_a_folder_notices_pictures_exchanged_for_others_of_the_same_size_and_date(tmp_path: Path) -> None:
    for number in range(2):  # as an archive may bring them
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.bmp")
        os.utime(tmp_path / f"{number}.bmp", (1, 1))
    before = folder_stamp(tmp_path)
    (tmp_path / "0.bmp").rename(tmp_path / "aside")
    (tmp_path / "1.bmp").rename(tmp_path / "0.bmp")
    (tmp_path / "aside").rename(tmp_path / "1.bmp")
    assert folder_stamp(tmp_path) != before


def test_the_stamp_of_a_folder_notices_other_labels(panels: Path) -> None:
    before = folder_stamp(panels)
    (panels / "split.csv").write_text("name,panel\ntrain/good/000.png,P1\n")
    assert folder_stamp(panels) != before
