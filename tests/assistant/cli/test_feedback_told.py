"""`murascope feedback`: what people said, and the data set that is made of it."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from assistant.cli import app
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.assistant.models.test_feedback_data import photograph, reviewed, trained
from tests.tiny_panels import tiny_panels


@pytest.fixture
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """r1 of the home let a defect pass, as a person said."""
    monkeypatch.setenv("MURASCOPE_HOME", str(settings.home))

    async def prepare() -> None:
        async with Workspace.open(settings) as workspace:
            await trained(workspace, tiny_panels(tmp_path))
            await reviewed(workspace, photograph(1), "good")
            await reviewed(workspace, photograph(2), "defective", region=[0, 0, 9, 9])

    asyncio.run(prepare())
    return settings.home


def feedback(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["feedback", "r1", *arguments])


def test_what_people_said_is_told_with_a_threshold_that_agrees(home: Path) -> None:
    lines = dict(line.split("\t", 1) for line in feedback().stdout.splitlines())
    assert lines["good"] == "1 picture, 0 flagged" and lines["defective"] == "1 picture, 1 missed"
    assert lines["kept"] == "2 of 2 pictures, of all versions"
    assert lines["threshold 0.3"].startswith("no defective picture passes; tested: missed 1, false alarms")
    told = json.loads(feedback("--json").stdout)
    assert (told["missed"], told["proposals"][0]["what"]) == (1, "catch")


def test_a_data_set_is_made_and_how_to_learn_from_it_is_said(home: Path) -> None:
    told = feedback("--dataset", "to learn from", "--with-training-data").stdout
    assert "to learn from: 13 good images to learn from; to test with, 4 good and 5 defective" in told
    assert "murascope train --model supersimplenet --data 'to learn from' --set labelled_share=0.5" in told
    made = json.loads(feedback("--dataset", "to test with", "--json").stdout)
    assert (made["train_good"], made["test_good"], made["with_region"], made["learn"]) == (0, 1, 1, None)
    refused = feedback("--with-training-data")
    assert refused.exit_code == 2 and "name it with --dataset" in refused.stderr
