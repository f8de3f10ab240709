from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.datasets import Item
from engine.datasets.splits import cut_good, folds, least_good, split_items


def items(good: int, test_good: int = 0, defective: int = 0) -> list[Item]:
    made = [Item(Path(f"g{i}"), f"g{i:04d}", "train", "good") for i in range(good)]
    made += [Item(Path(f"t{i}"), f"t{i:04d}", "test", "good") for i in range(test_good)]
    return made + [Item(Path(f"d{i}"), f"d{i:04d}", "test", "defective", "dent") for i in range(defective)]


@given(st.integers(6, 200), st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**31 - 1))
def test_every_picture_goes_to_exactly_one_part(good, test_good, defective, seed):
    every = items(good, test_good, defective)
    split = split_items(every, calibration_share=0.2, validation_share=0.1, seed=seed)
    parts = [item.name for part in (split.fit, split.validation, split.calibration, split.test) for item in part]
    assert sorted(parts) == sorted(item.name for item in every)
    assert all(item.label == "good" for item in (*split.fit, *split.validation, *split.calibration))


def test_models_with_and_without_validation_have_the_same_calibration_and_test():
    every = items(50, 0, 5)
    without, with_some = (
        split_items(every, calibration_share=0.2, validation_share=share, seed=4) for share in (0.0, 0.1)
    )
    assert without.calibration == with_some.calibration
    assert without.test == with_some.test
    assert len(with_some.validation) == 5


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.05, 1.0), st.integers(0, 99))
def test_a_share_of_each_defect_type_is_learnt_from_and_never_all_of_it(dents, stains, share, seed):
    every = items(20, 5)
    every += [Item(Path(f"d{i}"), f"d{i:02d}", "test", "defective", "dent") for i in range(dents)]
    every += [Item(Path(f"s{i}"), f"s{i:02d}", "test", "defective", "stain") for i in range(stains)]
    split = split_items(every, calibration_share=0.2, validation_share=0.1, seed=seed, labelled_share=share)
    for kind, there in (("dent", dents), ("stain", stains)):
        learnt = sum(item.defect_type == kind for item in split.labelled)
        assert learnt == min(max(1, round(share * there)), there - 1)
        assert sum(item.defect_type == kind for item in split.test) == there - learnt
    assert not {item.name for item in split.labelled} & {item.name for item in split.test}


def test_types_that_are_too_few_to_learn_from_are_named():
    every = [*items(20, 5, 4), Item(Path("s"), "s", "test", "defective", "stain")]
    every += [Item(Path(f"r{i}"), f"r{i}", "test", "defective", "ring", group="lot 1") for i in range(3)]
    for share, named in ((0.5, ["ring", "stain"]), (0.0, [])):
        split = split_items(every, calibration_share=0.2, validation_share=0.1, seed=0, labelled_share=share)
        assert split.few_labelled == named


def test_learning_from_labelled_defects_leaves_the_good_pictures_where_they_were():
    every = items(50, 0, 9)
    plain, labelled = (
        split_items(every, calibration_share=0.2, validation_share=0.1, seed=1, labelled_share=share)
        for share in (0.0, 0.5)
    )
    assert (plain.fit, plain.calibration) == (labelled.fit, labelled.calibration)
    assert plain.labelled == []


def grouped(sizes: list[int]) -> list[Item]:
    names = [(f"p{panel:02d}", f"p{panel:02d}/{i}") for panel, size in enumerate(sizes) for i in range(size)]
    return [Item(Path(name), name, "train", "good", group=group) for group, name in names]


@given(st.lists(st.integers(1, 9), min_size=4, max_size=20), st.integers(0, 99))
def test_a_group_is_never_shared_out_to_two_parts(sizes, seed):
    every = [*grouped([3, *sizes]), Item(Path("d"), "d", "test", "defective", "dent")]
    try:
        split = split_items(every, calibration_share=0.2, validation_share=0.1, seed=seed)
    except ValueError:
        assert sum(sizes) < 10
        return
    parts = [{item.group for item in part} for part in (split.fit, split.validation, split.calibration, split.test)]
    assert all(parts)
    assert sum(len(part - {None}) for part in parts) == len(sizes) + 1


