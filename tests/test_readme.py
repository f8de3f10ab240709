"""The README says what the code says: settings, models, and the tree."""

import re
from pathlib import Path

import pytest
from pydantic import AliasChoices

from assistant.settings import Settings
from engine.contract.models import MODELS

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def variable(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"MURASCOPE_{name.upper()}"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_table_with_its_help_text(name: str) -> None:
    rows = [line for line in README.splitlines() if line.startswith(f"| `{variable(name)}` |")]
    assert len(rows) == 1
    assert rows[0].endswith(f"| {Settings.model_fields[name].description} |")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_stands_in_the_table_with_its_paper(name: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` | {MODELS[name].family} |"))
    assert MODELS[name].paper.rpartition(", ")[2] in row


def test_what_a_model_needs_is_said_as_the_chat_says_it() -> None:
    words = {(True, True): "weights, GPU", (True, False): "weights", (False, True): "GPU", (False, False): "nothing"}
    for name, params in MODELS.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
        needs = "two finished trainings" if name == "ensemble" else words[params.needs_weights, params.needs_gpu]
        assert f"| {needs} |" in row


def test_every_module_of_the_assistant_and_the_engine_stands_in_the_tree() -> None:
    tree = README.split("## The tree")[1]
    modules = [path.name for folder in ("assistant", "engine") for path in (PROJECT / folder).glob("*.py")]
    missing = [
        name for name in modules if name != "__init__.py" and name not in tree and name.removesuffix(".py") not in tree
    ]
    assert missing == []


def test_every_module_that_the_tree_names_is_there() -> None:
    tree = README.split("## The tree")[1].split("```")[1]
    named = set(re.findall(r"\b\w+\.py\b", tree))
    there = {path.name for folder in ("assistant", "engine", "web") for path in (PROJECT / folder).rglob("*.py")}
    assert named - there == set()
    modules = {path.name for path in (PROJECT / "engine" / "evaluation").glob("*.py")} - {"__init__.py"}
    assert modules - named == set()


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert [link for link in links if not (PROJECT / link).exists()] == []
