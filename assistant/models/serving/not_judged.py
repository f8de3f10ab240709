"""Pictures that could not be judged, counted for each reason, with a few of them by name: a folder may hold ten thousand of them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NAMED = 3  # pictures of each reason
MOST_REASONS = 20  # all further ones are counted as one
OTHERS = "other reasons"
NUMBER = re.compile(r"\d+")  # one that was cut off after 12 bytes has the reason of one cut off after 13


@dataclass
class Reason:
    """Why pictures could not be judged, with … for numbers that differ among them; how many, and a few by name."""

    reason: str
    count: int = 0
    names: list[str] = field(default_factory=list)


class NotJudged:
    """Use `add` with what is said of each picture."""

    def __init__(self) -> None:
        self._reasons: dict[str, Reason] = {}

    def add(self, told: Mapping[str, Any]) -> Reason | None:
        """The reason with its count by now; None where the picture was judged."""
        if told.get("verdict"):
            return None
        why = str(told.get("broken") or told.get("failed"))
        key = NUMBER.sub("…", why)
        if key not in self._reasons and len(self._reasons) >= MOST_REASONS:
            key = why = OTHERS
        found = self._reasons.setdefault(key, Reason(why))
        found.count += 1
        if found.reason != why:
            found.reason = key
        if len(found.names) < NAMED:
            found.names.append(str(told["name"]))
        return found

    @property
    def count(self) -> int:
        return sum(each.count for each in self._reasons.values())

    @property
    def reasons(self) -> list[Reason]:
        """The commonest first."""
        return sorted(self._reasons.values(), key=lambda each: -each.count)

    def told(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [asdict(each) for each in self.reasons]
