"""Words of the trade: which parts of a data set's name a word says, in English, Korean and Chinese. Read from phrases/things.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assistant.offline.phrases import PhraseTable

LEFT_OUT = re.compile(r"[\s_\-./]+")
Keys = frozenset[str]  # parts of names, by their English word: 磁瓦 says {magnetic, tile}


@dataclass(frozen=True, eq=False)
class Things:
    """The words, and what is known of the things they stand for."""

    table: PhraseTable  # finds them in a text; what stands for several things has several values
    keys: Mapping[str, tuple[Keys, ...]]  # all that a word, without blanks, can say
    also: Mapping[str, Keys]  # what else a thing is called: a pcb is a board
    generic: Keys  # tell no data set from others
    ordinary: Keys  # name no data set alone
    numbered: Keys  # have numbers


@cache
def things() -> Things:
    path = Path(__file__).parent / "phrases" / "things.toml"
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    said = [
        (form, thing)
        for thing, forms in (read["things"] | read["beside"]).items()
        for word in dict.fromkeys((thing, *forms))
        for form in dict.fromkeys((word, _plural(word)))
    ]
    keys: dict[str, tuple[Keys, ...]] = {}
    for form, thing in said:
        keys[squash(form)] = (*keys.get(squash(form), ()), frozenset(thing.split()))
    return Things(
        table=PhraseTable(said),
        keys=keys,
        also={thing: frozenset(others) for thing, others in read["also"].items()},
        generic=frozenset(read["generic"]),
        ordinary=frozenset([*read["ordinary"], *(thing for thing in read["beside"] if " " not in thing)]),
        numbered=frozenset(read["numbered"]),
    )


def squash(name: str) -> str:
    """Without the blanks and signs that people leave out, in lower case."""
    return LEFT_OUT.sub("", name.lower())


def _plural(word: str) -> str:
    """Of an English word: battery -> batteries, box -> boxes, cap -> caps."""
    if not word.isascii() or len(word) < 3:
        return word
    if word[-1] == "y" and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if re.search("(?:s|x|z|ch|sh)$", word) else "s")
