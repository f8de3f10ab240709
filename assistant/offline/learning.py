"""Fits the classifier of intents to the examples: a linear support vector machine, one intent against the rest. Deterministic.

Runs in a process of its own (`python -m assistant.offline.learning` writes the classifier to its standard output), for scikit-learn is
slow to load and needed for nothing else. What else was tried, with numbers, stands in LOG.md.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.offline.examples import Example, examples, names_in_examples
from assistant.offline.features import BUCKETS, KIND_WEIGHT, Features, features
from assistant.offline.intents import Intents
from assistant.offline.recognise import recognise
from prompts.languages import LANGUAGES, Language

REGULARISATION = 4.0  # C
FOLDS = 5


def fit(said: Sequence[Features], intents: Sequence[str]) -> Intents:
    """The classifier of sentences that show these intents."""
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    there = np.bincount(np.concatenate([each.buckets for each in said]), minlength=BUCKETS)
    rarity = np.log((1 + len(said)) / (1 + there)) + 1
    columns = [np.concatenate([each.buckets, each.kinds]) for each in said]
    values = [
        np.concatenate([_scaled(each.counts * rarity[each.buckets]), np.full(len(each.kinds), KIND_WEIGHT)])
        for each in said
    ]
    ends = np.cumsum([0, *map(len, columns)])
    matrix = csr_matrix((np.concatenate(values), np.concatenate(columns), ends), shape=(len(said), BUCKETS))
    machine = LinearSVC(C=REGULARISATION, random_state=0).fit(matrix, intents)
    return Intents(
        tuple(map(str, machine.classes_)),
        rarity.astype(np.float32),
        np.ascontiguousarray(machine.coef_.T.astype(np.float16)),
        machine.intercept_,
    )


def read_all(said: Sequence[Example]) -> list[Features]:
    """The features of each example; the data sets that they speak of are known."""
    names = names_in_examples(said)
    return [features(recognise(each.text, datasets=names, language=each.language)) for each in said]


@dataclass(frozen=True)
class Counts:
    """Of the examples in a language: how many there are, and how many are right when they were left out."""

    said: int
    right: int


def cross_validated() -> dict[Language, Counts]:
    """Each example judged by a classifier that has not seen it."""
    learned = examples()
    seen, intents = read_all(learned), np.array([each.intent for each in learned])
    fold = np.array([at % FOLDS for at in range(len(learned))])
    right = np.zeros(len(learned), bool)
    for each in range(FOLDS):
        kept = np.flatnonzero(fold != each)
        fitted = fit([seen[at] for at in kept], list(intents[kept]))
        for at in np.flatnonzero(fold == each):
            right[at] = fitted.names[int(np.argmax(fitted.scores(seen[at])))] == intents[at]
    spoken = np.array([each.language for each in learned])
    return {
        language: Counts(int(sum(spoken == language)), int(sum(right[spoken == language]))) for language in LANGUAGES
    }


def _scaled(values: np.ndarray) -> np.ndarray:
    """To the length 1."""
    return values / (np.linalg.norm(values) or 1.0)


if __name__ == "__main__":
    learned = examples()
    sys.stdout.buffer.write(fit(read_all(learned), [each.intent for each in learned]).as_bytes())
