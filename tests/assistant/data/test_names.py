"""Names that people type, and data sets that are called otherwise."""

from pathlib import Path

import pytest
from PIL import Image

from assistant.chat.conversation import Conversation
from assistant.data.datasets import DatasetError, valid_name
from assistant.data.names import JOINERS, is_one_visible_line
from assistant.frames import Approve
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from tests.talk import plan_of, say


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(8):
        path = tmp_path / "data" / "good" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 40), number).save(path)
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["panel 3", "라인 3", "手机屏幕", "a.b-c (2)", "Größe", "  trimmed "])
def test_a_plain_name_is_taken(name: str) -> None:
    assert valid_name(name) == name.strip()


@pytest.mark.parametrize(
    "name",
    ["", " ", "a\nb", "a\n", "\na", "a\r", "a\tb", "a\0b", "a\u2028b", "a\u2029", "a\x85", "a\u200bb", "a\u200d", "\ufeffa", "a\u202eb",
     "a\u2066b", "a\u00adb", "\u3164", "a\u3164", "a\u115f", "\uffa0", "a\uffa0", "\u2800", "\u0301", "a\ud800", "a\ue000", "a/b", "😀", "x" * 81, "r2", "R12", " g3 "],
)  # fmt: skip
def test_a_name_of_more_lines_or_with_what_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(DatasetError, match="cannot be a data set's name"):
        valid_name(name)


def test_a_title_may_hold_what_a_name_may_not_but_is_one_line_that_is_seen() -> None:
    assert is_one_visible_line("What's next? 👩‍🔧 → 92 %", allowed=JOINERS)
    for title in (
        "two\nlines",
        "\u200b",
        " ",
        "\u200d",
        "turned \u202e round",
        "\u3164",
        "\u2800",
        "a\u2800\u2800",
        "\uffa0",
    ):
        assert not is_one_visible_line(title, allowed=JOINERS), title


@pytest.mark.anyio
async def test_runs_and_open_plans_follow_a_data_set_that_is_called_otherwise(settings: Settings, data: Path) -> None:
    async with Workspace.open(settings) as workspace:
        await workspace.datasets.add("phone_scren", data)
        run = await workspace.runs.add(make_job("detect", "phone_scren", "patchcore"), data_path=str(data))
        await workspace.rename_dataset("phone_scren", "phone_screen")
        assert await workspace.datasets.names() == ["phone_screen"]
        row = await workspace.runs.get(run.id)
        assert (row.dataset, row.spec["dataset"]) == ("phone_screen", "phone_scren")
        assert [each.id for each in await workspace.runs.list(dataset="phone_screen")] == [run.id]


@pytest.mark.anyio
async def test_a_data_set_is_not_called_what_another_is(settings: Settings, data: Path) -> None:
    async with Workspace.open(settings) as workspace:
        await workspace.datasets.add("a", data)
        await workspace.datasets.add("b", data)
        for name, code in (("B", "name_taken"), ("b", "name_taken"), ("b\n", "bad_name")):
            with pytest.raises(DatasetError) as refused:
                await workspace.rename_dataset("a", name)
            assert refused.value.code == code
        assert (await workspace.rename_dataset("a", "A")).name == "A"


@pytest.mark.anyio
async def test_an_open_plan_is_for_the_data_set_however_it_is_called(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await workspace.rename_dataset("oled", "line 3")
    plan = await plan_of(conversation)
    assert (plan.dataset, plan.state) == ("line 3", "open")
    await conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
    await conversation.finish()
    (run,) = await workspace.runs.list()
    assert (run.dataset, run.spec["dataset"], run.state) == ("line 3", "line 3", "queued")
