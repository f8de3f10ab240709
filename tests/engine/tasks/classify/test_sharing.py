from dataclasses import replace

import pytest

from engine.datasets.class_sizes import class_of
from engine.tasks.classify.sharing import share_out
from tests.engine.tasks.classify.pictures import items

SHARES = {"validation_share": 0.2, "test_share": 0.2}


def share(found, *, include_good=False, seed=0):
    return share_out(found, include_good=include_good, seed=seed, **SHARES)


def test_each_class_is_shared_out_by_itself():
    shared = share(items({"scratch": 20, "dent": 10, "stain": 5}))
    assert shared.classes == ["dent", "scratch", "stain"]
    assert shared.counts(shared.fit) == [6, 12, 3]
    assert shared.counts(shared.validation) == [2, 4, 1]
    assert shared.counts(shared.test) == [2, 4, 1]


def test_no_picture_is_in_two_parts_and_none_is_lost():
    found = items({"scratch": 13, "dent": 7})
    shared = share(found)
    names = [item.name for part in (shared.fit, shared.validation, shared.test) for item in part]
    assert sorted(names) == sorted(item.name for item in found)


@pytest.mark.parametrize("seed", range(5))
def test_a_group_goes_to_one_part_as_a_whole_and_every_part_has_every_class(seed):
    shared = share(items({"scratch": 24, "dent": 9}, groups={"scratch": 4, "dent": 3}), seed=seed)
    parts = [shared.fit, shared.validation, shared.test]
    groups = [{item.group for item in part} for part in parts]
    assert groups[0] & groups[1] == groups[0] & groups[2] == groups[1] & groups[2] == set()
    assert all(min(shared.counts(part)) > 0 for part in parts)


def test_the_seed_alone_decides_which_pictures_are_tested_with():
    found = items({"scratch": 20, "dent": 20})
    assert share(found).test == share(list(found)).test
    assert share(found).test != share(found, seed=1).test


def test_a_class_of_too_few_pictures_or_groups_is_left_out_and_named():
    found = items({"scratch": 10, "dent": 10, "stain": 2, "smear": 8}, groups={"smear": 4})
    shared = share(found)
    assert shared.classes == ["dent", "scratch"]
    assert shared.left_out == {"stain": 2, "smear": 2}


def test_good_pictures_are_a_class_only_where_they_are_asked_for():
    found = items({"good": 10, "scratch": 10, "dent": 10})
    assert share(found).classes == ["dent", "scratch"]
    assert share(found, include_good=True).classes == ["dent", "good", "scratch"]


def in_part(part, counts):
    return [replace(item, name=f"{part}/{item.name}", part=part) for item in items(counts)]


def test_parts_that_the_data_set_makes_itself_stay_as_they_are_and_others_are_taken_from_train():
    found = in_part("train", {"scratch": 20, "dent": 10}) + in_part("test", {"scratch": 3, "dent": 2})
    shared = share(found)
    assert (shared.counts(shared.fit), shared.counts(shared.validation)) == ([8, 16], [2, 4])
    assert sorted(shared.test, key=found.index) == found[30:]
    whole = share(found + in_part("validation", {"scratch": 1, "dent": 1}))
    assert whole.counts(whole.fit) == [10, 20]
    assert {item.part for item in whole.validation} == {"validation"}


def test_one_class_alone_is_refused_with_what_to_do():
    with pytest.raises(
        ValueError, match=r"one class, 'scratch'.*'stain' \(2\).*take include_good=true, or add pictures"
    ):
        share(items({"scratch": 10, "stain": 2, "good": 10}))


def test_defects_without_a_type_are_a_class_too():
    (item,) = items({"": 1})
    assert class_of(item) == "defective"
