"""Which intent a sentence shows: a linear classifier over runs of its characters (features.py), learned from the examples.

It is fitted when it is first needed, in a process of its own (learning.py), and kept by the digest of all that it was made from: beside the
program where that can be written, else in the home. A file that cannot be read is made anew; where none can be written it stays
in memory. It is written aside and renamed, so two processes do each other no harm. Serving needs numpy alone.
"""

import contextlib
import hashlib
import io
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np

from assistant.machine.own_process import PROJECT
from assistant.offline.features import BUCKETS, KIND_WEIGHT, Features, features
from assistant.offline.reading import Reading

logger = logging.getLogger(__name__)

BESIDE_THE_PROGRAM = Path(__file__).parent / "learned"
IN_THE_HOME = "understanding"
MADE_FROM = (  # what an example is read with, and the examples
    "assistant/offline/*.py",
    "assistant/offline/phrases/*.toml",
    "assistant/offline/talk/*/examples.toml",
    "assistant/tools/*/examples.toml",
    "assistant/tools/*/cues.toml",
    "assistant/kinds/*/phrases.toml",
    "prompts/models/*.toml",
    "prompts/locales/*.json",
    "prompts/kinds/*/*.json",
    "engine/contract/jobs/*.py",
    "engine/contract/models/*.py",
    "engine/contract/classifiers/*.py",
)
FITTING_TIMEOUT_S = 900

_fitting = Lock()
_in_memory: dict[str, "Intents"] = {}


@dataclass(frozen=True, eq=False)
class Intents:
    """The fitted classifier. `names` (K); `rarity` (BUCKETS) of each feature; `weights` (BUCKETS, K); `bias` (K)."""

    names: tuple[str, ...]
    rarity: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def ranked(self, reading: Reading) -> list[tuple[str, float]]:
        """All intents with their scores, the likeliest first. A score above 0 says that the sentence is one of these."""
        scores = self.scores(features(reading))
        order = np.argsort(-scores, kind="stable")
        return [(self.names[at], float(scores[at])) for at in order]

    def scores(self, of: Features) -> np.ndarray:
        """The score of each intent (K)."""
        values = of.counts * self.rarity[of.buckets]
        values /= np.linalg.norm(values) or 1.0
        scores = values @ self.weights[of.buckets].astype(np.float64) + self.bias
        return np.asarray(scores + KIND_WEIGHT * self.weights[of.kinds].astype(np.float64).sum(axis=0))

    def as_bytes(self) -> bytes:
        file = io.BytesIO()
        np.savez(file, names=np.array(self.names), rarity=self.rarity, weights=self.weights, bias=self.bias)
        return file.getvalue()


def from_bytes(content: bytes) -> Intents:
    """Raises: ValueError: these are not all the bytes of a classifier."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as read:
            found = Intents(tuple(map(str, read["names"])), read["rarity"], read["weights"], read["bias"])
    except (zipfile.BadZipFile, KeyError, EOFError, OSError) as error:
        raise ValueError(f"no classifier: {error}") from None
    if found.weights.shape != (BUCKETS, len(found.names)) or found.rarity.shape != (BUCKETS,):
        raise ValueError(f"no classifier of {BUCKETS} features: {found.weights.shape}")
    return found


def learned_intents(home: Path | None = None) -> Intents:
    """The classifier of the examples as they are: from memory, from a file, else fitted now, which takes a while."""
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
            digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def kept_or_made(places: Sequence[Path], *, make: Callable[[], bytes]) -> Intents:
    """The classifier that stands at the first of these places which holds one; else it is made, and kept at the first that takes it."""
    for path in places:
        with contextlib.suppress(OSError, ValueError):
            return from_bytes(path.read_bytes())
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
    return [folder / f"intents-{digest}.npz" for folder in folders]


def _write(path: Path, content: bytes) -> None:
    """Aside, then renamed; those of other examples are removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.stem}.{os.getpid()}.part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    for other in path.parent.glob("intents-*.npz"):
        if other != path:
            other.unlink(missing_ok=True)
