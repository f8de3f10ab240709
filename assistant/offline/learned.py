"""What is learned from the examples (examples.py): which intent a sentence shows, where one that asks for several things is taken apart, which
of the choices of an argument it makes, and which argument a number in it is of.

It is fitted when it is first needed, in a process of its own (learning.py), and kept by the digest of all that it was made from: beside the
program where that can be written, else in the home. A file that cannot be read is made anew; where none can be written it stays
in memory. It is written aside and renamed, so two processes do each other no harm, and one makes it for all. Serving needs numpy alone.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import logging
import os
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from assistant.machine.own_process import PROJECT
from assistant.offline.cuts import Cut
from assistant.offline.features import Features, features_of_cut, features_of_number
from assistant.offline.linear import Linear
from assistant.offline.numbers import Number
from assistant.offline.reading import Reading
from assistant.tools import schema_of, tool_names
from prompts.languages import LANGUAGES, Language
from prompts.page_texts import page_texts

logger = logging.getLogger(__name__)

BESIDE_THE_PROGRAM = Path(__file__).parent / "learned"
IN_THE_HOME = "understanding"
LOCK = "learning.lock"
AT_SERVING = (  # of this folder, what no example is read with
    "arguments",
    "choices",
    "in_context",
    "model",
    "references",
    "requests",
    "runs_meant",
    "said",
    "splitting",
    "understand",
    "words",
)
MADE_FROM = (  # what an example is read with, and the examples
    "assistant/offline/*.py",
    "assistant/offline/phrases/*.toml",
    "assistant/offline/several.txt",
    "assistant/offline/talk/*/examples.txt",
    "assistant/offline/talk/*/talk.toml",
    "assistant/tools/*/examples.txt",
    "assistant/kinds/*/phrases.toml",
    "prompts/model_words.py",
    "prompts/models/*.toml",
    "engine/contract/joining.py",
    "engine/contract/jobs/*.py",
    "engine/contract/models/*.py",
    "engine/contract/classifiers/*.py",
)
FITTING_TIMEOUT_S = 900
INTENTS, CUTS, NUMBERS, CHOICES = "intents", "cuts", "numbers", "choices of "

_fitting = Lock()
_in_memory: dict[str, "Learned"] = {}


@dataclass(frozen=True, eq=False)
class Learned:
    """The classifiers: of `intents`, of whether a place in a sentence `cuts` it in two requests, of what `numbers` are, and, by intent, of the
    `choices` that it leaves: their labels are such as "device=cpu"."""

    intents: Linear
    cuts: Linear
    numbers: Linear
    choices: Mapping[str, Linear]

    def ranked(self, said: Features) -> list[tuple[str, float]]:
        """All intents with their scores, the likeliest first."""
        return self.intents.ranked(said)

    def parts_at(self, cut: Cut, reading: Reading) -> float:
        """The score of a place in a text where one request ends and the next begins."""
        return float(self.cuts.scores(features_of_cut(reading, cut))[0])

    def choices_made(self, intent: str, said: Features) -> dict[str, tuple[str, float]]:
        """Of each argument that is a choice the likeliest value, with its score: above 0 where it is said."""
        made: dict[str, tuple[str, float]] = {}
        if intent in self.choices:
            for label, score in self.choices[intent].ranked(said):
                argument, value = label.split("=", 1)
                made.setdefault(argument, (value, score))
        return made

    def argument_of(self, number: Number, reading: Reading, *, intent: str) -> tuple[str, float]:
        """The argument that a number in a request gives, "" for none, with its score."""
        return self.numbers.ranked(features_of_number(reading, number, intent=intent))[0]

    def as_bytes(self) -> bytes:
        file = io.BytesIO()
        named = {INTENTS: self.intents, CUTS: self.cuts, NUMBERS: self.numbers}
        named |= {f"{CHOICES}{intent}": each for intent, each in self.choices.items()}
        arrays: dict[str, Any] = {
            f"{name}/{part}": np.array(value) for name, each in named.items() for part, value in vars(each).items()
        }
        np.savez(file, **arrays)
        return file.getvalue()


def from_bytes(content: bytes) -> Learned:
    """Raises: ValueError: these are not all the bytes of what was learned."""
    named: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as read:
            for key in read.files:
                name, part = key.rsplit("/", 1)
                named[name][part] = read[key]
        made = {name: _linear(**parts) for name, parts in named.items()}
        intents, cuts, numbers = (made.pop(name) for name in (INTENTS, CUTS, NUMBERS))
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, TypeError) as error:
        raise ValueError(f"nothing that was learned: {error}") from None
    return Learned(intents, cuts, numbers, {name.removeprefix(CHOICES): each for name, each in made.items()})


def _linear(
    labels: np.ndarray, rarity: np.ndarray, weights: np.ndarray, bias: np.ndarray, mark_weight: np.ndarray
) -> Linear:
    return Linear(tuple(map(str, labels)), rarity, weights, bias, float(mark_weight))


def learned(home: Path | None = None) -> Learned:
    """What the examples teach as they are: from memory, from a file, else fitted now, which takes a while."""
    digest = digest_of_examples()
    with _fitting:
        if digest not in _in_memory:
            _in_memory[digest] = kept_or_made(_places(digest, home), make=_fitted)
        return _in_memory[digest]


@cache
def digest_of_examples() -> str:
    digest = hashlib.sha256(np.__version__.encode())
    for pattern in MADE_FROM:
        for path in sorted(PROJECT.glob(pattern)):
            if path.parent == Path(__file__).parent and path.stem in AT_SERVING:
                continue
            digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    schemas = {name: schema_of(name) for name in tool_names()}  # which arguments are choices, and which are numbers
    named = {code: _names_of_settings(code) for code in LANGUAGES}
    digest.update(json.dumps([schemas, named], sort_keys=True, allow_nan=False).encode())
    return digest.hexdigest()[:24]


def _names_of_settings(language: Language) -> dict[str, str]:
    """Of the page's words those by which a sentence can name a setting (phrases.py)."""
    return {key: str(text) for key, text in page_texts(language).items() if key.startswith("setting.")}


