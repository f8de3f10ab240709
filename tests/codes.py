"""The codes with which the code refuses things, read off its source: each of them must have words for people."""

import ast
from collections.abc import Iterator
from pathlib import Path


def calls_of(name: str, folder: Path) -> Iterator[ast.Call]:
    """Where the code makes such a thing, or calls such a function, with a code that stands there."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_call = isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
            if is_call and name in (getattr(node.func, part, None) for part in ("id", "attr")):
                yield node


def codes_of(name: str, folder: Path) -> set[str]:
    return {str(node.args[0].value) for node in calls_of(name, folder) if isinstance(node.args[0], ast.Constant)}


def problem_kinds(*folders: Path) -> set[str]:
    """The kinds of `Problem(field, message, kind)` that the code of these folders makes, where they stand in words."""
    kinds = set()
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Problem" and len(node.args) > 2:
                kinds |= {str(node.args[2].value)} if isinstance(node.args[2], ast.Constant) else set()
    return kinds
