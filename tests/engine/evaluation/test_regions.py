"""Regions of a score map, on maps drawn by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evaluation.regions import find_regions


def drawn(*patches, size=64):
    """A map of zeros with rectangles (top, left, height, width, score)."""
    scores = np.zeros((size, size))
    for top, left, height, width, score in patches:
        scores[top : top + height, left : left + width] = score
    return scores


def test_nothing_above_the_threshold_has_no_region():
    assert find_regions(drawn((10, 10, 5, 5, 1.0)), threshold=1.0) == []


def test_a_region_has_box_area_peak_and_centre():
    scores = drawn((10, 20, 4, 6, 3.0))
    scores[12, 25] = 5.0
    (region,) = find_regions(scores, threshold=1.0)
    assert region.box == (20, 10, 6, 4)
    assert (region.area_px, region.area_share) == (24, 24 / 64**2)
    assert (region.peak, region.peak_at) == (5.0, (25, 12))
    assert region.mean == pytest.approx((23 * 3 + 5) / 24)
    weights = 23 * 2 + 4
    assert region.centre[0] == pytest.approx(20 + (2 * 4 * 15 + 2 * 5) / weights)


def test_regions_are_told_strongest_first_and_those_that_touch_at_a_corner_are_one():
    scores = drawn((0, 0, 8, 8, 2.0), (30, 30, 8, 8, 4.0), (38, 38, 8, 8, 3.0))
    found = find_regions(scores, threshold=1.0)
    assert [region.peak for region in found] == [4.0, 2.0]
    assert found[0].box == (30, 30, 16, 16)


def test_specks_are_left_out_but_the_strongest_region_is_always_told():
    speck = (5, 5, 1, 1, 9.0)
    assert len(find_regions(drawn(speck, size=256), threshold=1.0)) == 1
    found = find_regions(drawn(speck, (100, 100, 3, 3, 5.0), (200, 200, 9, 9, 4.0), size=256), threshold=1.0)
    assert [region.area_px for region in found] == [1, 81]


@given(st.integers(0, 2**32 - 1))
def test_every_pixel_above_the_threshold_lies_in_a_region(seed):
    scores = np.random.default_rng(seed).normal(size=(12, 12))
    found = find_regions(scores, threshold=1.0, least_share=0, most=1000)
    assert sum(region.area_px for region in found) == (scores > 1.0).sum()
    assert all(scores[region.peak_at[1], region.peak_at[0]] == region.peak for region in found)
