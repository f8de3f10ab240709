"""A version is promoted on what its model, loaded again, says of real images: by its gate, beside the champion, with what gives pause."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assistant import runner
from assistant.cli.training import train_here
from assistant.models.acts import NotPromoted
from assistant.models.gate import Gate
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from tests.tiny_panels import tiny_panels

pytestmark = pytest.mark.anyio
WHO = "mina, page"
PATCHCORE, PADIM = "r1", "r2"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two finished trainings on one data set, which is registered."""
    folder = tmp_path_factory.mktemp("trained")
    settings = Settings(home=folder / "home", hub="off")
    data = tiny_panels(folder)

    async def register() -> None:
        async with Workspace.open(settings) as workspace:
            await workspace.datasets.add("panels", data)

    asyncio.run(register())
    chosen = {"image_size": 64, "weights": "random", "backbone": "mobilenetv2_050", "seed": 3}
    told = runner.run("panels", model="patchcore", name="by python", settings=settings, **chosen)
    assert (told["run_id"], told["status"]) == (PATCHCORE, "succeeded")
    assert told["model"] == {"name": "by python", "version": 1, "alias": "candidate"}
    assert told["metrics"]["image_auroc"] is not None
    changes = [f"{name}={value}" for name, value in chosen.items()]
    options = {"kind": "detect", "model": "padim", "confirmed": lambda: True, "as_json": True}
    assert asyncio.run(train_here(settings, "panels", changes, register="by command", **options)) == 0
    return settings.home


@pytest.fixture
async def workspace(trained: Path, tmp_path: Path) -> "Iterator[Workspace]":
    """That home, with models of its own."""
    home = tmp_path / "home"
    shutil.copytree(trained, home)
    async with Workspace.open(Settings(home=home, hub="off")) as opened:
        yield opened


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def codes(refused: NotPromoted) -> list[str]:
    return [check.code for check in refused.assessment.checks if check.outcome in ("warns", "refuses")]


async def test_a_training_from_python_and_one_from_the_command_line_are_registered_where_a_name_is_given(
    workspace: Workspace,
) -> None:
    models = {
        model.row.name: [each.row.run for each in model.versions] for model in await workspace.models.registry.list()
    }
    assert models == {"by python": [PATCHCORE], "by command": [PADIM]}


async def test_a_version_that_gives_its_scores_again_is_promoted_and_what_that_rests_on_is_kept(
    workspace: Workspace,
) -> None:
    await workspace.models.register("panels", PATCHCORE, who=WHO)
    promotion = await workspace.models.promote("panels", who=WHO)
    reload = promotion.assessment.checks[0]
    assert (reload.code, reload.values["images"], reload.values["largest"]) == ("reloaded", 8, 0.0)
    assert promotion.model.aliases.champion == 1
    acts, false = await workspace.models.registry.history("panels")
    assert false is None and acts[-1].told["checks"][0]["code"] == "reloaded"


async def test_a_model_that_scores_otherwise_or_cannot_be_loaded_is_refused_and_that_is_written_down(
    workspace: Workspace,
) -> None:
    await workspace.models.register("panels", PATCHCORE, who=WHO)
    model = RunFolder(workspace.runs.folder(PATCHCORE)).model
    other = RunFolder(workspace.runs.folder(PADIM)).model
    with changed(model.state, other.state.read_bytes()), pytest.raises(NotPromoted) as refused:
        await workspace.models.promote("panels", who=WHO, why="it is urgent")
    assert codes(refused.value) == ["not_loaded"]
    scores = RunFolder(workspace.runs.folder(PATCHCORE)).evaluation
    rows = scores.scores.read_text().replace("test/good/000.png,good,,", "test/good/000.png,good,,1")
    scores.scores.write_text(rows)  # a figure that the model does not give
    scores.seal()
    with pytest.raises(NotPromoted) as refused:
        await workspace.models.promote("panels", who=WHO, why="it is urgent")
    assert codes(refused.value) == ["scores_differ"]
    assert (await workspace.models.registry.get("panels")).aliases.champion is None
    assert [act.act for act in (await workspace.models.registry.history("panels"))[0]][-2:] == ["refused", "refused"]


