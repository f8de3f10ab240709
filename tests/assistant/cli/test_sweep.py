"""`murascope sweep`: what it plans, and that nothing starts without a yes. What it trains is tried in tests/e2e/test_tuning.py."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.common import INVALID
from assistant.cli.sweeping import recommend_here, sweep_here
from assistant.settings import Settings
from assistant.workspace import Workspace

pytestmark = pytest.mark.anyio


async def swept(settings: Settings, data: Path, over: str, *, yes: bool = False, minutes: float | None = None) -> int:
    return await sweep_here(
        settings, str(data), over, [], model="autoencoder", minutes=minutes, confirmed=lambda: yes, as_json=True
    )


async def test_the_plan_is_told_value_by_value_and_nothing_starts_without_a_yes(
    settings: Settings, panels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await swept(settings, panels, "image_size=64,96") == INVALID
    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"] == "invalid"
    assert "image_size 64: about" in printed.err
    assert "image_size 96: about" in printed.err
    async with Workspace.open(settings) as workspace:
        assert (list(await workspace.groups.latest()), list(await workspace.runs.list())) == ([], [])


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ("colour=1,2", "colour"),
        ("image_size=7,64", "multiple of 32"),
        ("image_size=64", "name two or more"),
        ("layers", "layers"),
        ("image_size=,,", "image_size=VALUE,VALUE"),
        ("calibration_share=", "names no value"),
    ],
)
async def test_what_cannot_be_tuned_is_refused_with_an_exit_code_of_its_own(
    settings: Settings, panels: Path, capsys: pytest.CaptureFixture[str], over: str, said: str
) -> None:
    assert await swept(settings, panels, over, yes=True) == INVALID
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said in " ".join(answer["problems"])


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("inf"), float("nan")])
async def test_minutes_that_there_cannot_be_are_refused_with_what_is_possible(
    settings: Settings, panels: Path, capsys: pytest.CaptureFixture[str], minutes: float
) -> None:
    assert await swept(settings, panels, "image_size=64,96", yes=True, minutes=minutes) == INVALID
    assert re.search(f"minutes is {minutes}: input should be .* (0.01|10080)", capsys.readouterr().out)
    recommended = {"goal": "accuracy", "minutes": minutes, "confirmed": lambda: True, "as_json": True}
    assert await recommend_here(settings, str(panels), **recommended) == INVALID
    assert re.search(f"minutes is {minutes}: input should be .* (0.01|10080)", capsys.readouterr().out)
