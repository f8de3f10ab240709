"""The names inside a zip whose encoding nobody wrote down, as Windows in Korea, China and Japan packs it.

The bytes of a Chinese name are mostly a valid Korean one too. All names of an archive are of one encoding, so that one is taken
which makes the most usual words of all of them together: each character counts by how often it is used. What cannot be told is an
archive whose only name is one short word that makes a usual one in two encodings (benchmarks/archive_names.py counts them).
"""

import math
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "character_use.toml"
WESTERN = ("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1257")  # whose letters are in real use
# All are logarithms of a probability, up to one constant.
SPREAD = 50  # places by use count from here, as in Zipf's law: the very first are not far apart
NEVER_SEEN = 20_000  # the place of a character that is in no table
NO_CHARACTER = -30.0  # bytes that are none in the encoding
WESTERN_LETTER = -3.5
BESIDE_LATIN = -2.0  # an Asian character that touches a Latin letter: mostly that was one with an accent
OLD_WESTERN = -7.0  # once an archive, for the encoding of DOS: who has accents marks names as UTF-8 today


def decode_names(raw: list[bytes]) -> list[str]:
    """The names of one archive, in their order, composed (NFC). One that is not of the encoding of the others is read as DOS did."""
    parts = {part for name in raw for part in name.split(b"/") if not part.isascii()}
    ways = ("utf-8", *_use(), "cp437")  # of two that are as good the first
    encoding = max(ways, key=lambda way: _likelihood(parts, way)) if parts else "ascii"
    return [unicodedata.normalize("NFC", _decoded(name, encoding)) for name in raw]


def _decoded(name: bytes, encoding: str) -> str:
    try:
        return name.decode(encoding)
    except UnicodeDecodeError:
        return name.decode("cp437")


def _likelihood(parts: Iterable[bytes], encoding: str) -> float:
    total = OLD_WESTERN if encoding == "cp437" else 0.0
    for part in parts:
        text = unicodedata.normalize("NFC", part.decode(encoding, errors="replace"))
        for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False):
            if not character.isascii():
                total += _weight(character, encoding)
            if not character.isascii() and not _is_western(character):
                total += BESIDE_LATIN * sum(each.isascii() and each.isalpha() for each in (before, after))
    return total


def _weight(character: str, encoding: str) -> float:
    if character == "\N{REPLACEMENT CHARACTER}":
        return NO_CHARACTER
    if encoding in ("utf-8", "cp437") and _is_western(character):
        return WESTERN_LETTER
    tables = _use().values() if encoding == "utf-8" else [_use().get(encoding, {})]
    return -math.log(min(table.get(character, NEVER_SEEN) for table in tables) + SPREAD)


@cache
def _is_western(character: str) -> bool:
    return character.isalpha() and any(character.encode(page, errors="ignore") for page in WESTERN)


@cache
def _use() -> dict[str, dict[str, int]]:
    """The place of each character by use, by encoding."""
    tables = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {encoding: {each: place for place, each in enumerate(used)} for encoding, used in tables.items()}