async def test_a_gate_that_is_not_kept_refuses_and_one_that_too_few_images_show_asks_for_a_reason(
    workspace: Workspace,
) -> None:
    await workspace.models.register("panels", PATCHCORE, who=WHO)
    await workspace.models.set_gate("panels", Gate(max_escape=0.5, max_escape_of={"scratch": 0.1}), who=WHO)
    with pytest.raises(NotPromoted, match="escapes of scratch not measured") as refused:
        await workspace.models.promote("panels", who=WHO, why="never mind")
    assert codes(refused.value) == ["gate_failed"]
    await workspace.models.set_gate("panels", Gate(max_escape=0.5, data="panels"), who=WHO)
    with pytest.raises(NotPromoted, match="6 images") as refused:
        await workspace.models.promote("panels", who=WHO)
    assert (refused.value.code, codes(refused.value)) == ("needs_reason", ["gate_unshown"])
    promotion = await workspace.models.promote("panels", who=WHO, why="four images are all we have")
    assert promotion.model.aliases.champion == 1
    last = (await workspace.models.registry.history("panels"))[0][-1]
    assert (last.act, last.why) == ("promoted", "four images are all we have")


async def test_a_gate_on_other_data_is_measured_there(workspace: Workspace, tmp_path: Path) -> None:
    others = tiny_panels(tmp_path)
    for number in range(2, 4):  # half of its defects look good
        shutil.copy(others / "test" / "good" / "000.png", others / "test" / "spot" / f"{number:03}.png")
    await workspace.datasets.add("line 2", others)
    await workspace.models.register("panels", PATCHCORE, who=WHO)
    await workspace.models.set_gate("panels", Gate(max_escape=0.1, data="line 2"), who=WHO)
    with pytest.raises(NotPromoted, match="escapes of spot 2 of 4") as refused:
        await workspace.models.promote("panels", who=WHO)
    measured = refused.value.assessment.measured
    assert measured is not None and (measured.data, measured.escapes) == ("line 2", {"spot": (2, 4)})


async def test_images_that_were_changed_since_give_pause(workspace: Workspace) -> None:
    await workspace.models.register("panels", PATCHCORE, who=WHO)
    path = Path((await workspace.datasets.get("panels")).path) / "test" / "good" / "000.png"
    with changed(path, (path.parent / "001.png").read_bytes()), pytest.raises(NotPromoted) as refused:
        await workspace.models.promote("panels", who=WHO)
    assert (refused.value.code, codes(refused.value)) == ("needs_reason", ["not_reloaded"])


async def test_a_version_that_misses_more_than_the_champion_gives_pause(workspace: Workspace) -> None:
    await workspace.models.register("panels", PATCHCORE, who=WHO)
    await workspace.models.promote("panels", who=WHO)
    await workspace.runs.write(PADIM, threshold=None)
    row = await workspace.runs.get(PADIM)
    from assistant.runs.thresholds import read_asked, set_threshold

    await set_threshold(workspace.runs, row, read_asked({"value": 1e9}), who="page")
    await workspace.models.register("panels", PADIM, who=WHO)
    with pytest.raises(NotPromoted, match="4 of 4 missed") as refused:
        await workspace.models.promote("panels", who=WHO)
    worse = next(check for check in refused.value.assessment.checks if check.about == "champion")
    assert (worse.code, worse.values["champion"], worse.values["missed"]) == ("worse", 1, (4, 4))


async def test_what_is_decided_on_an_older_state_of_the_model_is_not_done(workspace: Workspace) -> None:
    await workspace.models.register("panels", PATCHCORE, who=WHO)
    seen = (await workspace.models.registry.get("panels")).row.revision
    await workspace.models.set_gate("panels", Gate(max_overkill=0.5), who=WHO)
    with pytest.raises(Exception, match="changed meanwhile"):
        await workspace.models.promote("panels", who=WHO, seen=seen, why="I saw no gate")
