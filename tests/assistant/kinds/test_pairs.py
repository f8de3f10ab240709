"""The tests that compare two runs agree with what others compute, and with the formulas written out."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from assistant.kinds.pairs import CHANCE, POWER, Difference, Pair, auroc_difference, holm, images_to_tell


@given(only_first=st.integers(0, 60), only_second=st.integers(0, 60))
def test_mcnemars_test_is_the_binomial_test_of_the_images_that_only_one_got_right(
    only_first: int, only_second: int
) -> None:
    of = only_first + only_second
    expected = binomtest(only_first, of, 0.5).pvalue if of else 1.0
    assert Pair(only_first, only_second).chance == pytest.approx(expected, abs=1e-9)


def slow_delong(first: list[float], second: list[float], defective: list[bool]) -> tuple[float, float]:
    """Difference and its variance from every pair of a defective and a good image, as the paper writes it."""
    psi = [
        [
            [float(x > y) + (x == y) / 2 for y, ill in zip(scores, defective, strict=True) if not ill]
            for x, is_ill in zip(scores, defective, strict=True)
            if is_ill
        ]
        for scores in (first, second)
    ]
    m, n = len(psi[0]), len(psi[0][0])
    areas = [sum(map(sum, each)) / (m * n) for each in psi]
    v10 = [[sum(row) / n for row in each] for each in psi]
    v01 = [[sum(row[j] for row in each) / m for j in range(n)] for each in psi]

    def covariance(v: list[list[float]], r: int, s: int, many: int) -> float:
        return sum((a - areas[r]) * (b - areas[s]) for a, b in zip(v[r], v[s], strict=True)) / (many - 1)

    both = [[covariance(v10, r, s, m) / m + covariance(v01, r, s, n) / n for s in (0, 1)] for r in (0, 1)]
    return areas[0] - areas[1], both[0][0] + both[1][1] - 2 * both[0][1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), ill=st.integers(2, 9), good=st.integers(2, 9))
def test_delongs_test_is_the_formula_written_out(seed: int, ill: int, good: int) -> None:
    random = np.random.default_rng(seed)
    defective = [True] * ill + [False] * good
    first, second = (random.integers(0, 6, ill + good).astype(float).tolist() for _ in range(2))
    difference, variance = slow_delong(first, second, defective)
    found = auroc_difference(first, second, defective)
    if variance < 1e-12:
        assert found is None or (found.value == pytest.approx(0, abs=1e-9) and found.chance == 1.0)
        return
    assert found is not None
    assert found.value == pytest.approx(difference) and found.spread == pytest.approx(math.sqrt(variance))
    assert found.chance == pytest.approx(2 * norm.sf(abs(difference) / math.sqrt(variance)))


def test_holms_correction_of_four_comparisons_is_that_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([]) == [] and holm([0.2]) == [0.2] and holm([0.9, 0.8]) == [1.0, 1.0]


def test_as_many_images_as_are_asked_for_show_the_difference_four_times_in_five() -> None:
    needed = images_to_tell(100, 1.2)
    assert needed is not None
    spreads = 1.2 * math.sqrt(needed / 100)
    assert norm.sf(norm.isf(CHANCE / 2) - spreads) == pytest.approx(POWER, abs=0.02)
    assert images_to_tell(100, 1.2, comparisons=15) > needed  # type: ignore[operator]
    assert images_to_tell(100, 0.0) is None and images_to_tell(100, 1e-9) is None


def test_a_difference_without_a_spread_that_is_no_difference_is_chance() -> None:
    assert Difference(0.0, 0.0).chance == 1.0
    assert all(0 <= Difference(d / 10, s / 10).chance <= 1 for d, s in itertools.product(range(5), range(1, 5)))
