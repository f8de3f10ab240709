"""A registered model is extended by the good images of another data set: what it has learnt and what it has forgotten is looked at before it is
promoted, and one step takes it back. The chat plans it, and judges images by a model."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from assistant import runner
from assistant.cli.training import adapt_here, extend_here
from assistant.models.adapting import NothingNew
from assistant.models.assessing import Measured, worse_in
from assistant.models.gate import Gate
from assistant.models.registry import Version
from assistant.models.serving.pool import Picture
from assistant.plans.launching import launch_unstored
from assistant.plans.plan import plan, plan_on
from assistant.runs.deleting import RunKept, delete
from assistant.runs.learnt_pictures import picture_learnt_from
from assistant.runs.queue import Becomes
from assistant.settings import Settings
from assistant.telling.runs import sentences_of_run
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from engine.contract.jobs import SpecError
from engine.contract.results.detect import DetectCard
from prompts.languages import Language
from tests.talk import answers, plan_of, say
from tests.tiny_panels import tiny_panels

pytestmark = pytest.mark.anyio
WHO = "mina, page"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the data sets panels and bright (the same in more light), a model of the first, and its extension by the second."""
    folder = tmp_path_factory.mktemp("extended")
    settings = Settings(home=folder / "home", hub="off")
    panels, bright = tiny_panels(folder), folder / "bright"
    shutil.copytree(panels, bright)
    for path in bright.glob("t*/*/*.png"):
        with Image.open(path) as image:
            image.point(lambda value: min(255, value + 60)).save(path)

    async def begin() -> None:
        async with Workspace.open(settings) as workspace:
            await workspace.datasets.add("panels", panels)
            await workspace.datasets.add("bright", bright)

    async def promote() -> None:
        async with Workspace.open(settings) as workspace:
            await workspace.models.promote("line", who=WHO)

    asyncio.run(begin())
    chosen = {"image_size": 64, "weights": "random", "backbone": "mobilenetv2_050", "seed": 3, "layers": [1, 2]}
    assert runner.run("panels", model="patchcore", name="line", settings=settings, **chosen)["status"] == "succeeded"
    asyncio.run(promote())
    extended = extend_here(settings, "line", "bright", [], confirmed=lambda: True, as_json=True, register=None)
    assert asyncio.run(extended) == 0
    return settings.home


@pytest.fixture
async def workspace(trained: Path, tmp_path: Path) -> AsyncIterator[Workspace]:
    home = tmp_path / "home"
    shutil.copytree(trained, home)
    async with Workspace.open(Settings(home=home, hub="off")) as opened:
        yield opened


async def test_an_extension_is_the_next_candidate_and_says_what_it_extends(workspace: Workspace) -> None:
    newest, first = (await workspace.models.registry.get("line")).versions
    assert (newest.alias, first.alias, newest.row.run) == ("candidate", "champion", "r2")
    assert (newest.facts.built_on, newest.facts.earlier_data, newest.facts.dataset) == (["r1"], ["panels"], "bright")
    with pytest.raises(RunKept, match="r2"):
        await delete(workspace.runs, await workspace.runs.get("r1"))


async def test_what_it_learnt_and_what_it_still_knows_is_looked_at_before_its_promotion(workspace: Workspace) -> None:
    assessment = await workspace.models.assess("line", None)
    checks = {check.about: check for check in assessment.checks}
    learnt, known = checks["champion"], checks["forgetting"]
    assert (learnt.code, learnt.values["data"]) == ("not_worse", "bright")
    assert learnt.values["overkill_before"] == (4, 4) and learnt.values["overkill"] == (0, 4)
    assert (known.code, known.values["data"]) == ("keeps", "panels")
    assert known.values["overkill"] == (0, 4) and known.values["missed"] == known.values["missed_before"] == (0, 4)


async def test_it_is_looked_at_also_where_the_gate_names_other_data(workspace: Workspace) -> None:
    await workspace.models.set_gate("line", Gate(max_overkill=0.5, data="bright"), who=WHO)
    await workspace.models.promote("line", 2, who=WHO, why="the new lamp")
    checks = {check.about: check for check in (await workspace.models.assess("line", 1)).checks}
    assert checks["gate"].code == "gate_failed" and checks["champion"].values["data"] == "bright"
    assert (checks["forgetting"].code, checks["forgetting"].values["data"]) == ("forgets", "bright")


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "that of the training whose memory is extended"), ("ko", "이전 학습의"), ("zh", "沿用")],
)
async def test_a_threshold_that_is_kept_is_told_as_such(workspace: Workspace, language: Language, said: str) -> None:
    row = await workspace.runs.get("r2")
    told = {each.id: each.text for each in sentences_of_run(row, workspace.runs.folder_of(row), language)}
    threshold = next(text for id_, text in told.items() if id_.endswith("threshold"))
    assert said in threshold and "set from" not in threshold
    assert not any(id_.endswith("promise_short") for id_ in told)


