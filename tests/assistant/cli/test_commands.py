"""What the command line understands, without starting anything."""

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from engine.contract.jobs import KINDS

RUNNER = CliRunner()


def test_an_unknown_task_is_refused_with_those_there_are() -> None:
    told = RUNNER.invoke(app, ["train", "--data", "oled", "--task", "sorting"], env={"COLUMNS": "300"})
    assert told.exit_code == 2
    assert f"'sorting' is not one of {', '.join(KINDS)}" in told.output


@pytest.mark.parametrize("kind", KINDS)
def test_the_help_of_train_names_every_kind_of_run_and_its_models(kind: str) -> None:
    told = RUNNER.invoke(app, ["train", "--help"], env={"COLUMNS": "1000"}).output
    assert [name for name in (kind, *KINDS[kind].models()) if name not in told] == []


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "chat",
        "mcp",
        "train",
        "understand",
        "demo",
        "doctor",
        "data",
        "runs",
        "queue",
        "compare",
        "threshold",
        "test",
    ],
)
def test_every_command_is_listed_with_what_it_does(command: str) -> None:
    assert command in RUNNER.invoke(app, ["--help"]).output
    assert RUNNER.invoke(app, [command, "--help"]).exit_code == 0
