"""Which pictures belong together: of one panel, one lot, one sequence of shots. Told by the data set itself.

Either its split.csv has a column panel, lot, group or sequence, or its murascope.json has a "group_pattern", a regular
expression that finds the group in a picture's name, such as "panel(\\\\d+)_".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from engine.datasets import Item
from engine.datasets.folders import rows_of

COLUMNS = ("panel", "lot", "group", "sequence")
NAMES = ("name", "path", "image", "file")  # columns that say which picture a row is about


def with_groups(items: Sequence[Item], root: Path, about: Mapping[str, object]) -> list[Item]:
    """The items with their groups, where the data set tells.

    Raises:
        LookupError: group_pattern is no regular expression with exactly one group in brackets.
    """
    pattern = about.get("group_pattern")
    if isinstance(pattern, str):
        find = _compiled(pattern)
        matches = {item.name: find.search(item.name) for item in items}
        return [replace(item, group=match[1] if (match := matches[item.name]) else None) for item in items]
    groups = _listed(root / "split.csv")
    if not groups:
        return list(items)
    return [replace(item, group=groups.get(item.name) or groups.get(PurePosixPath(item.name).name)) for item in items]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        find = re.compile(pattern)
    except re.error as error:
        raise LookupError(f"group_pattern {pattern!r} in murascope.json is no regular expression: {error}") from None
    if find.groups != 1:
        raise LookupError(
            f"group_pattern {pattern!r} in murascope.json has {find.groups} groups in brackets; "
            r"it takes exactly one, such as panel(\d+)_"
        )
    return find


def _listed(path: Path) -> dict[str, str]:
    """Group by the picture's name, as the rows give it: whole, or put together from the columns split and class."""
    groups = {}
    for row in rows_of(path):
        group = next((row[column] for column in COLUMNS if row.get(column)), None)
        name = next((row[column] for column in NAMES if row.get(column)), None)
        if group and name:
            folders = [row[column] for column in ("split", "class") if row.get(column)]
            groups["/".join([*folders, name]) if "/" not in name else name] = group
    return groups
