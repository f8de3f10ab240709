"""Fits what is learned from the examples: linear support vector machines, one label against the rest. Deterministic.

Runs in a process of its own (`python -m assistant.offline.learning` writes what was learned to its standard output), for scikit-learn is
slow to load and needed for nothing else. What else was tried, with numbers, stands in LOG.md.
"""

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from assistant.offline.cuts import PLAIN, Cut, cuts_of
from assistant.offline.examples import Example, arguments_in, examples, registered_for, several
from assistant.offline.features import Features, features, features_of_cut, features_of_number
from assistant.offline.learned import Learned
from assistant.offline.linear import Linear
from assistant.offline.reading import Reading
from assistant.offline.recognise import recognise
from assistant.offline.values import argument_of, choices_made
from prompts.languages import LANGUAGES, Language

PLACES_OF_INTENTS, PLACES_OF_VALUES = 1 << 17, 1 << 15  # among which features are spread by their hash
REGULARISATION = 4.0  # C
OF_CUTS, OF_NUMBERS, OF_CHOICES = 1.0, 2.0, 8.0
MARK_WEIGHT, MARK_WEIGHT_OF_NUMBERS = 0.15, 0.3
# of the examples that ask for one thing, and of the places in each, that are no cuts; where there is a border, all are
EVERY, OF_EACH = 4, 4
NEXT_TO = 2  # characters from a true cut, where another is neither true nor false
AT_A_BORDER = 0.3  # what a comma, or a word such as "then", adds to a cut that may be the true one
NAMING = ("dataset", "model", "run")
FEWEST = 12  # examples from which a choice is learned
FOLDS = 5
PORTION = 500


@dataclass(frozen=True)
class Lesson:
    """An example, and what was recognised in it."""

    example: Example
    reading: Reading
    said: Features


def learn(lessons: Sequence[Lesson], more: Sequence[Lesson]) -> Learned:
    """All that these examples teach; `more`: those that ask for more than one thing. The intents, the longest to fit, are fitted beside
    what needs none of them: in another process, for all fits of a process draw from one row of random numbers."""
    with ProcessPoolExecutor(1) as beside:
        fitting = beside.submit(_fitted, *_of_intents(lessons), strength=REGULARISATION, mark_weight=MARK_WEIGHT)
        numbers, choices = _numbers(lessons), _choices(lessons)
        intents = fitting.result()
    return Learned(intents, _cuts(lessons, more, intents), numbers, choices)


def read_all(said: Sequence[Example]) -> list[Lesson]:
    """The examples as they are recognised, each where its data sets are registered."""
    portions = [said[at : at + PORTION] for at in range(0, len(said), PORTION)]
    if len(portions) < 3:
        return [lesson for portion in portions for lesson in _read(portion)]
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        return [lesson for read in pool.map(_read, portions) for lesson in read]


def _read(portion: Sequence[Example]) -> list[Lesson]:
    lessons = []
    for each in portion:
        reading = recognise(each.text, datasets=list(registered_for(each)), language=each.language)
        lessons.append(Lesson(each, reading, features(reading)))
    return lessons


def _of_intents(lessons: Sequence[Lesson]) -> tuple[Any, np.ndarray, list[str]]:
    """The features of all (n, places), how rare each is (places), and what each example asks for (n)."""
    matrix, rarity = _matrix([each.said for each in lessons], places=PLACES_OF_INTENTS, mark_weight=MARK_WEIGHT)
    return matrix, rarity, [each.example.intent for each in lessons]


