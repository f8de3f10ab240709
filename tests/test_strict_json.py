"""JSON knows no infinity and no nan: whoever writes some says so, and fails instead of writing what nobody else can read."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for part in ("engine", "assistant", "web") for path in (PROJECT / part).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_writer_of_json_refuses_infinity(path: Path) -> None:
    careless = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("dumps", "dump")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "json"
        and not any(each.arg == "allow_nan" for each in node.keywords)
    ]
    assert careless == []
