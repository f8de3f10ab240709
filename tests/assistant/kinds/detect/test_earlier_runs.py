"""Trainings that build on earlier ones: ensembles of finished runs, and a backbone that a run adapted."""

from typing import Any

import pytest

from assistant.kinds.detect.earlier_runs import build_on, dataset_of_backbone
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from engine.contract.jobs import SpecError, make_job
from engine.contract.results.detect import Policy
from tests.data_facts import facts
from tests.stored_runs import card, write_model

pytestmark = pytest.mark.anyio


OLED = facts(fingerprint="f0")


async def trained(
    workspace: Workspace,
    model: str,
    *,
    dataset: str = "oled",
    state: str = "succeeded",
    policy: Policy = "split_conformal",
    fingerprint: str = "f0",
    **settings: Any,
) -> RunRow:
    """A run of this model in its final state, with what its saved model says of itself."""
    job = make_job("detect", dataset, model, settings)
    row = await workspace.runs.add(job, data_path="/data")
    await workspace.runs.claim_one(row.id)
    write_model(workspace.runs.folder(row.id), card(job, fingerprint=fingerprint, policy=policy))
    ended = await workspace.runs.end(row.id, state, metrics={"image_auroc": 0.9})
    assert ended is not None
    return ended


async def members(workspace: Workspace, chosen: dict[str, Any], **wishes: Any) -> list[str]:
    built = await build_on(workspace.runs, facts=OLED, model="ensemble", chosen=chosen, wishes=wishes)
    return list(built.chosen["members"])


async def refusal(workspace: Workspace, model: str, chosen: dict[str, Any], **wishes: Any) -> str:
    with pytest.raises(SpecError) as refused:
        await build_on(workspace.runs, facts=OLED, model=model, chosen=chosen, wishes=wishes)
    return refused.value.problems[0].kind


async def test_members_are_the_newest_finished_runs_of_different_models_on_this_data(workspace: Workspace) -> None:
    await trained(workspace, "stfpm")
    await trained(workspace, "patchcore")
    await trained(workspace, "padim", dataset="tile")
    await trained(workspace, "padim", seed=7)
    await trained(workspace, "padim", state="failed")
    await trained(workspace, "fastflow")
    await trained(workspace, "patchcore")
    assert await members(workspace, {}) == ["r7", "r6", "r1"]
    assert await members(workspace, {}, last_runs=2) == ["r7", "r6"]


async def test_named_members_are_taken_in_their_order(workspace: Workspace) -> None:
    for model in ("padim", "patchcore", "stfpm"):
        await trained(workspace, model)
    assert await members(workspace, {"members": ["r3", "1"]}) == ["r3", "r1"]
    assert await members(workspace, {"members": "r2, r1"}) == ["r2", "r1"]


async def test_an_ensemble_is_planned_like_its_members(workspace: Workspace) -> None:
    await trained(workspace, "padim", image_size=320, seed=3, calibration_share=0.3)
    await trained(workspace, "patchcore", image_size=256, seed=3, calibration_share=0.3)
    built = await build_on(workspace.runs, facts=OLED, model="ensemble", chosen={}, wishes={})
    given = {name: each.value for name, each in built.given.items()}
    assert given == {"image_size": 320, "seed": 3, "calibration_share": 0.3}


async def test_an_ensemble_that_cannot_be_is_refused_in_words(workspace: Workspace) -> None:
    await trained(workspace, "padim")
    assert await refusal(workspace, "ensemble", {}) == "few_members"
    await trained(workspace, "patchcore", seed=5)
    await trained(workspace, "stfpm", dataset="tile", fingerprint="f1")
    await trained(workspace, "stfpm", state="stopped")
    await trained(workspace, "ensemble", members=["r1", "r2"])
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r2"]}) == "members_differ"
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r3"]}) == "other_dataset"
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r4"]}) == "unfinished_run"
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r5"]}) == "member_is_ensemble"
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r9"]}) == "unknown_run"
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r1"]}) == "few_members"


