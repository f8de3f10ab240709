"""Intervals: whether they hold the truth, what they say at the edges, what groups change."""

import numpy as np
import pytest
from scipy.stats import binomtest

from engine.contract.shares import bootstrap_ratio, hull, proportion_interval
from engine.evaluation.intervals import auroc_interval, bootstrap_interval, bootstrap_pixels
from engine.evaluation.metrics import get_metric, tally
from engine.evaluation.pixel_counts import PixelTally

AUROC = get_metric("image_auroc")


def test_bootstrap_holds_the_value_and_repeats_with_its_seed():
    generator = np.random.default_rng(1)
    labels = np.array([0] * 30 + [1] * 20)
    scores = generator.normal(labels * 1.0, 1)
    low, high = bootstrap_interval(AUROC, scores, labels, seed=0, resamples=300)
    assert low < AUROC(tally(scores, labels)).value < high
    assert high - low < 0.4
    assert (low, high) == bootstrap_interval(AUROC, scores, labels, seed=0, resamples=300)
    assert (low, high) != bootstrap_interval(AUROC, scores, labels, seed=1, resamples=300)
    assert bootstrap_interval(AUROC, scores[:31], labels[:31], seed=0) is None
    assert bootstrap_interval(AUROC, [], [], seed=0) is None


@pytest.mark.parametrize("name", ["image_auroc", "image_aupr", "image_f1_max", "recall_at_5_overkill"])
def test_resamples_all_at_once_spread_as_those_drawn_one_by_one(name):
    generator, metric = np.random.default_rng(5), get_metric(name)
    labels = np.array([0] * 25 + [1] * 35)
    scores = generator.normal(labels * 1.5, 1).round(1)  # with ties
    values = []
    for _ in range(3000):
        drawn = np.concatenate([generator.integers(0, 25, 25), generator.integers(25, 60, 35)])
        values.append(metric(tally(scores[drawn], labels[drawn])).value)
    interval = bootstrap_interval(metric, scores, labels, seed=0, resamples=3000)
    assert interval == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.04)


def test_bootstrap_covers_the_true_auroc():
    """At least 51 of 60 intervals of 95 % hold the truth: the binomial band, less a little for the bootstrap."""
    generator, labels = np.random.default_rng(2), np.array([0] * 40 + [1] * 40)
    truth = 0.76025  # of two normals one deviation apart
    held = 0
    for seed in range(60):
        low, high = bootstrap_interval(AUROC, generator.normal(labels, 1.0), labels, seed=seed, resamples=200)
        held += low <= truth <= high
    assert held >= 51


def test_images_of_few_panels_are_less_sure_than_as_many_of_their_own():
    generator = np.random.default_rng(3)
    of_panel = np.arange(60) // 6  # ten panels with six nearly equal images each
    labels = of_panel % 2
    scores = (generator.normal(size=10) + np.arange(10) % 2)[of_panel] + generator.normal(size=60) * 0.01
    plain = bootstrap_interval(AUROC, scores, labels, seed=0)
    grouped = bootstrap_interval(AUROC, scores, labels, seed=0, groups=[f"panel {i}" for i in of_panel])
    assert grouped[1] - grouped[0] > 1.5 * (plain[1] - plain[0])
    assert bootstrap_interval(AUROC, scores, labels, seed=0, groups=[f"panel {i % 2}" for i in of_panel]) is None


def test_groups_that_hold_both_classes_are_drawn_whole():
    labels = np.array([0, 1] * 10)
    scores = labels + np.random.default_rng(0).normal(size=20)
    low, high = bootstrap_interval(AUROC, scores, labels, seed=0, groups=[f"panel {i // 4}" for i in range(20)])
    assert 0 <= low < high <= 1


@pytest.mark.parametrize(("count", "of"), [(0, 20), (20, 20), (1, 1), (7, 19), (199, 200)])
def test_shares_have_the_exact_interval_of_scipy(count, of):
    expected = binomtest(count, of).proportion_ci(method="exact")
    assert proportion_interval(count, of) == pytest.approx((expected.low, expected.high))


def test_a_share_of_nothing_has_no_interval():
    assert proportion_interval(0, 0) is None
    assert hull(None, None) is None
    assert hull((0.2, 0.5), None, (0.3, 0.8)) == (0.2, 0.8)


def test_classes_that_lie_apart_are_not_surely_perfect():
    low, high = auroc_interval(1.0, 20, 20)
    assert high == 1.0
    assert 0.8 < low < 0.95
    assert auroc_interval(1.0, 200, 200)[0] > 0.98
    assert auroc_interval(0.0, 20, 20) == pytest.approx((0.0, 1 - low))


def test_the_interval_of_an_auroc_covers_a_nearly_perfect_truth():
    """Two normals 2.5 apart, few images: the bootstrap alone often says [1, 1]; this holds the truth in 95 % of cases."""
    generator, truth, held = np.random.default_rng(4), 0.961450, 0
    labels = np.array([0] * 12 + [1] * 12)
    for _ in range(400):
        value = AUROC(tally(generator.normal(labels * 2.5, 1), labels)).value
        low, high = auroc_interval(value, 12, 12)
        held += low <= truth <= high
    assert held >= 365  # 99.9 % of the time at least this many of 400, were it 0.95


def test_the_interval_of_a_pixel_metric_holds_its_value_and_narrows_with_more_maps():
    generator = np.random.default_rng(0)
    widths = []
    for count in (8, 64):
        masks = np.zeros((count, 32, 32), dtype=bool)
        masks[: count // 2, 8:16, 8:16] = True
        strength = generator.uniform(0.5, 3, (count, 1, 1))
        maps = (generator.normal(size=masks.shape) + masks * strength).astype(np.float32)
        pixels = PixelTally.for_maps(maps, maps.min((1, 2)), maps.max((1, 2)), per_map=True)
        pixels.add(maps, masks)
        value = get_metric("aupro_30")(pixels.tally()).value
        low, high = bootstrap_pixels(get_metric("aupro_30"), pixels.per_map(), exact=value, seed=0)
        assert low < value < high
        widths.append(high - low)
    assert widths[1] < 0.6 * widths[0]


def test_pixel_intervals_need_two_marked_maps():
    maps, masks = np.random.default_rng(0).random((4, 8, 8), dtype=np.float32), np.zeros((4, 8, 8), dtype=bool)
    masks[0, 2:4, 2:4] = True
    pixels = PixelTally.for_maps(maps, maps.min((1, 2)), maps.max((1, 2)), per_map=True)
    pixels.add(maps, masks)
    assert bootstrap_pixels(get_metric("pixel_auroc"), pixels.per_map(), exact=0.5, seed=0) is None


def test_the_interval_of_a_ratio_depends_on_how_images_differ():
    alike = bootstrap_ratio([1] * 20, [2] * 20, seed=0)
    mixed = bootstrap_ratio([2, 0] * 10, [2] * 20, seed=0)
    assert alike == (0.5, 0.5)
    assert mixed[0] < 0.4 < 0.6 < mixed[1]
    assert bootstrap_ratio([1], [1], seed=0) is None
