"""`murascope export`: a finished run, or a model by its alias, as a file for another runtime; errors say what to do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.models.exporting import NotExported, export, exported_row
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.stored_home import FINISHED, unpack

RUNNER = CliRunner()


@pytest.fixture
def env(settings: Settings) -> dict[str, str]:
    """A home with a finished run."""
    unpack(settings.home)
    return {"MURASCOPE_HOME": str(settings.home), "MURASCOPE_DATABASE_URL": "", "MURASCOPE_HUB": "off"}


def test_a_run_is_exported_at_the_threshold_in_force_and_its_parity_is_told(
    env: dict[str, str], tmp_path: Path
) -> None:
    assert RUNNER.invoke(app, ["threshold", FINISHED, "--value", "0.25"], env=env).exit_code == 0
    output = tmp_path / "line.pt2"
    done = RUNNER.invoke(app, ["export", FINISHED, "--format", "pt2", "--output", str(output), "--json"], env=env)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["about"]["run"], told["about"]["threshold"], told["about"]["threshold_version"]) == (FINISHED, 0.25, 2)
    assert output.stat().st_size == told["bytes"]
    assert told["parity"]["changed"] == [] and told["parity"]["images"] > 1
    again = RUNNER.invoke(
        app, ["export", FINISHED, "--format", "pt2", "--output", str(output)], env=env, catch_exceptions=True
    )
    assert again.exit_code != 0 and isinstance(again.exception, NotExported)
    assert str(again.exception) == f"{output} is there already; name another file, or take that one away"


@pytest.mark.anyio
async def test_a_model_is_exported_by_its_alias_at_the_threshold_that_it_was_registered_with(
    env: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    stages: list[str] = []
    async with Workspace.open(settings) as workspace:
        await workspace.models.register("panels", FINISHED, who="mina, page")
        row = await exported_row(workspace.runs, workspace.models.registry, "panels@candidate")
        assert row.id == FINISHED
        with pytest.raises(NotExported, match=r"let its name end in \.onnx"):
            await export(
                settings, workspace.runs, row, format="onnx", output=tmp_path / "a.pt2", progress=stages.append
            )
    assert stages == []