async def test_the_pictures_of_the_run_before_are_found_in_its_data_set(workspace: Workspace) -> None:
    card = RunFolder(workspace.runs.folder("r2")).model.read_card(DetectCard)
    row, old, new = await workspace.runs.get("r2"), card.normals[0], card.normals[-1]
    assert old.startswith("r1:")
    assert (at := await picture_learnt_from(workspace.runs, row, old)) and "panels" in at.parts
    assert (at := await picture_learnt_from(workspace.runs, row, new)) and "bright" in at.parts
    assert await picture_learnt_from(workspace.runs, row, "r1:nowhere.png") is None


async def test_a_memory_whose_files_are_damaged_is_not_extended(workspace: Workspace) -> None:
    RunFolder(workspace.runs.folder("r1")).model.state.write_bytes(b"nothing")
    parts = workspace.settings, workspace.datasets, workspace.runs
    with pytest.raises(SpecError, match="damaged"):
        await plan(*parts, dataset="bright", model="patchcore", chosen={"learns_on": "r1"})


async def test_a_name_that_no_model_can_have_is_refused_before_the_training(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    extended = await extend_here(
        workspace.settings, "line", "bright", [], confirmed=lambda: True, as_json=False, register="a/../b"
    )
    assert extended == 2 and "cannot be a model's name" in capsys.readouterr().err
    assert len(await workspace.runs.list()) == 2


async def test_one_step_takes_it_back(workspace: Workspace) -> None:
    promoted = await workspace.models.promote("line", who=WHO, why="the new lamp")
    assert promoted.model.aliases.champion == 2
    assert (await workspace.models.roll_back("line", who=WHO)).aliases.champion == 1


async def test_a_model_that_forgot_gives_pause(workspace: Workspace) -> None:
    await workspace.models.promote("line", who=WHO, why="the new lamp")
    assessment = await workspace.models.assess("line", 1)  # which never saw bright ones
    forgotten = next(check for check in assessment.checks if check.about == "forgetting")
    assert (forgotten.outcome, forgotten.code, forgotten.values["worse"]) == ("warns", "forgets", ["overkill"])


def test_a_defect_type_that_escapes_more_often_is_worse_whatever_the_others_make_up_for() -> None:
    before = Measured("panels", "f", {"scratch": (0, 2), "spot": (4, 8)}, (0, 9))
    after = Measured("panels", "f", {"scratch": (1, 2), "spot": (0, 8)}, (0, 9))
    assert (worse_in(after, before), worse_in(before, before)) == (["missed"], [])


async def test_a_step_of_adaptive_mode_learns_what_was_judged_good_without_doubt(
    workspace: Workspace, tmp_path: Path
) -> None:
    settings, folder = workspace.settings, tmp_path / "line"
    with pytest.raises(NothingNew, match="version 2 of line"):  # which extended the champion by bright
        await workspace.models.make_line_data("line")
    await workspace.models.registry.delete("line", 2, who=WHO)
    with pytest.raises(NothingNew, match="it takes 20"):
        await workspace.models.make_line_data("line")
    folder.mkdir()
    for number in range(80):
        image = Image.new("RGB", (64, 64), (90 + number % 5, 90, 90) if number < 78 else (250, 20, 20))
        image.putpixel((number % 64, number // 64), (91, 91, 91))  # no two alike
        image.save(folder / f"{number:02}.png")
    pictures = [Picture(path.name, path=path) for path in sorted(folder.iterdir())]
    earlier = (await workspace.predictions.predict("line", pictures[:1], who="line")).pictures
    told = (await workspace.predictions.predict("line", pictures, who="line")).pictures
    sure = [each for each in told if each["verdict"] == "good" and each["p_value"] >= 0.5]
    assert len(sure) > 20 and [each["verdict"] for each in told[-2:]] == ["defective", "defective"]
    assert sure[0]["sha256"] == earlier[0]["sha256"]
    # of the picture, whichever time it was judged
    await workspace.models.feedback(earlier[0]["id"], "defective", who="mina")
    (folder / pictures[1].name).write_bytes(pictures[-1].path.read_bytes())  # another one lies there by now
    assert await adapt_here(settings, "line", promote=True, confirmed=lambda: True, as_json=True) == 0
    newest = (await workspace.models.registry.get("line")).versions[0]
    facts = await workspace.datasets.facts("line-line-1")
    assert (facts.train_good, facts.test_good, facts.test_defective) == (
        len({each["name"] for each in sure} - {"00.png", "01.png"}),
        4,
        4,
    )
    assert newest.facts.built_on == ["r1"]
    learnt = [*Path((await workspace.datasets.get("line-line-1")).path).glob("train/good/*.png")]
    assert {each.stat().st_nlink for each in learnt} == {
        1
    }  # what is written into the line's own files changes nothing here


@pytest.mark.parametrize(
    ("model", "dataset", "chosen", "kind"),
    [
        ("padim", "bright", {"learns_on": "r1"}, "other_model"),
        ("patchcore", "panels", {"learns_on": "r1"}, "same_data"),
        ("patchcore", "bright", {"learns_on": "r1", "image_size": 96}, "other_setting"),
        ("patchcore", "bright", {"learns_on": "r9"}, "unknown_run"),
    ],
)
async def test_what_cannot_be_extended_is_refused_before_anybody_is_asked(
    workspace: Workspace, model: str, dataset: str, chosen: dict[str, object], kind: str
) -> None:
    parts = workspace.settings, workspace.datasets, workspace.runs
    with pytest.raises(SpecError) as refused:
        await plan(*parts, dataset=dataset, model=model, chosen=chosen)
    assert refused.value.problems[0].kind == kind


async def test_the_chat_plans_an_extension_with_the_settings_of_the_run(workspace: Workspace) -> None:
    conversation = await workspace.conversations.create("en")
    await say(conversation, "extend r1 with the bright data")
    plan = await plan_of(conversation)
    row = await workspace.proposals.get(plan.proposal)
    assert row is not None and row.dataset == "bright"
    assert ("extends", {"run": "r1"}) in [(notice.code, notice.values) for notice in plan.notices]
    assert (row.spec["model"]["learns_on"], row.spec["image_size"], row.spec["backbone"]) == (
        "r1",
        64,
        "mobilenetv2_050",
    )


async def test_what_the_chat_extends_is_the_next_candidate_of_its_model_when_it_has_ended(workspace: Workspace) -> None:
    await workspace.models.registry.delete("line", 2, who=WHO)
    conversation = await workspace.conversations.create("en")
    await say(conversation, "extend r1 with the bright data")
    async with workspace.working():
        await say(conversation, "yes")
        version = await candidate_of(workspace, "line")
    assert (version.row.run, version.row.who, version.facts.built_on) == ("r3", "chat", ["r1"])


async def test_a_run_whose_command_was_killed_is_registered_by_the_next_server(workspace: Workspace) -> None:
    await workspace.models.registry.delete("line", 2, who=WHO)
    await workspace.runs.write(
        "r2", register_as="line", register_by="mina"
    )  # as it ended, and nobody was there any more
    async with workspace.working():
        version = await candidate_of(workspace, "line")
    assert (version.row.run, version.row.who) == ("r2", "mina")
    assert Becomes.of(await workspace.runs.get("r2")) is None
    await workspace.models.register_ended("r2", Becomes("line", "mina"))  # the command, which was slower
    assert [each.row.run for each in (await workspace.models.registry.get("line")).versions] == ["r2", "r1"]


async def test_an_extension_becomes_what_it_extends_also_where_it_is_continued_and_of_two_models_none(
    workspace: Workspace,
) -> None:
    facts = await workspace.datasets.facts("bright")
    planned = await plan_on(
        workspace.settings, workspace.runs, facts, kind="detect", model="patchcore", chosen={"learns_on": "r1"}
    )
    begun = await launch_unstored(workspace.runs, planned, who="mina")
    assert Becomes.of(begun) == Becomes("line", "mina")
    again = await workspace.runs.add(planned.spec, data_path=facts.path, continues=begun.id)
    assert Becomes.of(again) == Becomes("line", "mina")
    assert Becomes.of(await launch_unstored(workspace.runs, planned, who="mina", name="other")) == Becomes(
        "other", "mina"
    )
    await workspace.models.register("other", "r1", who=WHO)
    assert Becomes.of(await launch_unstored(workspace.runs, planned, who="mina")) is None


async def candidate_of(workspace: Workspace, name: str) -> Version:
    async with asyncio.timeout(120):
        while (version := (await workspace.models.registry.get(name)).with_alias("candidate")) is None:
            await asyncio.sleep(0.1)
    return version


async def test_the_chat_judges_the_images_of_a_data_set_and_of_a_folder(workspace: Workspace, trained: Path) -> None:
    conversation = await workspace.conversations.create("en")
    told = answers(await say(conversation, "judge the images of bright with r2"))
    assert "**r2** judged the 20 images of bright: 16 good, 4 defective" in told
    folder = trained.parent / "panels" / "test" / "spot"
    assert "4 defective" in answers(await say(conversation, f"predict on {folder} with r1"))
    assert "no images to judge" in answers(await say(conversation, "predict on /nowhere/at/all with r1"))
    assert "Which images" in answers(await say(conversation, "judge the images of this folder"))
