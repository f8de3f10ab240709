"""Which pictures are learnt from, which set the threshold, which are tested with. By seed alone; no picture twice.

Pictures of one group (a panel, a lot, a sequence) look alike: the parts that this file makes never share a group.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from engine.contract.policy import TEST_SHARE, held_out
from engine.datasets import Item

MOST_HELD_OUT = 0.99  # all shares together; more leaves next to nothing of any number
Shares = tuple[float, float, float]  # of the good pictures: for the threshold, for testing, for validation


@dataclass(frozen=True)
class Split:
    """fit, validation and calibration are good pictures of the training split; labelled are the defective ones that are
    learnt from; test is everything else. few_labelled are the defect types that would be learnt from, but have a single
    picture or group, which is tested with."""

    fit: list[Item]
    validation: list[Item]
    calibration: list[Item]
    test: list[Item]
    labelled: list[Item] = field(default_factory=list)
    few_labelled: list[str] = field(default_factory=list)


def split_items(
    items: list[Item], *, calibration_share: float, validation_share: float, seed: int, labelled_share: float = 0.0
) -> Split:
    """Share out the readable pictures.

    Good pictures are held out for testing only where the data set keeps none itself. Calibration and test are the same
    with and without validation pictures, so that models of both kinds can be compared and fused. `labelled_share` of
    each defect type's pictures is learnt from; at least one of each type stays in the test.

    Raises:
        ValueError: too few good pictures, or groups of them, to learn from some and hold others out.
    """
    good = [item for item in items if item.split == "train" and item.label == "good"]
    test = [item for item in items if item.split == "test"]
    has_own_test = any(item.label == "good" for item in test)
    shares = (calibration_share, 0.0 if has_own_test else TEST_SHARE, validation_share)
    counts = _held_out(len(good), shares)
    if len(good) <= sum(counts):
        raise ValueError(_too_few(len(good), shares))
    calibration, tested, validation, fit = _share_out(good, counts, np.random.default_rng(seed))
    labelled = _labelled(test, share=labelled_share, seed=seed)
    learnt = {item.name for item in labelled}
    test = [item for item in [*test, *tested] if item.name not in learnt]
    types = {item.defect_type or "" for item in test if item.label == "defective"}
    few = sorted(types - {item.defect_type or "" for item in labelled}) if labelled_share > 0 else []
    return Split(
        fit=_by_name(fit),
        validation=_by_name(validation),
        calibration=_by_name(calibration),
        test=_by_name(test),
        labelled=_by_name(labelled),
        few_labelled=few,
    )


def cut_good(items: list[Item], most: int | None, *, seed: int) -> list[Item]:
    """The items with at most `most` good pictures of the training split, whole groups where they fit; all with None. Each seed draws others."""
    good = [item for item in items if item.split == "train" and item.label == "good"]
    if most is None or len(good) <= most:
        return items
    groups, kept = by_group(good), set[str]()
    for i in np.random.default_rng([seed, most]).permutation(len(groups)):
        if not kept or len(kept) + len(groups[i]) <= most:
            kept |= {item.name for item in groups[i][:most]}
    left_out = {item.name for item in good} - kept
    return [item for item in items if item.name not in left_out]


def folds(items: Sequence[Item], k: int, seed: int) -> list[tuple[list[Item], list[Item]]]:
    """`k` ways to fit on some of the items and hold the others out; every item is held out exactly once.

    There are fewer folds where there are fewer groups (pictures without a group count as one each).

    Raises:
        ValueError: fewer than two items, or all of one group: nothing would be left to fit on.
    """
    groups = by_group(items)
    if len(groups) < 2:
        of = "pictures" if len(items) < 2 else "groups of pictures"
        raise ValueError(f"{len(groups)} {of} cannot be shared out to folds; 2 are needed, 20 or more are a start")
    assert k >= 2, k
    order = np.random.default_rng(seed).permutation(len(groups))
    parts = [[item for i in part for item in groups[i]] for part in np.array_split(order, min(k, len(groups)))]
    return [
        (_by_name(item for other in parts if other is not part for item in other), _by_name(part)) for part in parts
    ]


def _share_out(good: list[Item], counts: list[int], generator: np.random.Generator) -> list[list[Item]]:
    """Parts of about `counts` pictures, whole groups each, and what is left; no part that asks for any is empty.

    Raises:
        ValueError: there are too few groups for that.
    """
    groups = by_group(good)
    needed = sum(number > 0 for number in counts) + 1
    if len(groups) < needed:
        raise ValueError(
            f"the {len(good)} good pictures are of {len(groups)} groups (panels, lots): too few, since a group is never "
            f"shared out to two parts; {needed} are needed"
        )
    waiting = [groups[i] for i in generator.permutation(len(groups))]
    parts: list[list[Item]] = []
    for place, number in enumerate(counts):
        part: list[Item] = []
        still_to_come = sum(later > 0 for later in counts[place + 1 :]) + 1
        while len(part) < number and len(waiting) > still_to_come:
            part += waiting.pop(0)
        parts.append(part)
    return [*parts, [item for group in waiting for item in group]]


def _labelled(test: list[Item], *, share: float, seed: int) -> list[Item]:
    """The defective pictures to learn from: about `share` of each type, whole groups, never all of a type."""
    types: dict[str, list[Item]] = {}
    for item in test if share > 0 else []:
        if item.label == "defective":
            types.setdefault(item.defect_type or "", []).append(item)
    taken: list[Item] = []
    for name, items in types.items():
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])  # another type more changes nothing here
        groups = by_group(items)
        wanted = max(1, round(share * len(items)))
        learnt: list[Item] = []
        for i in generator.permutation(len(groups))[:-1]:
            if len(learnt) < wanted:
                learnt += groups[i]
        taken += learnt
    return taken


def by_group(items: Iterable[Item]) -> list[list[Item]]:
    """The items by group, in the order of their first one; an item without a group is one by itself."""
    groups: dict[tuple[bool, str], list[Item]] = {}
    for item in items:
        key = (False, item.name) if item.group is None else (True, item.group)
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _by_name(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: item.name)


def least_good(*, calibration_share: float, validation_share: float, has_own_test: bool) -> int:
    """The least number of good pictures that can be shared out; the shares must leave some of them."""
    return _least((calibration_share, 0.0 if has_own_test else TEST_SHARE, validation_share))


def _held_out(good: int, shares: Shares) -> list[int]:
    """Pictures for threshold, test and validation, at least one for each share that is not 0."""
    return [held_out(good, share) for share in shares]


def _least(shares: Shares, *, above: int = 0) -> int:
    assert sum(shares) <= MOST_HELD_OUT
    return next(good for good in count(above + 1) if good > sum(_held_out(good, shares)))


def _too_few(good: int, shares: Shares) -> str:
    counts = _held_out(good, shares)
    held_out = f"{sum(counts)} are held out (threshold {counts[0]}, validation {counts[2]}, test {counts[1]})"
    if sum(shares) > MOST_HELD_OUT:
        return (
            f"of {good} readable good pictures {held_out}: nothing is left to learn from; "
            "lower calibration_share or validation_share"
        )
    return (
        f"{good} readable good pictures are too few: {held_out} and at least one must be left to learn from; "
        f"{_least(shares, above=good)} are needed, 20 or more are a start"
    )
