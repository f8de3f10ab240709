"""What the classifiers see of a sentence, of a number in it, and of a place where it can be taken apart: runs of one to four characters, with every name and every number masked by
its kind, and marks for what was recognised.

Runs of characters need no words cut apart, so the three languages are treated alike and a slip of the pen costs little. Masks make
"train padim on tile" and "train stfpm on oled" the same sentence.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log2
from zlib import crc32

import numpy as np

from assistant.offline.answers import is_question
from assistant.offline.cuts import Cut
from assistant.offline.numbers import Number
from assistant.offline.phrases import ALL_MARKS
from assistant.offline.reading import Reading

LONGEST = 4  # characters
LONGEST_TEXT = 400  # what is asked for stands at the beginning or the end of a longer one
AROUND, BESIDE = 24, 6  # characters before and after a number or a cut, and directly at it
SHORT = 14

RECOGNISED = (
    "datasets",
    "models",
    "tasks",
    "numbers",
    "runs",
    "proposals",
    "families",
    "defects",
    "states",
    "terms",
    "deeds",
)
MARK_RUN = re.compile(rf"([{ALL_MARKS}])\1*")
END = re.compile(r"[.!~。\s]+$")


@dataclass(frozen=True, eq=False)
class Features:
    """The hashes of runs of characters (n), how often each is there, dampened (n), and the hashes of marks (m)."""

    runs: np.ndarray
    counts: np.ndarray
    marks: np.ndarray


def features(reading: Reading) -> Features:
    """Those of a text, or of the part of one."""
    text = END.sub("", _collapsed(reading.words))
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT // 2] + text[-LONGEST_TEXT // 2 :]
    return _hashed(_runs(f"\x02{text}\x03"), _marks(reading))


def features_of_number(reading: Reading, number: Number, *, intent: str) -> Features:
    """Those of what stands around a number in a request: which setting it belongs to is told by the words beside it, its unit, its size."""
    runs = _runs_around(reading.words, number.start - reading.start, number.end - reading.start)
    return _hashed(runs, _marks_of_number(reading, number, intent=intent))


def features_of_cut(reading: Reading, cut: Cut) -> Features:
    """Those of a place where a text can be taken apart: what stands around it, and what was recognised on either side."""
    return _hashed(_runs_around(reading.words, cut.end, cut.start), _marks_of_cut(reading, cut))


def _runs_around(text: str, start: int, end: int) -> Iterator[str]:
    before, after = text[:start][-AROUND:], text[end:][:AROUND]
    before = _collapsed(before if start > AROUND else "\x02" + before)
    after = _collapsed(after if len(text) - end > AROUND else after + "\x03")
    sides = {"<": before, ">": after, "[": before[-BESIDE:], "]": after[:BESIDE]}
    return (side + run for side, text in sides.items() for run in _runs(text))


def _runs(text: str) -> Iterator[str]:
    return (text[at : at + size] for size in range(1, LONGEST + 1) for at in range(len(text) - size + 1))


def _hashed(runs: Iterable[str], marks: Iterable[str]) -> Features:
    counts = Counter(map(_hash, runs))
    return Features(
        np.fromiter(counts, np.int64, len(counts)),
        1 + np.log(np.fromiter(counts.values(), np.float64, len(counts))),
        np.array([_hash(f"\x04{mark}") for mark in dict.fromkeys(marks)], np.int64),
    )


def _hash(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass"))


def _collapsed(text: str) -> str:
    """A single mark in place of each name and number."""
    return " ".join(MARK_RUN.sub(r" \1 ", text).split())


def _marks(reading: Reading) -> Iterator[str]:
    yield from (name for name in RECOGNISED if getattr(reading, name))
    yield from ("weak" if setting.weak else "setting" for setting in reading.settings)
    yield from (f"unit {number.unit}" for number in reading.counted)
    if "?" in reading.text:
        yield "question"
    if is_question(reading.text):
        yield "asks"
    if len(reading.text) < SHORT:
        yield "short"


def _marks_of_number(reading: Reading, number: Number, *, intent: str) -> Iterator[str]:
    size = _size(number.value)
    yield from (f"intent {intent}", f"unit {number.unit}", size, f"{number.unit} {size}")
    if number.in_words:
        yield "in words"
    before = [name for name in reading.names if name.end <= number.start]
    after = [name for name in reading.names if name.start >= number.end]
    yield from (f"after {name.value}" for name in before[-1:])
    yield from (f"before {name.value}" for name in after[:1])


def _marks_of_cut(reading: Reading, cut: Cut) -> Iterator[str]:
    sides = dict(zip("<>", cut.sides(reading), strict=True))
    for name in (*RECOGNISED, "settings"):
        having = "".join(side for side, part in sides.items() if getattr(part, name))
        yield from (f"{side}{name}" for side in having)
        if len(having) == len(sides):
            yield f"<>{name}"
    yield f"border {cut.border}"
    yield "border" if cut.border else "no border"


def _size(value: float) -> str:
    if value <= 0 or value != int(value):
        return "none" if value <= 0 else "small share" if value < 0.1 else "share" if value < 1 else "fraction"
    return "pixels" if value >= 64 and value % 32 == 0 else f"2^{min(int(log2(value)), 12)}"
