"""`murascope threshold` and `murascope test`: told with its costs, set, undone, followed by the pictures that are judged next."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.settings import Settings
from tests.assistant.runs.test_thresholds import finished
from tests.stored_home import FINISHED, unpack

RUNNER = CliRunner()


async def _finish(settings: Settings) -> None:
    from assistant.workspace import Workspace

    async with Workspace.open(settings) as workspace:
        await finished(workspace)


@pytest.fixture
def home(settings: Settings) -> dict[str, str]:
    asyncio.run(_finish(settings))
    return {"MURASCOPE_HOME": str(settings.home), "MURASCOPE_DATABASE_URL": ""}


def as_json(home: dict[str, str], *arguments: str) -> Any:
    told = RUNNER.invoke(app, ["threshold", "r1", *arguments, "--json"], env=home)
    assert told.exit_code == 0, told.output
    return json.loads(told.output)


def test_without_a_wish_the_one_in_force_is_shown_with_what_others_cost(home: dict[str, str]) -> None:
    told = RUNNER.invoke(app, ["threshold", "r1"], env=home)
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert lines[0].startswith("in force\t0.5\t1 of 2 missed\t0 of 1 false alarms")
    escapes = next(line for line in lines if line.startswith("no_escapes"))
    assert "0 of 2 missed" in escapes and "chosen on the test images" in escapes


@pytest.mark.parametrize(
    "wish", [["--overkill", "0.4"], ["--escapes", "0"], ["--cost", "10"], ["--value", "0.3"], ["--f1"], ["--promised"]]
)
def test_it_is_set_by_each_way_and_undone(home: dict[str, str], wish: list[str]) -> None:
    would = as_json(home, *wish, "--try")
    told = as_json(home, *wish, "--why", "a trial")
    assert told["in_force"] == {**told["in_force"], "version": 2, "who": "command line", "why": "a trial"}
    assert (told["in_force"]["value"], told["metrics"]["missed"]) == (would["then"]["value"], would["then"]["missed"])
    assert as_json(home, "--undo")["in_force"]["value"] == 0.5
    history = RUNNER.invoke(app, ["threshold", "r1", "--history"], env=home).output
    assert "by training" in history and "by command line on 20" in history and "(a trial)" in history


def test_two_wishes_at_once_and_unknown_runs_are_refused_in_words(home: dict[str, str]) -> None:
    for arguments, said in (
        (["r1", "--value", "1", "--f1"], "exactly one"),
        (["r9", "--f1"], "unknown run"),
        (["r1", "--undo"], "go back"),
    ):
        told = RUNNER.invoke(app, ["threshold", *arguments], env=home)
        assert told.exit_code != 0 and said in f"{told.output}{told.exception}"
    assert as_json(home)["in_force"]["version"] == 1


def test_other_pictures_are_judged_by_the_threshold_in_force(settings: Settings, tmp_path: Path) -> None:
    unpack(settings.home)
    env = {"MURASCOPE_HOME": str(settings.home), "MURASCOPE_DATABASE_URL": "", "MURASCOPE_HUB": "off"}
    assert RUNNER.invoke(app, ["threshold", FINISHED, "--value", "1e9"], env=env).exit_code == 0
    folder = ["--data", str(settings.home / "panels/test/spot"), "--output", str(tmp_path / "out")]
    told = RUNNER.invoke(app, ["test", FINISHED, *folder, "--json"], env=env)
    assert told.exit_code == 0, told.output
    summary = json.loads(told.output)
    assert (summary["images"], summary["anomalous"], summary["threshold_version"]) == (6, 0, 2)
