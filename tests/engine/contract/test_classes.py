"""Which classes are learnt, which are left out, and what those lack."""

from engine.contract.classes import classes_of, judged
from engine.contract.data import ClassSize, DataFacts


def sizes(**counts):
    """By class: pictures and groups."""
    return {name: ClassSize(pictures=pictures, groups=groups) for name, (pictures, groups) in counts.items()}


def facts(**changes):
    counts = {"train_good": 0, "test_good": 0, "test_defective": 0}
    return DataFacts(layout="folder", path="/data", **counts | changes)


def test_a_class_of_too_few_pictures_or_of_too_few_groups_is_left_out_and_says_which():
    classes = judged(sizes(stain=(12, 2), dent=(2, 2), crack=(12, 3), burr=(3, 3)), include_good=False)
    assert classes.pictures == {"burr": 3, "crack": 12}
    assert {name: classes.lacks(name) for name in classes.left_out} == {"dent": "pictures", "stain": "groups"}
    assert classes.are_enough


def test_good_pictures_are_a_class_only_where_they_are_asked_for():
    data = facts(classes=sizes(good=(20, 20), crack=(12, 3)))
    assert [*classes_of(data, include_good=False).learnt] == ["crack"]
    assert [*classes_of(data, include_good=True).learnt] == ["crack", "good"]
    assert not classes_of(data, include_good=False).are_enough


def test_facts_of_an_older_version_count_each_picture_as_a_group_and_defects_without_a_type_as_a_class():
    data = facts(train_good=5, test_good=1, test_defective=9, defect_types={"crack": 4})
    assert classes_of(data, include_good=True).pictures == {"crack": 4, "defective": 5, "good": 6}


def split_sizes(**parts):
    """By class: groups in train, and in test."""
    return {
        name: ClassSize(pictures=train + test, groups=train + test, parts={"train": train, "test": test})
        for name, (train, test) in parts.items()
    }


def test_a_split_of_the_data_set_is_kept_to_and_a_class_that_train_lacks_is_left_out():
    classes = judged(split_sizes(crack=(4, 2), dent=(2, 0), burr=(1, 9)), include_good=False)
    assert ([*classes.learnt], [*classes.left_out]) == (["crack", "dent"], ["burr"])
    assert (classes.given, classes.needed) == ({"train", "test"}, 2)


def test_a_split_that_keeps_all_defects_for_the_test_is_none_of_classes():
    classes = judged(split_sizes(good=(20, 4), crack=(0, 5), dent=(0, 6)), include_good=True)
    assert ([*classes.learnt], classes.given) == (["crack", "dent", "good"], frozenset())