def kept_or_made(places: Sequence[Path], *, make: Callable[[], bytes]) -> Learned:
    """What stands at the first of these places which holds one; else what is made, and kept at the first that takes it. Processes that
    need it at once make it once: the others wait for it."""
    kept = _kept(places)
    if kept:
        return kept
    with _lock_beside(places):
        return _kept(places) or _made(places, make=make)


def _kept(places: Sequence[Path]) -> Learned | None:
    for path in places:
        with contextlib.suppress(OSError, ValueError):
            return from_bytes(path.read_bytes())
    return None


@contextlib.contextmanager
def _lock_beside(places: Sequence[Path]) -> Iterator[None]:
    """At the first place where a file can be made; none where none can."""
    with contextlib.ExitStack() as held:
        for path in places:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = held.enter_context((path.parent / LOCK).open("a"))
                fcntl.flock(file, fcntl.LOCK_EX)
                break
            except OSError as error:
                logger.info("no lock at %s: %s", path.parent, error)
        yield


def _made(places: Sequence[Path], *, make: Callable[[], bytes]) -> Learned:
    content = make()
    for path in places:
        try:
            _write(path, content)
            break
        except OSError as error:
            logger.warning("what was learned cannot be kept at %s: %s", path, error)
    return from_bytes(content)


def _fitted() -> bytes:
    command = [sys.executable, "-m", "assistant.offline.learning"]
    made = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=FITTING_TIMEOUT_S, check=False)
    if made.returncode != 0:
        raise RuntimeError(f"the examples could not be learned: {made.stderr.decode(errors='replace')[-500:]}")
    return made.stdout


def _places(digest: str, home: Path | None) -> list[Path]:
    folders = [BESIDE_THE_PROGRAM, *([home / IN_THE_HOME] if home is not None else [])]
    return [folder / f"{digest}.npz" for folder in folders]


def _write(path: Path, content: bytes) -> None:
    """Aside, then renamed; those of other examples are removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.stem}.{os.getpid()}.part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    for other in path.parent.glob("*.npz"):
        if other != path:
            other.unlink(missing_ok=True)
