"""Which classes a data set has for a classifier, as its facts tell: defect types, and good pictures where they are asked for."""

from collections.abc import Mapping

from engine.contract.data import DataFacts
from engine.contract.jobs.classify import GOOD_CLASS, LEAST_GROUPS, UNNAMED


def classes_in(facts: DataFacts, *, include_good: bool) -> dict[str, int]:
    """Pictures by class, in the order of their names."""
    found = dict(facts.defect_types)
    unnamed = facts.test_defective - sum(found.values())
    if unnamed > 0:
        found[UNNAMED] = found.get(UNNAMED, 0) + unnamed
    good = good_in(facts)
    if include_good and good:
        found[GOOD_CLASS] = good
    return dict(sorted(found.items()))


def good_in(facts: DataFacts) -> int:
    return facts.train_good + facts.test_good


def large_enough(classes: Mapping[str, int]) -> dict[str, int]:
    """Those that can be learnt from, watched and tested with."""
    return {name: count for name, count in classes.items() if count >= LEAST_GROUPS}
