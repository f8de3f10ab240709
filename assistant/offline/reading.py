"""What was recognised in a text, before it is decided what it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assistant.offline.numbers import Number
from assistant.offline.phrases import Found, vocabulary
from assistant.offline.settings import Setting
from prompts.languages import Language


@dataclass(frozen=True)
class Reading:
    """What was recognised in a text. `text` is lower-case and masked, `words` masked only where names and numbers stand; all positions are
    those of `original`. `counted`: every number, `numbers`: those that belong to no setting that was recognised. `names`: of settings. `plan`: what the open plan has."""

    original: str
    language: Language
    text: str
    words: str
    datasets: list[Found]
    models: list[Found]
    tasks: list[Found]
    settings: list[Setting]
    names: list[Found]
    counted: list[Number]
    numbers: list[Number]
    runs: list[Found]
    proposals: list[Found]
    families: list[Found]
    defects: list[Found]
    states: list[Found]
    terms: list[Found]
    deeds: list[Found]
    plan: Mapping[str, Any] = field(default_factory=dict)
    start: int = 0

    def between(self, start: int, end: int) -> "Reading":
        """Only what stands at start..end."""
        kept: dict[str, Any] = {
            name: [item for item in items if start <= item.start < end] for name, items in self._lists().items()
        }
        return replace(self, start=start, text=self.text[start:end], words=self.words[start:end], **kept)

    def without(self, spans: list[tuple[int, int]]) -> "Reading":
        """All but what stands in these spans."""
        kept: dict[str, Any] = {
            name: [item for item in items if not any(start <= item.start < end for start, end in spans)]
            for name, items in self._lists().items()
        }
        return replace(self, **kept)

    def is_joined(self, end: int, start: int) -> bool:
        """Whether what ends at `end` and what begins at `start` are listed side by side: "r3 and r5", 나사하고 병."""
        joining = vocabulary(self.language).joining
        return end <= start and joining.fullmatch(self.words[end - self.start : start - self.start]) is not None

    def _lists(self) -> dict[str, list[Any]]:
        return {name: value for name, value in vars(self).items() if isinstance(value, list)}
