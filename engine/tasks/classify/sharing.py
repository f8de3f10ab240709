"""Which pictures are of which class, and which of them are learnt from, watched and tested with.

A class is a defect type; good pictures are one of their own where they are asked for. Parts that the data set's own folders are,
such as train and test, stay as they are. Each class is shared out to the others by itself, so that every part has all of them, and a
group (panel, lot, sequence) goes to one part as a whole.
"""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.contract.classes import LEAST_GROUPS, PARTS, Classes, deal, judged, wanted_of
from engine.contract.data import Part
from engine.datasets import Item
from engine.datasets.class_sizes import class_of, class_sizes, groups_by_class


@dataclass(frozen=True)
class Shared:
    """The parts, the classes in the order of their names, and those left out with their number of groups. `given` are the
    parts that the data set made itself, `needed` the pictures or groups of a class."""

    classes: list[str]
    fit: list[Item]
    validation: list[Item]
    test: list[Item]
    left_out: dict[str, int]
    given: frozenset[Part] = frozenset()
    needed: int = LEAST_GROUPS

    def index_of(self, item: Item) -> int:
        return self.classes.index(class_of(item))

    def counts(self, part: Sequence[Item]) -> list[int]:
        """How many pictures each class has in a part."""
        found = Counter(class_of(item) for item in part)
        return [found[name] for name in self.classes]


def share_out(
    items: Sequence[Item], *, include_good: bool, validation_share: float, test_share: float, seed: int
) -> Shared:
    """Share out the pictures that have a class. A class of fewer than three pictures, or groups of them, is left out.

    Raises:
        ValueError: fewer than two classes are left.
    """
    classed = [item for item in items if item.label == "defective" or (include_good and item.label == "good")]
    classes = judged(class_sizes(classed), include_good=include_good)
    left_out = {name: size.groups for name, size in classes.left_out.items()}
    kept = [item for item in classed if class_of(item) in classes.learnt]
    if not classes.are_enough:
        raise ValueError(_too_few_classes(classes, include_good=include_good))
    held = [item for item in kept if classes.given and item.part in ("validation", "test")]
    shares = {"validation": validation_share, "test": test_share}
    missing = {part: share for part, share in shares.items() if part not in classes.given}
    part_of = {item.name: str(item.part) for item in held}
    part_of |= _dealt([item for item in kept if item.name not in part_of], missing, seed)
    parts = {name: [item for item in kept if part_of[item.name] == name] for name in PARTS}
    return Shared(
        [*classes.learnt], parts["fit"], parts["validation"], parts["test"], left_out, classes.given, classes.needed
    )


def _dealt(items: Sequence[Item], shares: dict[str, float], seed: int) -> dict[str, str]:
    """The part of each picture by its name: rare classes choose first, and each has a group in every part while there are any."""
    part_of: dict[str, str] = {}
    by_class = groups_by_class(items)
    for name in sorted(by_class, key=lambda name: (len(by_class[name]), name)):
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])  # a class more changes no other's order
        groups = [by_class[name][i] for i in generator.permutation(len(by_class[name]))]
        groups.sort(key=lambda group: -_count(group, name))  # large ones first: small ones then even out the shares
        wanted = wanted_of(sum(_count(group, name) for group in groups), shares)
        waiting = [group for group in groups if group[0].name not in part_of]
        for group in groups:
            if group[0].name in part_of:
                wanted[part_of[group[0].name]] -= _count(group, name)
        empty = [part for part in wanted if not any(part_of.get(group[0].name) == part for group in groups)]
        dealt = deal([_count(group, name) for group in waiting], wanted, empty=empty)
        for group, part in zip(waiting, dealt, strict=True):
            part_of |= {item.name: part for item in group}
    return part_of


def _count(group: Sequence[Item], name: str) -> int:
    return sum(class_of(item) == name for item in group)


def _too_few_classes(classes: Classes, *, include_good: bool) -> str:
    have = f"one class, {next(iter(classes.learnt))!r}" if classes.learnt else "no class"
    small = ", ".join(f"{name!r} ({size.groups})" for name, size in classes.left_out.items())
    why = (
        f"; too small to learn from and test with ({LEAST_GROUPS} pictures or groups are needed): {small}"
        if small
        else ""
    )
    what = (
        "add pictures of another class" if include_good else "take include_good=true, or add pictures of another class"
    )
    return f"there is {have} with enough pictures, and two are needed to tell apart{why}; {what}"
