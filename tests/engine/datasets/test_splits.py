from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.datasets import Item
from engine.datasets.splits import least_good, split_items


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