def _cuts(lessons: Sequence[Lesson], more: Sequence[Lesson], intents: Linear) -> Linear:
    """The places where a request ends and the next begins, against all others."""
    said, labels = [], []
    for each in more:
        true = {cut.start for cut in _true_cuts(each, intents)}
        for cut in cuts_of(each.reading) if true else ():
            if cut.start in true or min(abs(cut.start - start) for start in true) > NEXT_TO:
                said.append(features_of_cut(each.reading, cut))
                labels.append(cut.start in true)
    for number, each in enumerate(lessons):
        cuts = cuts_of(each.reading)
        step = max(1, len(cuts) // OF_EACH)
        chosen = cuts[number % step :: step] if number % EVERY == 0 else []
        for cut in (*chosen, *(cut for cut in cuts if cut.border and cut not in chosen)):
            said.append(features_of_cut(each.reading, cut))
            labels.append(False)
    matrix, rarity = _matrix(said, places=PLACES_OF_VALUES, mark_weight=MARK_WEIGHT_OF_NUMBERS)
    return _fitted(matrix, rarity, labels, strength=OF_CUTS, mark_weight=MARK_WEIGHT_OF_NUMBERS)


def _true_cuts(lesson: Lesson, intents: Linear) -> Sequence[Cut]:
    """Where the requests meet that a sentence is known to make: where its parts show them most plainly, each with its own names; none where
    they do not show."""
    requests = [(told.split()[0], arguments_in(told)) for told in lesson.example.told.split(";")]
    cuts, at = cuts_of(lesson.reading), {label: place for place, label in enumerate(intents.labels)}

    @cache
    def fit(begin: int, end: int, number: int) -> float:
        reading = lesson.reading.between(begin, end)
        intent, arguments = requests[number]
        scores = intents.scores(features(reading))
        own = scores[at[intent]]
        others = np.delete(scores, at[intent]).max()
        names = {each.value for found in (reading.datasets, reading.models, reading.runs) for each in found}
        missing = {str(arguments[name]) for name in NAMING if name in arguments} - names
        return float(min(own, PLAIN) - max(0.0, others) / 2 - len(missing))

    best: tuple[float, Sequence[Cut]] = (0.0, ())
    for chosen in combinations(cuts, len(requests) - 1):
        begins, ends = [0, *(cut.start for cut in chosen)], [*(cut.end for cut in chosen), len(lesson.reading.words)]
        if all(begin < end for begin, end in zip(begins, ends, strict=True)):
            fits = sum(map(fit, begins, ends, range(len(requests))))
            best = max(
                best, (fits + AT_A_BORDER * sum(bool(cut.border) for cut in chosen), chosen), key=lambda each: each[0]
            )
    return best[1]


def _numbers(lessons: Sequence[Lesson]) -> Linear:
    said, labels = [], []
    for lesson in lessons:
        intent = lesson.example.intent
        for number in lesson.reading.counted:
            said.append(features_of_number(lesson.reading, number, intent=intent))
            labels.append(argument_of(number, intent, lesson.example.arguments))
    matrix, rarity = _matrix(said, places=PLACES_OF_VALUES, mark_weight=MARK_WEIGHT_OF_NUMBERS)
    return _fitted(matrix, rarity, labels, strength=OF_NUMBERS, mark_weight=MARK_WEIGHT_OF_NUMBERS)


def _choices(lessons: Sequence[Lesson]) -> dict[str, Linear]:
    """One classifier for each intent that has choices; each of its labels against all that do not have it."""
    of_intent: dict[str, list[Lesson]] = defaultdict(list)
    for lesson in lessons:
        of_intent[lesson.example.intent].append(lesson)
    learned = {}
    for intent, own in of_intent.items():
        made = [set(choices_made(intent, each.example.arguments, each.reading.counted)) for each in own]
        counts = Counter(label for labels in made for label in labels)
        kept = sorted(label for label, count in counts.items() if FEWEST <= count < len(own))
        if kept:
            matrix, rarity = _matrix([each.said for each in own], places=PLACES_OF_VALUES, mark_weight=MARK_WEIGHT)
            each = [
                _fitted(
                    matrix, rarity, [label in labels for labels in made], strength=OF_CHOICES, mark_weight=MARK_WEIGHT
                )
                for label in kept
            ]
            weights = np.concatenate([fitted.weights for fitted in each], axis=1)
            bias = np.concatenate([fitted.bias for fitted in each])
            learned[intent] = Linear(tuple(kept), rarity, weights, bias, MARK_WEIGHT)
    return learned


def _matrix(said: Sequence[Features], *, places: int, mark_weight: float) -> tuple[Any, np.ndarray]:
    """The features as a sparse matrix (n, places), and how rare each is (places)."""
    from scipy.sparse import csr_matrix

    runs = [each.runs % places for each in said]
    rarity = np.log((1 + len(said)) / (1 + np.bincount(np.concatenate(runs), minlength=places))) + 1
    columns = [np.concatenate([run, each.marks % places]) for run, each in zip(runs, said, strict=True)]
    values = [
        np.concatenate([_scaled(each.counts * rarity[run]), np.full(len(each.marks), mark_weight)])
        for run, each in zip(runs, said, strict=True)
    ]
    ends = np.cumsum([0, *map(len, columns)])
    return csr_matrix((np.concatenate(values), np.concatenate(columns), ends), shape=(len(said), places)), rarity


def _fitted(matrix: Any, rarity: np.ndarray, labels: Sequence[Any], *, strength: float, mark_weight: float) -> Linear:
    """Of two labels the score is that of the second."""
    from sklearn.svm import LinearSVC

    is_one = isinstance(labels[0], bool)
    weight = "balanced" if is_one else None
    machine = LinearSVC(C=strength, class_weight=weight, random_state=0, tol=1e-2, max_iter=2000).fit(matrix, labels)
    weights = np.ascontiguousarray(machine.coef_.T.astype(np.float16))
    return Linear(
        tuple(map(str, machine.classes_)), rarity.astype(np.float32), weights, machine.intercept_, mark_weight
    )


@dataclass(frozen=True)
class Counts:
    """Of the examples in a language: how many there are, and how many are right when they were left out."""

    said: int
    right: int


def cross_validated() -> dict[Language, Counts]:
    """The intent of each example judged by a classifier that has not seen it."""
    lessons = read_all(examples())
    right = np.zeros(len(lessons), bool)
    for fold in range(FOLDS):
        seen = [each for at, each in enumerate(lessons) if at % FOLDS != fold]
        fitted = _fitted(*_of_intents(seen), strength=REGULARISATION, mark_weight=MARK_WEIGHT)
        for at in range(fold, len(lessons), FOLDS):
            right[at] = fitted.ranked(lessons[at].said)[0][0] == lessons[at].example.intent
    spoken = np.array([each.example.language for each in lessons])
    return {
        language: Counts(int(sum(spoken == language)), int(sum(right[spoken == language]))) for language in LANGUAGES
    }


def _scaled(values: np.ndarray) -> np.ndarray:
    """To the length 1."""
    return values / (np.linalg.norm(values) or 1.0)


if __name__ == "__main__":
    sys.stdout.buffer.write(learn(read_all(examples()), read_all(several())).as_bytes())
