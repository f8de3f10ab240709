"""What is measured of an inspection, put together: each figure from its own part, and null with the reason where it cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.contract.verdicts import VERDICTS
from engine.datasets import Item
from engine.datasets.loading import Loader
from engine.evaluation.inspection import Inspection
from engine.evaluation.measurement import IMAGE_METRICS, NO_MASKS, WORST_TYPE, measure
from engine.evaluation.pixel_counts import PixelTally, RegionTally

LABELS = {"good": 0, "defective": 1, "unknown": -1}


def inspected(scores: list[float], labels: list[str]) -> tuple[Inspection, Loader]:
    items = [
        Item(Path(f"{i}.png"), f"{i}.png", "test", label, defect_type="spot" if label == "defective" else None)
        for i, label in enumerate(labels)
    ]
    values = np.array(scores, dtype=np.float32)
    found = Inspection(
        scores=values,
        labels=np.array([LABELS[label] for label in labels]),
        names=[item.name for item in items],
        map_lows=values * 0,
        map_highs=values,
        maps=None,
    )
    return found, Loader(items, image_size=64, batch_size=4)


def test_verdicts_are_counted_at_the_threshold_given_and_a_score_at_it_is_good():
    found, loader = inspected([1, 2, 3, 2, 4], ["good", "good", "good", "defective", "defective"])
    measured = measure(found, loader, threshold=2.0).metrics
    assert set(measured) == {*IMAGE_METRICS, WORST_TYPE, *VERDICTS}
    assert (measured["missed"], measured["false_alarms"]) == (1, 1)
    assert measured["recall"] == measured["escape_rate"] == 0.5
    assert measured["overkill"] == pytest.approx(1 / 3)


def test_without_a_threshold_nothing_is_said_of_verdicts_and_without_images_nothing_of_these():
    found, loader = inspected([1, 2], ["good", "defective"])
    assert set(measure(found, loader).metrics) == {*IMAGE_METRICS, WORST_TYPE}
    assert measure(found, loader, images=False).metrics == {}


@pytest.mark.parametrize("only", ["good", "defective"])
def test_what_needs_both_classes_is_null_with_a_reason_where_one_is_missing(only):
    found, loader = inspected([1, 2, 3], [only] * 3)
    measured = measure(found, loader, threshold=1.5)
    assert measured.metrics["image_auroc"] is None
    assert measured.reasons["image_auroc"]
    assert measured.metrics["recall" if only == "good" else "overkill"] is None
    assert measured.metrics["overkill" if only == "good" else "recall"] == pytest.approx(2 / 3)
    assert set(measured.reasons) == {name for name, value in measured.metrics.items() if value is None}


def test_pictures_of_unknown_label_change_no_figure():
    known, some = inspected([1, 2, 3], ["good", "good", "defective"])
    more, all_ = inspected([1, 2, 3, 9], ["good", "good", "defective", "unknown"])
    assert measure(known, some, threshold=2.5).metrics == measure(more, all_, threshold=2.5).metrics


def test_the_worst_type_is_the_one_that_is_told_apart_worst_and_null_where_no_types_are_told():
    found, loader = inspected([1, 2, 3, 4, 1.5], ["good", "good", "defective", "defective", "defective"])
    assert measure(found, loader).metrics[WORST_TYPE] == pytest.approx(5 / 6)  # one type: that of all
    loader.items[-1] = replace(loader.items[-1], defect_type="faint")
    assert measure(found, loader).metrics[WORST_TYPE] == 0.5
    loader.items[:] = [replace(item, defect_type=None) for item in loader.items]
    assert measure(found, loader).metrics[WORST_TYPE] is None
    assert "types" in measure(found, loader).reasons[WORST_TYPE]


def test_defects_without_masks_leave_places_unmeasured_for_that_reason():
    found, loader = inspected([1, 3], ["good", "defective"])
    maps = np.ones((2, 64, 64), dtype=np.float32)
    pixels = PixelTally.for_maps(maps, maps.min(axis=(1, 2)), maps.max(axis=(1, 2)) + 1)
    pixels.add(maps[:1], None)
    regions = RegionTally(0.5)
    regions.add_good(maps[0])
    measured = measure(found, loader, pixels=pixels, regions=regions)
    assert measured.metrics["region_recall"] is None
    assert measured.reasons["region_recall"] == measured.reasons["pixel_auroc"] == NO_MASKS
    assert measured.metrics["false_regions_per_good"] == 1
