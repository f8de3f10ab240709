"""The codes with which the code refuses things, read off its source: each of them must have words for people."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def calls_of(name: str, folder: Path) -> Iterator[ast.Call]:
    """Where the code makes such a thing, or calls such a function, with a code that stands there."""
    for node in _calls_in(folder):
        has_code = node.args and isinstance(node.args[0], ast.Constant)
        if has_code and name in (getattr(node.func, part, None) for part in ("id", "attr")):
            yield node


def codes_of(name: str, folder: Path) -> set[str]:
    return {str(node.args[0].value) for node in calls_of(name, folder) if isinstance(node.args[0], ast.Constant)}


def problem_kinds(*folders: Path) -> set[str]:
    """The kinds of `Problem(field, message, kind)` that the code of these folders makes, where they stand in words."""
    kinds = set()
    for node in (node for folder in folders for node in _calls_in(folder)):
        if getattr(node.func, "id", None) == "Problem" and len(node.args) > 2:
            kinds |= {str(node.args[2].value)} if isinstance(node.args[2], ast.Constant) else set()
    return kinds


@cache
def _calls_in(folder: Path) -> list[ast.Call]:
    paths = sorted(folder.rglob("*.py"))
    trees = (ast.parse(path.read_text("utf-8")) for path in paths)
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