async def test_a_training_of_another_kind_is_no_member(workspace: Workspace) -> None:
    await trained(workspace, "padim")
    job = make_job("classify", "oled", "mobilenet", {})
    row = await workspace.runs.add(job, data_path="/data")
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics={"accuracy": 0.9})
    await trained(workspace, "patchcore")
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r2"]}) == "no_detection"
    assert await members(workspace, {}, last_runs=2) == ["r3", "r1"]


async def test_what_the_engine_would_not_put_together_is_refused_before_there_is_a_plan(workspace: Workspace) -> None:
    await trained(workspace, "padim", policy="leave_one_out")
    await trained(workspace, "supersimplenet", labelled_share=0.3)
    await trained(workspace, "stfpm", fingerprint="before")
    await trained(workspace, "patchcore", image_size=320)
    RunFolder(workspace.runs.folder((await trained(workspace, "dfm")).id)).model.card.unlink()
    kinds = ["left_one_out", "learnt_defects", "data_changed", "no_saved_model"]
    for run, kind in zip(("r1", "r2", "r3", "r5"), kinds, strict=True):
        assert await refusal(workspace, "ensemble", {"members": ["r4", run]}) == kind
    assert await refusal(workspace, "ensemble", {}, last_runs=2) == "no_saved_model"
    assert await refusal(workspace, "ensemble", {}) in kinds  # not "train another first": there are enough
    await trained(workspace, "stfpm")
    assert await members(workspace, {}) == ["r6", "r4"]
    assert await refusal(workspace, "ensemble", {"image_size": 256}) == "too_small"
    assert await members(workspace, {"image_size": 512}) == ["r6", "r4"]


async def test_a_backbone_is_taken_from_the_run_that_adapted_it(workspace: Workspace) -> None:
    assert await refusal(workspace, "patchcore", {"backbone_run": "latest"}) == "no_backbone_yet"
    for dataset in ("oled", "tile"):
        row = await trained(workspace, "cutpaste", dataset=dataset, backbone="resnet34")
        RunFolder(workspace.runs.folder(row.id)).model.backbone.touch()
    await trained(workspace, "padim")
    for asked, run in (("latest", "r1"), ("r2", "r2")):
        built = await build_on(workspace.runs, facts=OLED, model="patchcore", chosen={"backbone_run": asked}, wishes={})
        assert built.chosen["backbone_run"] == run
        assert built.given["backbone"].value == "resnet34"
    same = {"backbone_run": "r2", "backbone": "resnet34.a1_in1k"}
    assert (await build_on(workspace.runs, facts=OLED, model="patchcore", chosen=same, wishes={})).chosen == same
    assert await refusal(workspace, "patchcore", {"backbone_run": "r3"}) == "no_backbone"
    assert await refusal(workspace, "patchcore", {"backbone_run": "r2", "backbone": "resnet18"}) == "other"


async def test_a_training_on_an_adapted_backbone_takes_the_data_of_that_run(workspace: Workspace) -> None:
    row = await trained(workspace, "cutpaste", dataset="tile")
    RunFolder(workspace.runs.folder(row.id)).model.backbone.touch()
    assert await dataset_of_backbone(workspace.runs, "latest") == "tile"
    assert await dataset_of_backbone(workspace.runs, row.id) == "tile"


async def test_where_no_backbone_was_adapted_that_is_said(workspace: Workspace) -> None:
    await trained(workspace, "cutpaste", state="failed")
    with pytest.raises(SpecError, match="train CutPaste first"):
        await dataset_of_backbone(workspace.runs, "latest")


@pytest.mark.parametrize(
    "content",
    ["[]", "1", "null", "[" * 100_000, '{"data": null}', '{"data": {"fingerprint": 1}}', '{"thresholds": [1]}'],
    ids=["list", "number", "null", "deep", "no data", "no fingerprint", "no thresholds"],
)
async def test_a_member_whose_saved_model_says_nothing_of_itself_is_refused_in_words(
    workspace: Workspace, content: str
) -> None:
    for model in ("padim", "patchcore"):
        row = await trained(workspace, model)
    RunFolder(workspace.runs.folder(row.id)).model.card.write_text(content)
    RunFolder(workspace.runs.folder(row.id)).model.seal()
    assert await refusal(workspace, "ensemble", {"members": ["r1", "r2"]}) == "no_saved_model"
