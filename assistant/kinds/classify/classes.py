"""Which classes a data set has for a classifier, as its facts tell: defect types, and good pictures where they are asked for."""

from collections.abc import Mapping
from typing import Any

from engine.contract.jobs.classify import GOOD_CLASS, LEAST_GROUPS, UNNAMED


def classes_in(facts: Mapping[str, Any], *, include_good: bool) -> dict[str, int]:
    """Pictures by class, in the order of their names."""
    found = {str(name): int(count) for name, count in facts["defect_types"].items()}
    unnamed = int(facts["test_defective"]) - sum(found.values())
    if unnamed > 0:
        found[UNNAMED] = found.get(UNNAMED, 0) + unnamed
    good = good_in(facts)
    if include_good and good:
        found[GOOD_CLASS] = good
    return dict(sorted(found.items()))


def good_in(facts: Mapping[str, Any]) -> int:
    return int(facts["train_good"]) + int(facts["test_good"])


def large_enough(classes: Mapping[str, int]) -> dict[str, int]:
    """Those that can be learnt from, watched and tested with."""
    return {name: count for name, count in classes.items() if count >= LEAST_GROUPS}
