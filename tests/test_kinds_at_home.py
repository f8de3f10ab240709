"""What is true of one kind of run alone stands in that kind's own files: nobody else asks which kind it is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.contract.jobs import KINDS

PROJECT = Path(__file__).resolve().parent.parent
FOLDERS = ("engine", "assistant", "web", "prompts")
OWN_CLASSES = {cls.__name__ for cls in KINDS.values()}
COMPARED = re.compile(rf"""[=!]==?\s*["'](?:{"|".join(KINDS)})["']|["'](?:{"|".join(KINDS)})["']\s*[=!]==?""")


OWNER = PROJECT / "engine/contract/jobs/__init__.py"  # says which kind is meant where a file names none
STORED = PROJECT / "assistant/store/migrations"  # each as it was when it was written
OWN_TEXT = re.compile(rf"""["'](?:{"|".join(KINDS)})["']|kinds/(?:{"|".join(KINDS)})\b""")


def is_of_one_kind(path: Path) -> bool:
    return bool({*path.relative_to(PROJECT).parts, path.stem} & KINDS.keys())


def files(*suffixes: str) -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((PROJECT / folder).rglob("*")) if path.suffix in suffixes]
    return [path for path in found if not is_of_one_kind(path)]


def named(node: ast.AST | None) -> set[str]:
    """The kinds that this expression names, by their name or by the class of their jobs."""
    within = list(ast.walk(node)) if node is not None else []
    texts = {each.value for each in within if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    classes = {each.id for each in within if isinstance(each, ast.Name)}
    return (texts & KINDS.keys()) | (classes & OWN_CLASSES)


def asks(source: str) -> Iterator[str]:
    """Where a kind is compared with, looked up in a table, or told by the class of its job."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare():
                kinds = named(node)
            case ast.MatchValue() | ast.MatchClass():
                kinds = named(node)
            case ast.Dict():
                kinds = {name for key in node.keys for name in named(key)}
            case ast.Call(func=ast.Name(id="isinstance")):
                kinds = named(node.args[1])
            case _:
                continue
        if kinds:
            yield f"line {node.lineno}: {ast.unparse(node)}"


def says(source: str) -> Iterator[str]:
    """Where a kind stands as a value: a default, an argument, a constant."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in KINDS:
            yield f"line {node.lineno}: {node.value}"


def reaches(source: str) -> Iterator[str]:
    """Where something is imported from a module of one kind."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            parts = {part for each in node.names for part in f"{module}.{each.name}".split(".")}
            if parts & KINDS.keys():
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    "path",
    [path for path in files(".py") if path != OWNER and STORED not in path.parents],
    ids=lambda path: str(path.relative_to(PROJECT)),
)
def test_no_code_takes_one_kind_of_run_for_granted(path: Path) -> None:
    assert list(says(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "path",
    [path for path in files(".py") if PROJECT / "engine" not in path.parents],
    ids=lambda path: str(path.relative_to(PROJECT)),
)
def test_assistant_and_page_reach_a_kind_by_its_name_alone(path: Path) -> None:
    assert list(reaches(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", files(".py"), ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_code_asks_which_kind_of_run_it_is(path: Path) -> None:
    assert list(asks(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", files(".html", ".js", ".j2"), ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_page_asks_which_kind_of_run_it_is(path: Path) -> None:
    assert COMPARED.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", files(".html", ".js", ".j2"), ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_page_takes_one_kind_of_run_for_granted(path: Path) -> None:
    assert OWN_TEXT.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "job.kind == 'detect'",
        "kind in ('detect', 'other')",
        "{'detect': 1}[kind]",
        "isinstance(job, DetectJob)",
        "match kind:\n    case 'detect':\n        pass",
    ],
)
def test_whoever_asks_is_found(source: str) -> None:
    assert list(asks(source)) != []


@pytest.mark.parametrize("source", ["task: str = 'detect'", "Field(default='classify')", "def f(kind='detect'): pass"])
def test_whoever_takes_one_for_granted_is_found(source: str) -> None:
    assert list(says(source)) != []


@pytest.mark.parametrize(
    "source", ["from assistant.kinds.detect.advice import best_for", "import engine.contract.results.classify"]
)
def test_whoever_reaches_into_one_is_found(source: str) -> None:
    assert list(reaches(source)) != []
