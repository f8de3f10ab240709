"""Pixel metrics by bins against exact ones, AUPRO against explicit loops, regions hit and false ones."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from engine.evaluation.metrics import get_metric
from engine.evaluation.pixel_counts import PixelTally, RegionTally
from tests.engine.evaluation.test_metrics import labelled


def drawn(
    seed: int, *, count: int, side: int, share: float, shift: float, digits: int
) -> tuple[np.ndarray, np.ndarray]:
    """Small maps with ties, and masks with a few regions; at least one pixel of each class."""
    generator = np.random.default_rng(seed)
    masks = generator.random((count, side, side)) < share
    masks[0, 0, :2] = True, False
    maps = generator.normal(masks * shift, 1.0).round(digits)
    return maps.astype(np.float32), masks


@st.composite
def pictures(draw):
    return drawn(
        draw(st.integers(0, 10_000)),
        count=draw(st.integers(1, 3)),
        side=draw(st.integers(3, 7)),
        share=draw(st.sampled_from([0.1, 0.3, 0.6])),
        shift=draw(st.sampled_from([0.0, 1.0])),
        digits=draw(st.integers(0, 6)),
    )


SHARED_BIN = drawn(1265, count=2, side=7, share=0.3, shift=1.0, digits=6)  # a defective and a good pixel, 9e-6 apart


def aupro_by_loops(maps: np.ndarray, masks: np.ndarray, limit: float) -> float:
    """Every threshold, every region, as the paper defines it."""
    regions = []
    for i, mask in enumerate(masks):
        labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [maps[i][labels == number] for number in range(1, count + 1)]
    points = [(0.0, 0.0)]
    for threshold in sorted(set(maps.ravel().tolist()), reverse=True):
        overlap = sum((region >= threshold).mean() for region in regions) / len(regions)
        points.append(((maps[~masks] >= threshold).mean(), overlap))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x1 > x0 and x0 < limit:
            end = min(x1, limit)
            at_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
            area += (end - x0) * (y0 + at_end) / 2
    return area / limit


@given(pictures(), st.sampled_from([0.05, 0.3]))
@example(SHARED_BIN, 0.3)
@settings(max_examples=150, deadline=None)
def test_aupro_agrees_with_explicit_loops(case, limit):
    """To rounding where each bin holds one score; where scores share one, within what the tally tells."""
    maps, masks = case
    pixels = PixelTally.for_maps(maps, maps.min(axis=(1, 2)), maps.max(axis=(1, 2)))
    for score_map, mask in zip(maps, masks, strict=True):
        pixels.add(score_map, mask)
    metric = get_metric({0.05: "aupro_05", 0.3: "aupro_30"}[limit])
    has_shared_bins = len(pixels.tally().scores) < len(np.unique(maps))
    tolerance = pixels.aupro_tolerance(limit) if has_shared_bins else 0.0
    assert abs(metric(pixels.tally()).value - aupro_by_loops(maps, masks, limit)) <= tolerance + 1e-6


@given(pictures(), st.integers(2, 40))
@settings(max_examples=100, deadline=None)
def test_aupro_by_few_bins_stays_within_the_stated_tolerance(case, bins):
    maps, masks = case
    pixels = PixelTally(low=float(maps.min()), high=float(maps.max()), bins=bins)
    pixels.add(maps, masks)
    for name, limit in (("aupro_30", 0.3), ("aupro_05", 0.05)):
        off = abs(get_metric(name)(pixels.tally()).value - aupro_by_loops(maps, masks, limit))
        assert off <= pixels.aupro_tolerance(limit) + 1e-9


@given(labelled(), st.integers(2, 300))
@settings(max_examples=60)
def test_pixel_auroc_stays_within_the_stated_tolerance(case, bins):
    scores, masks = case
    pixels = PixelTally(low=float(scores.min()), high=float(scores.max()), bins=bins)
    pixels.add(scores[:1], masks[:1])
    pixels.add(scores[1:], masks[1:])
    measured = get_metric("pixel_auroc")(pixels.tally()).value
    assert abs(measured - roc_auc_score(masks, scores)) <= pixels.tolerance() + 1e-12


def large_maps() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    masks = generator.random((20, 64, 64)) < 0.03
    maps = generator.gamma(2.0, size=masks.shape) + masks * generator.normal(2, 1, masks.shape)
    return maps.astype(np.float32), masks


def counted(maps: np.ndarray, masks: np.ndarray, *, per_map: bool = False) -> PixelTally:
    pixels = PixelTally.for_maps(maps, maps.min(axis=(1, 2)), maps.max(axis=(1, 2)), per_map=per_map)
    for score_map, mask in zip(maps, masks, strict=True):
        pixels.add(score_map, mask)
    return pixels


def test_pixel_metrics_of_large_maps_agree_with_scikit_learn():
    maps, masks = large_maps()
    pixels = counted(maps, masks)
    assert pixels.tolerance() < 1e-5
    counts, truth, scores = pixels.tally(), masks.ravel(), maps.ravel()
    assert get_metric("pixel_auroc")(counts).value == pytest.approx(roc_auc_score(truth, scores), abs=1e-5)
    assert get_metric("pixel_aupr")(counts).value == pytest.approx(average_precision_score(truth, scores), abs=1e-4)
    precision, recall, _ = precision_recall_curve(truth, scores)
    best = (2 * precision * recall / np.maximum(precision + recall, 1e-12)).max()
    assert get_metric("pixel_f1_max")(counts).value == pytest.approx(best, abs=1e-5)


def test_a_few_huge_scores_do_not_squeeze_the_others_into_one_bin():
    maps, masks = large_maps()
    maps[0, 0, :3] = 1e12
    pixels = counted(maps, masks)
    assert pixels.tolerance() < 1e-4
    assert get_metric("pixel_auroc")(pixels.tally()).value == pytest.approx(
        roc_auc_score(masks.ravel(), maps.ravel()), abs=1e-4
    )


def test_how_maps_are_grouped_into_batches_changes_nothing():
    maps, masks = large_maps()
    one_by_one, at_once = counted(maps, masks), PixelTally.for_maps(maps, maps.min((1, 2)), maps.max((1, 2)))
    at_once.add(maps, masks)
    assert one_by_one.regions == at_once.regions
    for name in ("pixel_auroc", "aupro_30", "pixel_f1_max"):
        metric = get_metric(name)
        assert metric(one_by_one.tally()).value == pytest.approx(metric(at_once.tally()).value, abs=1e-12)


def test_regions_that_touch_at_a_corner_are_one_and_count_as_much_as_large_ones():
    masks = np.zeros((1, 8, 8), dtype=bool)
    masks[0, 0, 0] = masks[0, 1, 1] = True  # one region, of two pixels
    masks[0, 4:8, 4:8] = True  # another, of sixteen
    maps = np.where(masks, 0.0, 1.0).astype(np.float32)
    maps[0, 4:8, 4:8] = 2.0
    pixels = counted(maps, masks)
    assert pixels.regions == 2
    assert get_metric("aupro_30")(pixels.tally()).value == pytest.approx(0.5)  # one found at once, one never


def test_maps_without_any_defect_have_no_aupro_but_a_reason():
    pixels = PixelTally(low=0, high=1)
    pixels.add(np.random.default_rng(0).random((2, 8, 8), dtype=np.float32), None)
    measured = get_metric("aupro_30")(pixels.tally())
    assert (measured.value, measured.reason) == (None, "the test data holds nothing defective to compare with")


def test_constant_maps_rank_nothing():
    maps, masks = np.full((3, 8, 8), 4.0, dtype=np.float32), np.eye(8, dtype=bool)[None].repeat(3, axis=0)
    assert get_metric("pixel_auroc")(counted(maps, masks).tally()).value == 0.5


def test_maps_that_are_not_finite_or_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="1 of 1 scores are not finite"):
        PixelTally(low=0, high=1).add([[float("inf")]], [[1]])
    with pytest.raises(ValueError, match="both must have one shape"):
        PixelTally(low=0, high=1).add(np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))


def test_what_maps_keep_for_themselves_adds_up_to_the_whole():
    maps, masks = large_maps()
    pixels = counted(maps, masks, per_map=True)
    good, defective, overlap = pixels.per_map().sum(axis=(0, 2))
    assert (good, defective) == ((~masks).sum(), masks.sum())
    assert overlap == pytest.approx(pixels.regions, rel=1e-5)
    assert counted(maps, masks).per_map() is None


def test_regions_hit_and_false_regions_by_hand():
    regions = RegionTally(threshold=1.0)
    mask = np.zeros((64, 64), dtype=bool)
    mask[0, :3] = mask[20:30, 20:30] = mask[40:60, 40:60] = True  # 0.07 %, 2.4 % and 9.8 % of the picture
    score_map = np.zeros((64, 64), dtype=np.float32)
    score_map[25, 25] = score_map[5, 5] = 2.0
    regions.add_defective(7, score_map, mask)
    assert regions.parts == {7: ((3 / 4096, 0.0), (100 / 4096, 2.0), (400 / 4096, 0.0))}
    assert regions.by_picture() == ([1], [3])
    assert regions.areas == {7: pytest.approx(503 / 4096)}
    regions.add_good(np.zeros((64, 64), dtype=np.float32))
    score_map[10:14, 10:14] = score_map[50:55, 50:55] = 3.0  # two regions; the single pixels are specks
    regions.add_good(score_map)
    assert (regions.good_pictures, regions.false_regions) == (2, 2)


def test_a_good_picture_with_a_single_marked_pixel_has_one_false_region():
    regions, score_map = RegionTally(threshold=1.0), np.zeros((64, 64), dtype=np.float32)
    score_map[3, 3] = 1.5
    regions.add_good(score_map)
    assert regions.false_regions == 1
