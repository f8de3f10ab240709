"""Which tool a sentence asks for, decided over what was recognised in it, whatever the language.

The words stand in phrases/*.toml, grouped by what they stand for ("show", "train", "dataset", ...), and in cues.toml of a tool's folder,
where they are that tool's alone. The rules over them stand in cues.toml, too: a decision list, in which the rule of the lowest rank
that fits decides; ranks leave room between them, and no two are alike. In a rule `&` joins what must all be there, `|` what may
stand in for each other, `!` what must be absent; `@dataset` is a recognised name rather than a word.
"""

from dataclasses import dataclass
from functools import cache

from assistant.tools import cues_of, tool_names


@dataclass(frozen=True)
class Rule:
    """What must hold for a sentence to ask for `tool`, or for none."""

    rank: int
    tool: str | None
    conditions: tuple[str, ...]


ASK_FOR_NOTHING = (  # that there is
    (120, "unsupported & !train"),
    (130, "@path & !train"),
    (140, "meaning"),
    (150, "term & !@run & !@dataset"),
    (160, "define & !recommend & !metric & !status & !results & !state_of & !@run"),
    (430, "adjust & metric & !@setting & !show & !what"),
)


def decide(facts: frozenset[str]) -> str | None:
    """The tool that a sentence with these facts asks for; None if it asks for nothing that there is."""
    fitting = (rule for rule in rules() if all(_holds(condition, facts) for condition in rule.conditions))
    rule = next(fitting, None)
    return rule.tool if rule else None


@cache
def rules() -> tuple[Rule, ...]:
    """All rules in the order in which they are tried."""
    found = [_rule(rank, None, when) for rank, when in ASK_FOR_NOTHING]
    found += [
        _rule(each["rank"], name, each["when"]) for name in tool_names() for each in cues_of(name).get("rules", [])
    ]
    return tuple(sorted(found, key=lambda rule: rule.rank))


def _rule(rank: int, tool: str | None, when: str) -> Rule:
    return Rule(rank, tool, tuple(part.strip() for part in when.split("&")))


def _holds(condition: str, facts: frozenset[str]) -> bool:
    if condition.startswith("!"):
        return condition[1:] not in facts
    return not facts.isdisjoint(condition.split("|"))
