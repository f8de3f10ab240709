"""What a card shows of the arguments that an LLM gave a tool: they are its words, and are checked like its sentences."""

from typing import Any

from assistant.llm.figures import figures_of
from assistant.llm.known import Known
from assistant.llm.own_words import are_own_words
from assistant.tools import traits

WITHHELD = "…"
LONGEST_TEXT = 200


class ShownArguments:
    """`values` is what may be shown; `mend` takes what was withheld out of what quotes it: a tool's answer or refusal.

    Without what is `known` all of it may: the built-in assistant takes its arguments from what the user wrote.
    """

    def __init__(self, tool: str, arguments: dict[str, Any], known: Known | None):
        self._known = known or Known()
        self._numbers_stay = traits(tool).plans  # its numbers are the plan itself
        self._withheld: list[str] = []
        self.values: dict[str, Any] = {
            name: self._shown(value) if known else value for name, value in arguments.items()
        }

    def mend(self, value: Any) -> Any:
        """A tool's answer or refusal without the words and numbers that were withheld."""
        match value:
            case str():
                for words in sorted(map(str, self._withheld), key=len, reverse=True):
                    for quoted in (words, repr(words)[1:-1]):
                        value = value.replace(quoted, WITHHELD)
                return value
            case list():
                return [self.mend(each) for each in value]
            case dict():
                return {name: self.mend(each) for name, each in value.items()}
            case _:
                return value if isinstance(value, bool) or value not in self._withheld else WITHHELD

    def _shown(self, value: Any) -> Any:
        match value:
            case bool() | None:
                return value
            case int() | float():
                return value if self._numbers_stay or self._is_told(float(value)) else self._withhold(value)
            case str():
                is_plain = len(value) <= LONGEST_TEXT and are_own_words(value, self._known.names)
                return value if is_plain else self._withhold(value)
            case list():
                return [self._shown(each) for each in value]
            case dict():
                return {self._shown(str(name)): self._shown(each) for name, each in value.items()}
            case _:
                return self._withhold(value)

    def _is_told(self, number: float) -> bool:
        return any(number == each.value for text in self._known.sentences.values() for each in figures_of(text))

    def _withhold(self, value: Any) -> str:
        self._withheld.append(value)
        return WITHHELD
