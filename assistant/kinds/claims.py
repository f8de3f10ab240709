"""What is so about a run, a comparison, a data set or a plan, before it is worded (assistant/telling words it in three languages).

A claim is made by code from typed facts. Its values are all that its sentence may hold: figures with their rounding, names, lists of these.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.contract.results import Interval, WeightsUsed
from prompts.figures import Figure, Rounding, Within, count

# Paragraphs of an answer, each of patterns of ids without their subject; one that ends in `*` is a list of all that fit.
Outline = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Offer:
    """What a claim proposes to do: a tool with its arguments. `says` names how a person asks for it, worded over `values`."""

    says: str
    tool: str
    arguments: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """Something that is so. `id` begins with what it is about, such as r3; `what` names its wording (prompts/telling/)."""

    id: str
    what: str
    values: Mapping[str, Any] = field(default_factory=dict)
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True)
class About:
    """Makes claims about one thing: ids begin with its name, and each claim holds what `named` says; that it is a run, where it says nothing."""

    subject: str
    wording: str = ""  # the kind whose wordings these are; empty: those that all share
    named: Mapping[str, Any] | None = None

    def claim(self, id: str, what: str, **values: Any) -> Claim:
        prefix = f"{self.wording}." if self.wording else ""
        named = {"run": self.subject} if self.named is None else self.named
        return Claim(f"{self.subject}.{id}", f"{prefix}{what}", {**named, **values})


def within(interval: Interval | None, rounding: Rounding) -> Within | None:
    """None also where it is a point: then nothing is known about the spread."""
    if interval is None or interval[0] == interval[1]:
        return None
    return Within(Figure(interval[0], rounding), Figure(interval[1], rounding))


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Each name as an id holds it: letters and digits alone, no two alike."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        plain = "".join(each if each.isalnum() else "_" for each in name.casefold()).strip("_") or "_"
        taken, number = set(found.values()), 2
        unique = plain
        while unique in taken:
            unique, number = f"{plain}_{number}", number + 1
        found[name] = unique
    return found


def on_what_it_rests(about: About, *, weights: WeightsUsed, synthetic: bool, broken: int) -> list[Claim]:
    """What makes the figures of any kind of run worth less."""
    claims = []
    if broken:
        claims.append(about.claim("broken", "broken", broken=count(broken)))
    if weights.source == "random":
        claims.append(about.claim("random_weights", "random_weights", backbone=weights.backbone))
    if synthetic:
        claims.append(about.claim("synthetic", "synthetic"))
    return claims