def test_too_few_groups_are_refused_in_words():
    with pytest.raises(ValueError, match=r"of 3 groups .* too few, .* 4 are needed"):
        split_items(grouped([9, 9, 9]), calibration_share=0.2, validation_share=0.1, seed=0)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=12), st.integers(2, 12), st.integers(0, 99))
def test_every_picture_is_held_out_by_exactly_one_fold(sizes, k, seed):
    every = grouped(sizes)
    made = folds(every, k, seed=seed)
    assert len(made) == min(k, len(sizes))
    assert sorted(item.name for _, held_out in made for item in held_out) == [item.name for item in every]
    for fit, held_out in made:
        assert fit
        assert len(fit) + len(held_out) == len(every)
        assert not {item.group for item in fit} & {item.group for item in held_out}


def test_folds_of_one_picture_are_refused():
    with pytest.raises(ValueError, match="1 pictures cannot be shared out"):
        folds(items(1), 3, seed=0)


def test_the_seed_decides_and_nothing_else():
    every = items(50, 5)
    one, same, other = (
        split_items(every, calibration_share=0.2, validation_share=0.1, seed=seed) for seed in (3, 3, 4)
    )
    assert one == same
    assert one != other


def test_goods_are_held_out_for_testing_only_where_there_are_none():
    with_own = split_items(items(50, 5), calibration_share=0.2, validation_share=0, seed=0)
    without = split_items(items(50, 0, 5), calibration_share=0.2, validation_share=0, seed=0)
    assert (len(with_own.fit), len(with_own.validation), len(with_own.test)) == (40, 0, 5)
    assert (len(without.fit), len(without.test)) == (30, 15)


def test_too_few_good_pictures_are_refused_in_words():
    with pytest.raises(ValueError, match=r"2 readable good pictures are too few: 2 are held out .* 3 are needed"):
        split_items(items(2), calibration_share=0.2, validation_share=0, seed=0)


def test_shares_that_leave_nothing_of_any_number_are_what_the_refusal_names():
    with pytest.raises(ValueError, match=r"of 40 readable good pictures 40 are held out .* lower calibration_share"):
        split_items(items(40, 5), calibration_share=0.5, validation_share=0.5, seed=0)


@given(st.floats(0.05, 0.5), st.floats(0, 0.28), st.booleans())
def test_the_least_number_is_shared_out_and_one_less_is_refused(calibration, validation, has_own_test):
    shares = {"calibration_share": calibration, "validation_share": validation}
    least = least_good(**shares, has_own_test=has_own_test)
    split = split_items(items(least, int(has_own_test)), **shares, seed=0)
    assert len(split.fit) >= 1
    with pytest.raises(ValueError, match="held out"):
        split_items(items(least - 1, int(has_own_test)), **shares, seed=0)


@given(st.integers(4, 60), st.integers(4, 80), st.integers(0, 99))
def test_a_cut_keeps_so_many_good_pictures_to_learn_from_and_every_other_picture(good, most, seed):
    every = items(good, 3, 5)
    kept = cut_good(every, most, seed=seed)
    learnt = [item for item in kept if item.split == "train"]
    assert len(learnt) == min(good, most)
    assert [item for item in kept if item.split == "test"] == [item for item in every if item.split == "test"]
    assert kept == cut_good(every, most, seed=seed)
    assert cut_good(every, None, seed=seed) == every


def test_a_cut_takes_whole_groups():
    every = [Item(Path(f"g{i}"), f"g{i:04d}", "train", "good", group=f"lot {i // 5}") for i in range(50)]
    kept = cut_good(every, 22, seed=1)
    sizes = {group: sum(item.group == group for item in kept) for group in {item.group for item in kept}}
    assert set(sizes.values()) == {5}
    assert len(kept) == 20
