"""Which pictures belong together: of one panel, one lot, one sequence of shots. Told by the data set itself.

Either its split.csv has a column panel, lot, group or sequence, or its murascope.json has a "group_pattern", a regular
expression that finds the group in a picture's name, such as "panel(\\d+)_".
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import regex

from engine.datasets import Item, UnreadableDataset
from engine.datasets.tables import rows_of

COLUMNS = ("panel", "lot", "group", "sequence")
NAMES = ("name", "path", "image", "file")  # columns that say which picture a row is about
TABLE = "split.csv"
LONGEST_PATTERN = 200  # characters
PATIENCE_S = 10.0  # for all names together; a sound pattern takes microseconds for each


def with_groups(items: Sequence[Item], root: Path, about: Mapping[str, object]) -> tuple[list[Item], list[Path]]:
    """The items with their groups, where the data set tells, and the table that was followed.

    A table that says only what the folders say too is followed as well.

    Raises:
        UnreadableDataset: group_pattern is no regular expression with exactly one group in brackets, or takes too long.
    """
    rows = _rows(root / TABLE)
    named = {item.name for item in items}
    agrees = bool(rows) and all(name in named for name, _ in rows)
    groups = {name: group for name, group in rows if group}
    followed = [root / TABLE] if groups or agrees else []
    pattern = about.get("group_pattern")
    if isinstance(pattern, str):
        groups = _found(pattern, [item.name for item in items])
        return [replace(item, group=groups.get(item.name)) for item in items], followed if agrees else []
    if not groups:
        return list(items), followed
    found = [groups.get(item.name) or groups.get(PurePosixPath(item.name).name) for item in items]
    return [replace(item, group=group) for item, group in zip(items, found, strict=True)], followed


def _found(pattern: str, names: Iterable[str]) -> dict[str, str]:
    """The group in each name, where the pattern finds one."""
    find = _compiled(pattern)
    end = time.monotonic() + PATIENCE_S
    found = {}
    for name in names:
        try:
            match = find.search(name, timeout=max(0.001, end - time.monotonic()))
        except TimeoutError:
            message = (
                f"group_pattern {pattern!r} in murascope.json took more than {PATIENCE_S:g} s and was still busy with the "
                f"name {name!r}"
            )
            hint = "write it without repetitions inside repetitions, such as (a+)+: they can take for ever"
            raise UnreadableDataset("group_pattern_slow", message, hint, pattern=pattern, name=name) from None
        if match and match[1]:
            found[name] = match[1]
    return found


def _compiled(pattern: str) -> "regex.Pattern[str]":
    if len(pattern) > LONGEST_PATTERN:
        message = (
            f"group_pattern in murascope.json has {len(pattern)} characters; at most {LONGEST_PATTERN} are followed"
        )
        hint = "write a shorter one"
        raise UnreadableDataset("group_pattern_long", message, hint, length=len(pattern), most=LONGEST_PATTERN)
    try:
        find = regex.compile(pattern)
    except regex.error as error:
        message = f"group_pattern {pattern!r} in murascope.json is no regular expression: {error}"
        hint = r"write one such as panel(\d+)_, or take the entry out"
        raise UnreadableDataset("group_pattern_wrong", message, hint, pattern=pattern) from None
    if find.groups != 1:
        message = (
            f"group_pattern {pattern!r} in murascope.json has {find.groups} groups in brackets; it takes exactly one"
        )
        hint = r"put brackets around what tells the group, as in panel(\d+)_, and (?:...) around the rest"
        raise UnreadableDataset("group_pattern_brackets", message, hint, pattern=pattern, groups=find.groups)
    return find


def _rows(path: Path) -> list[tuple[str, str | None]]:
    """Name and group of each row; the name whole, or put together from the columns split and class."""
    found = []
    for row in rows_of(path):
        group = next((row[column] for column in COLUMNS if row.get(column)), None)
        name = next((row[column] for column in NAMES if row.get(column)), None)
        if name:
            folders = [row[column] for column in ("split", "class") if row.get(column)]
            found.append(("/".join([*folders, name]) if "/" not in name else name, group))
    return found
