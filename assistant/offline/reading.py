"""What was recognised in a text, before it is decided what it asks for."""

from dataclasses import dataclass, replace
from typing import Any

from assistant.offline.numbers import Number
from assistant.offline.phrases import Found
from assistant.offline.settings import Setting


@dataclass(frozen=True)
class Reading:
    """What was recognised in a text. `text` is lower-case and masked; all positions are those of `original`."""

    original: str
    text: str
    datasets: list[Found]
    models: list[Found]
    tasks: list[Found]
    settings: list[Setting]
    numbers: list[Number]
    runs: list[Found]
    proposals: list[Found]
    families: list[Found]
    defects: list[Found]
    states: list[Found]
    terms: list[Found]
    deeds: list[Found]
    cues: list[Found]
    start: int = 0

    def between(self, start: int, end: int) -> "Reading":
        """Only what stands at start..end."""
        kept: dict[str, Any] = {
            name: [item for item in items if start <= item.start < end] for name, items in self._lists().items()
        }
        return replace(self, start=start, text=self.text[start:end], **kept)

    def without(self, spans: list[tuple[int, int]]) -> "Reading":
        """All but what stands in these spans."""
        kept: dict[str, Any] = {
            name: [item for item in items if not any(start <= item.start < end for start, end in spans)]
            for name, items in self._lists().items()
        }
        return replace(self, **kept)

    @property
    def said(self) -> frozenset[str]:
        """What the words in it stand for."""
        return frozenset(value for cue in self.cues for value in (cue.value, *cue.also))

    def _lists(self) -> dict[str, list[Any]]:
        return {name: value for name, value in vars(self).items() if isinstance(value, list)}
