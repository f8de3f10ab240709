"""What is true of one model alone stands in its own files: nobody else names it, so that a new one is a file and no search."""

import ast
from pathlib import Path

import pytest

from engine.contract.jobs import KINDS
from engine.contract.models import FAMILIES

PROJECT = Path(__file__).resolve().parent.parent
FOLDERS = ("engine", "assistant", "web", "prompts")
MODELS = {model for kind in KINDS.values() for model in kind.models()}
OTHER_MEANINGS = {"engine/contract/models/detector.py": set(FAMILIES)}  # file -> names in it that mean something else


def sources() -> list[str]:
    paths = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py")]
    return sorted(str(path.relative_to(PROJECT)) for path in paths)


def named(source: str) -> set[str]:
    """The models whose names stand as texts in this code."""
    return {each.value for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Constant)} & MODELS


def strangers(path: str) -> set[str]:
    """The models that this file names and that are not its own."""
    return named((PROJECT / path).read_text("utf-8")) - {Path(path).stem} - OTHER_MEANINGS.get(path, set())


def test_nobody_but_its_own_files_names_a_model() -> None:
    assert {path: found for path in sources() if (found := strangers(path))} == {}


def test_whoever_names_a_model_is_found() -> None:
    assert named("if model == 'patchcore': pass") == {"patchcore"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_one_first_choice(kind: str) -> None:
    chosen = [name for name, params in KINDS[kind].models().items() if params.first_choice]
    assert chosen == [KINDS[kind].first_choice()]
