"""Which classes a classifier learns of a data set, which it leaves out and why, and whether it keeps to a split that the data
set makes itself: the one judgement that all who ask share.

The check of a data set tells the sizes of its classes in its facts; a run counts those of the pictures that it has read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.contract.data import ClassSize, DataFacts, Part

GOOD_CLASS = "good"
UNNAMED = "defective"  # defects that the data set gives no type
LEAST_GROUPS = 3  # pictures of a class, or groups of them: one to learn from, one to watch, one to test with
LEAST_CLASSES = 2  # there is nothing to tell apart in one
PARTS = ("fit", "test", "validation")  # of a run, in the order in which they are filled where there is little


@dataclass(frozen=True)
class Classes:
    """Both in the order of the classes' names. `given` are the parts that the data set's own folders are, such as train and test;
    none where it is split here."""

    learnt: dict[str, ClassSize]
    left_out: dict[str, ClassSize]
    given: frozenset[Part] = frozenset()

    @property
    def are_enough(self) -> bool:
        return len(self.learnt) >= LEAST_CLASSES

    @property
    def pictures(self) -> dict[str, int]:
        """Of each class that is learnt."""
        return {name: size.pictures for name, size in self.learnt.items()}

    @property
    def needed(self) -> int:
        """Pictures of a class, or groups of them, at least: of all, or in train where the split is given."""
        return _least(self.given)

    @property
    def listed(self) -> str:
        """Every class with its number of pictures, such as "crack (60), stain (2)"."""
        sizes = sorted({**self.learnt, **self.left_out}.items())
        return ", ".join(f"{name} ({size.pictures})" for name, size in sizes)

    def lacks(self, name: str) -> Literal["pictures", "groups"]:
        """What a class that is left out has too few of."""
        return "pictures" if self.left_out[name].pictures < LEAST_GROUPS else "groups"


def classes_of(facts: DataFacts, *, include_good: bool) -> Classes:
    """The classes of a data set: its defect types, defects without one, and good pictures where they are asked for."""
    return judged(facts.classes if facts.classes is not None else _told_by_counts(facts), include_good=include_good)


def judged(sizes: Mapping[str, ClassSize], *, include_good: bool) -> Classes:
    """A class of fewer than three pictures, or groups of them, is left out. Where the data set is split by its own folders, so is
    a class that train has too few of, unless fewer than two would be left: then that split is none of classes, and not kept to.
    """
    asked = {name: size for name, size in sorted(sizes.items()) if include_good or name != GOOD_CLASS}
    given = frozenset(part for size in asked.values() for part in size.parts)
    kept_to = {name: size for name, size in asked.items() if size.parts.get("train", 0) >= _least(given)}
    if given > {"train"} and len(kept_to) >= LEAST_CLASSES:
        return Classes(kept_to, {name: size for name, size in asked.items() if name not in kept_to}, given)
    learnt = {name: size for name, size in asked.items() if size.groups >= LEAST_GROUPS}
    return Classes(learnt, {name: size for name, size in asked.items() if name not in learnt})


def portions_of(classes: Classes, *, validation_share: float, test_share: float) -> dict[str, dict[str, int]]:
    """How many pictures of each class that is learnt go to each part of a run. Exact where each picture is a group of its own;
    else as groups of one size would go, each with pictures of one class.
    """
    shares = {"validation": validation_share, "test": test_share}
    dealt_here = {part: share for part, share in shares.items() if part not in classes.given}
    found = {}
    for name, size in classes.learnt.items():
        held = {str(part): count for part, count in size.parts.items() if part in classes.given and part in shares}
        portion = Counter({part: round(count * size.pictures / size.groups) for part, count in held.items()})
        sizes = _even(size.pictures - portion.total(), size.groups - sum(held.values()))
        wanted = wanted_of(sum(sizes), dealt_here)
        for part, count in zip(deal(sizes, wanted, empty=[*wanted]), sizes, strict=True):
            portion[part] += count
        found[name] = {part: portion[part] for part in ("fit", "validation", "test")}
    return found


def wanted_of(total: int, shares: Mapping[str, float]) -> dict[str, float]:
    """Pictures that each part is to get of so many: its share, and what is left to learn from."""
    wanted = {part: shares[part] * total for part in PARTS if part in shares}
    return {"fit": total - sum(wanted.values()), **wanted}


def deal(sizes: Iterable[int], wanted: Mapping[str, float], *, empty: Sequence[str]) -> list[str]:
    """The part that each group of so many pictures goes to: the one that lacks the most, but none stays `empty` while there are any."""
    sizes, lacks, empty, dealt = [*sizes], dict(wanted), [*empty], []
    for place, size in enumerate(sizes):
        is_last_chance = len(sizes) - place <= len(empty)
        part = empty[0] if is_last_chance else max(lacks, key=lambda part: lacks[part])
        empty = [each for each in empty if each != part]
        lacks[part] -= size
        dealt.append(part)
    return dealt


def _even(pictures: int, groups: int) -> list[int]:
    """The sizes of so many groups of as good as one size, the larger ones first."""
    return [pictures // groups + (place < pictures % groups) for place in range(groups)]


def _least(given: frozenset[Part]) -> int:
    """Of the three that a class needs, those that no folder of its own holds must come from train."""
    return LEAST_GROUPS - len(given - {"train"})


def _told_by_counts(facts: DataFacts) -> dict[str, ClassSize]:
    """Of facts that an older version stored, which told no sizes of classes: each picture counts as a group."""
    counts = dict(facts.defect_types)
    counts[UNNAMED] = counts.get(UNNAMED, 0) + max(facts.test_defective - sum(facts.defect_types.values()), 0)
    counts[GOOD_CLASS] = counts.get(GOOD_CLASS, 0) + facts.train_good + facts.test_good
    return {name: ClassSize(pictures=count, groups=count) for name, count in counts.items() if count}
