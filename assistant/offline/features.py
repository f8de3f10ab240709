"""What a classifier of intents sees of a sentence: runs of one to four characters, with everything that was recognised masked by its kind,
and which kinds there are.

Runs of characters need no words cut apart, so the three languages are treated alike and a slip of the pen costs little. Masks make
"train padim on tile" and "train stfpm on oled" the same sentence.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from assistant.offline.answers import is_question
from assistant.offline.numbers import Number
from assistant.offline.phrases import MARKS, Found
from assistant.offline.reading import Reading

BUCKETS = 1 << 17  # features are told apart by their hash
LONGEST = 4  # characters
LONGEST_TEXT = 400  # what is asked for stands at the beginning or the end of a longer one
KIND_WEIGHT = 0.15  # beside characters, whose weights together have the length 1

FAMILY = "\ue010"
SHORT = 14
KINDS = (
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
MARK_RUN = re.compile(r"([\ue000-\ue010])\1*")
END = re.compile(r"[.!~。\s]+$")


@dataclass(frozen=True, eq=False)
class Features:
    """Of a text: its `buckets` (n) with how often each is there, dampened (n), and the buckets of what kinds of values there are (m)."""

    buckets: np.ndarray
    counts: np.ndarray
    kinds: np.ndarray


def features(reading: Reading) -> Features:
    """The features of a text, or of the part of one."""
    text = masked(reading)
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT // 2] + text[-LONGEST_TEXT // 2 :]
    text = f"\x02{text}\x03"
    runs = (text[at : at + size] for size in range(1, LONGEST + 1) for at in range(len(text) - size + 1))
    counts = Counter(map(_bucket, runs))
    return Features(
        np.fromiter(counts, np.int64, len(counts)),
        1 + np.log(np.fromiter(counts.values(), np.float64, len(counts))),
        np.array([_bucket(f"\x04{kind}") for kind in dict.fromkeys(_kinds(reading))], np.int64),
    )


def _bucket(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass")) % BUCKETS


def _kinds(reading: Reading) -> Iterator[str]:
    yield from (name for name, values in vars(reading).items() if name in KINDS and values)
    yield from ("weak" if setting.weak else "setting" for setting in reading.settings)
    yield from (f"unit {number.unit}" for number in reading.numbers)
    if "?" in reading.text:
        yield "question"
    if is_question(reading.text):
        yield "asks"
    if len(reading.text) < SHORT:
        yield "short"


def masked(reading: Reading) -> str:
    """The text with a single mark in place of all that was recognised."""
    letters = list(reading.text)
    lists: Mapping[str, Iterable[Found | Number]] = {
        MARKS["number"]: reading.numbers,
        MARKS["defect"]: reading.defects,
        MARKS["dataset"]: reading.datasets,
        MARKS["model"]: reading.models,
        FAMILY: reading.families,
    }
    for mark, found in lists.items():
        for each in found:
            start, end = each.start - reading.start, min(each.end - reading.start, len(letters))
            letters[start:end] = mark * (end - start)
    return END.sub("", " ".join(MARK_RUN.sub(r" \1 ", "".join(letters)).split()))
