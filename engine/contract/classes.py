"""Which classes a classifier learns of a data set, and which it leaves out and why: the one judgement that all who ask share.

The check of a data set tells the sizes of its classes in its facts; a run counts those of the pictures that it has read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.contract.data import ClassSize, DataFacts

GOOD_CLASS = "good"
UNNAMED = "defective"  # defects that the data set gives no type
LEAST_GROUPS = 3  # pictures of a class, or groups of them: one to learn from, one to watch, one to test with
LEAST_CLASSES = 2  # there is nothing to tell apart in one


@dataclass(frozen=True)
class Classes:
    """Both in the order of the classes' names."""

    learnt: dict[str, ClassSize]
    left_out: dict[str, ClassSize]

    @property
    def are_enough(self) -> bool:
        return len(self.learnt) >= LEAST_CLASSES

    @property
    def pictures(self) -> dict[str, int]:
        """Of each class that is learnt."""
        return {name: size.pictures for name, size in self.learnt.items()}

    def lacks(self, name: str) -> Literal["pictures", "groups"]:
        """What a class that is left out has too few of."""
        return "pictures" if self.left_out[name].pictures < LEAST_GROUPS else "groups"


def classes_of(facts: DataFacts, *, include_good: bool) -> Classes:
    """The classes of a data set: its defect types, defects without one, and good pictures where they are asked for."""
    return judged(facts.classes if facts.classes is not None else _told_by_counts(facts), include_good=include_good)


def judged(sizes: Mapping[str, ClassSize], *, include_good: bool) -> Classes:
    """A class of fewer than three pictures, or groups of them, is left out."""
    asked = {name: size for name, size in sorted(sizes.items()) if include_good or name != GOOD_CLASS}
    learnt = {name: size for name, size in asked.items() if size.groups >= LEAST_GROUPS}
    return Classes(learnt, {name: size for name, size in asked.items() if name not in learnt})


def _told_by_counts(facts: DataFacts) -> dict[str, ClassSize]:
    """Of facts that an older version stored, which told no sizes of classes: each picture counts as a group."""
    counts = dict(facts.defect_types)
    counts[UNNAMED] = counts.get(UNNAMED, 0) + max(facts.test_defective - sum(facts.defect_types.values()), 0)
    counts[GOOD_CLASS] = counts.get(GOOD_CLASS, 0) + facts.train_good + facts.test_good
    return {name: ClassSize(pictures=count, groups=count) for name, count in counts.items() if count}
