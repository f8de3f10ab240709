"""`murascope compare`: what the page compares, in a terminal and as JSON."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Finished, Started
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from tests.stored_runs import write_evaluation
from tests.told_runs import inspected

RUNNER = CliRunner()
RESULTS = (
    inspected({"line": (1, 20)}, good=20, alarms=0),
    inspected({"line": (15, 20)}, good=20, alarms=12, better=-3.0),
)


async def finish(settings: Settings) -> None:
    """r1 and r2 that have ended well, and r3 that waits."""
    async with Workspace.open(settings) as workspace:
        for results in RESULTS:
            row = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/d")
            folder = workspace.runs.folder(row.id)
            log = EventLog(folder)
            log.append(Started(model="patchcore", dataset="oled"))
            write_evaluation(folder, results)
            log.append(Finished(metrics=results.metrics.metrics, seconds={"total": 1.0}))
            log.close()
            await workspace.runs.claim_one(row.id)
            await workspace.runs.end(row.id, "succeeded", metrics=results.metrics.metrics)
        await workspace.runs.add(make_job("detect", "oled", "patchcore", {"image_size": 128}), data_path="/d")


@pytest.fixture
def home(settings: Settings) -> dict[str, str]:
    asyncio.run(finish(settings))
    return {"MURASCOPE_HOME": str(settings.home), "MURASCOPE_DATABASE_URL": ""}


def test_runs_are_compared_as_a_table_and_as_json_with_what_is_left_out(home: dict[str, str]) -> None:
    told = RUNNER.invoke(app, ["compare", "r1", "2", "r3"], env=home)
    assert told.exit_code == 0, told.output
    assert "r3 is left out: it has no results yet (waiting)." in told.output
    assert "Which is better: r1, by image AUROC" in told.output
    assert any(line.split()[-8:] == ["1", "/", "20", "*", "15", "/", "20", "-"] for line in told.output.splitlines())
    facts = json.loads(RUNNER.invoke(app, ["compare", "r1", "r2", "--json"], env=home).output)
    assert facts["verdict"]["best"] == "r1" and facts["beside"]["same_images"] is True
    assert [value["mark"] for value in facts["beside"]["lines"][0]["values"]] == ["best", "worse"]
    alone = RUNNER.invoke(app, ["compare", "r1", "r1"], env=home)
    assert alone.exit_code != 0


def test_no_report_is_written_of_a_damaged_run(home: dict[str, str], settings: Settings, tmp_path: Path) -> None:
    scores = RunFolder(settings.home / "runs" / "r2").evaluation.scores
    RunFolder(settings.home / "runs" / "r2").evaluation.checksums.unlink()
    scores.write_bytes(b"".join(scores.read_bytes().splitlines(keepends=True)[:9]))
    told = RUNNER.invoke(app, ["report", "r2", "--out", str(tmp_path / "report.html")], env=home)
    assert told.exit_code == 1 and not (tmp_path / "report.html").exists()
    assert f"the results of run r2 cannot be told: {scores} does not agree with the figures" in told.output


@pytest.mark.parametrize(
    ("asked", "possible"),
    [
        (["runs", "list", "--state", "finished"], "queued, running"),
        (["runs", "show", "r1", "--language", "fr"], "en, ko"),
    ],
)
def test_what_no_run_is_and_no_language_is_are_refused_with_what_is_possible(
    home: dict[str, str], asked: list[str], possible: str
) -> None:
    told = RUNNER.invoke(app, asked, env=home | {"COLUMNS": "200"})
    assert told.exit_code != 0 and possible in told.output + str(told.exception)


def test_a_damaged_run_is_left_out_with_the_reason_and_fewer_than_two_fail(
    home: dict[str, str], settings: Settings
) -> None:
    metrics = RunFolder(settings.home / "runs" / "r2").evaluation.metrics
    metrics.write_bytes(metrics.read_bytes()[:-9])
    told = RUNNER.invoke(app, ["compare", "r1", "r2"], env=home)
    assert told.exit_code == 2 and "r2 is left out: its results are damaged (evaluation/" in told.output
