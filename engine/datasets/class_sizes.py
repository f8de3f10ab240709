"""Which class a picture is of, and how many pictures and groups of them each class has."""

from collections import Counter
from collections.abc import Iterable, Sequence

from engine.contract.classes import GOOD_CLASS, UNNAMED
from engine.contract.data import ClassSize, Part
from engine.datasets import Item
from engine.datasets.splits import by_group


def class_of(item: Item) -> str:
    """The class of a picture whose label is known."""
    return GOOD_CLASS if item.label == "good" else item.defect_type or UNNAMED


def class_sizes(items: Iterable[Item]) -> dict[str, ClassSize]:
    """By class, in the order of their names; pictures without a label are of none."""
    known = [item for item in items if item.label != "unknown"]
    pictures = Counter(map(class_of, known))
    groups = groups_by_class(known)
    sizes = {name: {"pictures": pictures[name], "groups": len(groups[name])} for name in sorted(groups)}
    parts = {name: _by_part(name, groups[name]) for name in groups}
    return {
        name: ClassSize.model_validate(size | ({"parts": parts[name]} if parts[name] else {}))
        for name, size in sizes.items()
    }


def _by_part(name: str, groups: Sequence[Sequence[Item]]) -> Counter[Part]:
    """How many of the groups have pictures of the class in each part that the data set's own folders are."""
    found: Counter[Part] = Counter()
    for group in groups:
        found.update({item.part for item in group if item.part and class_of(item) == name})
    return found


def groups_by_class(items: Sequence[Item]) -> dict[str, list[list[Item]]]:
    """The groups that a class has pictures of, by class; of each group all its pictures."""
    found: dict[str, list[list[Item]]] = {}
    for group in by_group(items):
        for name in sorted({class_of(item) for item in group}):
            found.setdefault(name, []).append(group)
    return found
