"""Whoever is refused something about models is told what to do next."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from assistant import models
from assistant.models.facts import VersionFacts
from assistant.refused import Refused
from assistant.workspace import Workspace
from tests.served_models import finished

pytestmark = pytest.mark.anyio
ROOM = Path(models.__file__).parent
NEEDED = 3  # a code, a message, and what to do

REFUSALS: dict[str, tuple[Callable[[Workspace], Awaitable[object]], str]] = {
    "a prediction that is not there": (lambda workspace: workspace.predictions.get("p9"), "GET /api/predictions"),
    "feedback on it": (
        lambda workspace: workspace.models.feedback("p9", "good", who="mina"),
        "GET /api/predictions",
    ),
    "a model that is not there": (lambda workspace: workspace.models.registry.get("panel"), "murascope models"),
    "a version that is not there": (lambda workspace: workspace.predictions.resolve("panels@7"), "name one of these"),
    "a part that there is not": (lambda workspace: workspace.predictions.resolve("panels@best"), "say candidate"),
    "a champion that there is not": (
        lambda workspace: workspace.predictions.resolve("panels@champion"),
        "murascope promote panels",
    ),
    "its drift": (lambda workspace: workspace.models.drift("panels@champion"), "murascope promote panels"),
    "a rollback that there is not": (lambda workspace: workspace.predictions.resolve("panels@rollback"), "panels@1"),
    "rolling back to it": (lambda workspace: workspace.models.roll_back("panels", who="mina"), "promote the version"),
    "a study that is not there": (lambda workspace: workspace.studies.get("panels", "s9"), "murascope study"),
}


@pytest.fixture
async def panels(workspace: Workspace) -> Workspace:
    """With a model of one version, which was never promoted."""
    await workspace.models.registry.register("panels", await finished(workspace), facts=VersionFacts(), who="mina")
    return workspace


@pytest.mark.parametrize("what", REFUSALS)
async def test_what_is_not_there_is_refused_with_what_to_do(panels: Workspace, what: str) -> None:
    ask, hint = REFUSALS[what]
    with pytest.raises(Refused) as refused:
        await ask(panels)
    assert hint in refused.value.hint


async def test_without_any_model_a_finished_run_is_to_be_registered(workspace: Workspace) -> None:
    with pytest.raises(Refused) as refused:
        await workspace.models.registry.get("panels")
    assert "murascope register" in refused.value.hint


def test_every_refusal_about_models_says_what_to_do() -> None:
    kinds = {
        name
        for found in pkgutil.walk_packages([str(ROOM)], "assistant.models.")
        for name, kind in inspect.getmembers(importlib.import_module(found.name), inspect.isclass)
        if issubclass(kind, Refused) and kind.__module__.startswith("assistant.models")
    }
    without = []
    for path in sorted(ROOM.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        own = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in kinds]
        coded = [call for call in own if call.args and isinstance(call.args[0], ast.Constant)]
        bases = [call for call in calls if ast.unparse(call.func) == "super().__init__" and len(call.args) > 1]
        without += [f"{path.name}: {ast.unparse(call)}" for call in [*coded, *bases] if len(call.args) < NEEDED]
    assert {"UnknownModel", "NoDrift", "NoPictures", "NoDataset"} <= kinds
    assert without == []
