"""What people write on a run: a name, a note, tags. It is theirs to change at any time, and nothing is found by a name alone.

All of it is data: whatever shows it escapes it. A name and a tag are one line each, without what no one can see.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from assistant.refused import Refused
from assistant.store.tables import RunRow

LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 80, 2_000, 40, 12  # characters, and tags
# Unicode's classes of controls, marks of direction, halves of letters, ends of lines
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


class BadLabel(Refused):
    """It cannot be written on a run; `code` says why: name_too_long, note_too_long, tag_too_long or too_many_tags."""

    def __init__(self, code: str, what: str, *, most: int):
        super().__init__(code, f"{what}; at most {most} are taken", most=most)


def labels(*, name: str | None = None, note: str | None = None, tags: Sequence[str] | None = None) -> dict[str, Any]:
    """The columns of a run as they are written: what is given, cleaned. Nothing stands for what is left as it is.

    Raises:
        BadLabel: something is too long, or there are too many tags.
    """
    written: dict[str, Any] = {}
    if name is not None:
        written["name"] = _within(one_line(name), LONGEST_NAME, "name")
    if note is not None:
        lines = (one_line(line) for line in note.replace("\r\n", "\n").split("\n"))
        written["note"] = _within("\n".join(lines).strip(), LONGEST_NOTE, "note")
    if tags is not None:
        written["tags"] = _tags(tags)
    return written


def is_found(row: RunRow, text: str) -> bool:
    """Whether each word of the text stands somewhere in what is written on a run, its data set, its model or its id."""
    there = "\n".join([row.id, row.name, row.note, *row.tags, row.dataset, row.subject]).casefold()
    return all(word in there for word in text.casefold().split())


def one_line(text: str) -> str:
    """The text as one line of what can be seen."""
    seen = (" " if unicodedata.category(each) in UNSEEN else each for each in unicodedata.normalize("NFC", text))
    return " ".join("".join(seen).split())


def _tags(given: Iterable[str]) -> list[str]:
    """Each once, however it is spelt, in the order in which they were given; a comma parts two."""
    tags: dict[str, str] = {}
    for each in given:
        for part in each.split(","):
            if tag := _within(one_line(part).lstrip("#").strip(), LONGEST_TAG, "tag"):
                tags.setdefault(tag.casefold(), tag)
    if len(tags) > MOST_TAGS:
        raise BadLabel("too_many_tags", f"there are {len(tags)} tags", most=MOST_TAGS)
    return list(tags.values())


def _within(text: str, most: int, what: str) -> str:
    if len(text) > most:
        raise BadLabel(f"{what}_too_long", f"this {what} has {len(text)} characters", most=most)
    return text
