"""What an LLM may tell: our sentences, which the tools returned, each under its id; and names, which tell nothing by themselves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic_ai.messages import ModelMessage, ToolCallPart, ToolReturnPart

from assistant.llm.figures import Figure, figures_of
from assistant.telling.terms import sentences_of_terms
from assistant.tools import traits
from engine.contract import backbones
from engine.contract.jobs import KINDS
from prompts.languages import Language

# Fields of results that hold what is ours, not what an LLM said. A defect type is none of them: under a heading of ours or of an LLM's
# own its name alone would be a claim.
NAMES = ("run", "dataset", "model", "proposal")


@dataclass
class Known:
    """`sentences` by id, those that were returned last under an id that came again; `names` in lower case."""

    sentences: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def learn(self, returned: object, tool: str, asked: Mapping[str, Any]) -> None:
        """A tool returned this when it was asked with these arguments. What an LLM said itself is no fact, nor does it become one when
        a tool repeats it, unless the tool keeps it: the settings of a plan are the plan's."""
        if not isinstance(returned, Mapping):
            return
        said = () if traits(tool).plans else tuple(_leaves(asked))
        for each in returned.get("sentences", ()):
            if not _repeats(str(each["text"]), said):
                self.sentences[str(each["id"])] = str(each["text"])
        self.name(str(returned[each]) for each in NAMES if isinstance(returned.get(each), str))

    def name(self, names: Iterable[str]) -> None:
        """These may be said: runs, data sets, plans."""
        self.names |= {name.lower() for name in names}


def known_from(messages: Sequence[ModelMessage], language: Language) -> Known:
    """What may be told after these messages: what tools returned, and at any time what the words of the trade mean."""
    terms = {each.id: each.text for each in sentences_of_terms(language)}
    known, asked = Known(terms, set(names_of_the_trade())), dict[str, dict[str, Any]]()
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                asked[part.tool_call_id] = part.args_as_dict()
            elif isinstance(part, ToolReturnPart) and part.outcome == "success":
                known.learn(part.content, part.tool_name, asked.get(part.tool_call_id, {}))
    return known


def _repeats(text: str, said: Sequence[Any]) -> bool:
    """Whether a sentence holds a number that an LLM gave as an argument."""
    numbers = [Figure(float(each), 9) for each in said if isinstance(each, int | float)]
    return any(number.is_rounded_from(figure) for number in numbers for figure in figures_of(text))


def _leaves(value: Any) -> Iterator[Any]:
    match value:
        case bool() | None:
            return
        case dict():
            for each in value.values():
                yield from _leaves(each)
        case list():
            for each in value:
                yield from _leaves(each)
        case _:
            yield value


@cache
def names_of_the_trade() -> frozenset[str]:
    """What models, backbones and settings are called: that names nothing that was measured."""
    found = {*backbones.names(), "murascope", "auroc", "aupr", "aupro"}
    for job in KINDS.values():
        for name, params in job.models().items():
            found |= {name, params.title}
    return frozenset(name.lower() for name in found)
