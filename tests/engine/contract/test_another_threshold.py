"""A threshold that is asked for after the training, by each way; and the pixel threshold that goes along."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.contract.another_threshold import (
    Asked,
    CannotSet,
    Kept,
    choose,
    costs,
    pixel_at,
    pixel_knots,
    presets,
    promises,
)
from engine.contract.results.detect import DetectMetrics, DetectResults, HeldOut, ScoreRow
from engine.contract.thresholds import set_threshold, told


def kept(
    good: list[float],
    defective: list[float],
    held_out: list[float],
    *,
    rate: float = 0.05,
    policy="split_conformal",
    factor=0.5,
) -> Kept:
    """A run whose maps' highest scores are the images' scores times a factor."""
    threshold = set_threshold(held_out, overkill_rate=rate, policy=policy)
    pixel = set_threshold([factor * score for score in held_out], overkill_rate=rate, policy=policy)
    rows = [
        ScoreRow(
            index=index, name=f"{index}.png", label=label, score=score, is_anomalous=score > threshold.value, has_truth=False,
            map_high=factor * score,
        )
        for index, (label, score) in enumerate([*(("good", s) for s in good), *(("defective", s) for s in defective)])
    ]  # fmt: skip
    metrics = DetectMetrics(metrics={}, threshold=told(threshold, pixel=pixel.value), map_scale=(0, 1), seed=0)
    scores = HeldOut(scores=held_out, map_highs=[factor * score for score in held_out])
    return Kept(DetectResults(metrics=metrics, rows=rows), scores, policy, None)


RUN = kept(good=[1, 2, 3, 4, 5.5], defective=[3.5, 4.5, 6, 7, 8], held_out=[float(i) / 10 for i in range(1, 41)])


def missed(threshold) -> int:
    return costs(RUN, threshold)["missed"]


def test_an_overkill_rate_sets_it_from_the_good_images_as_the_training_does():
    assert choose(Asked(overkill_rate=0.05), RUN) == RUN.promised
    chosen = choose(Asked(overkill_rate=0.2), RUN)
    assert chosen.image == pytest.approx(3.3, rel=1e-4)
    assert (chosen.policy, chosen.calibration_images, chosen.promised) == ("split_conformal", 40, pytest.approx(8 / 41))
    assert chosen.pixel == pytest.approx(chosen.image / 2)


@pytest.mark.parametrize(("rate", "left"), [(0.0, 0), (0.2, 1), (0.39, 1), (0.4, 2)])
def test_escapes_are_at_most_what_was_asked_and_the_threshold_as_high_as_that_allows(rate: float, left: int):
    chosen = choose(Asked(escape_rate=rate), RUN)
    assert missed(chosen) == left
    assert missed(chosen.model_copy(update={"image": sorted([3.5, 4.5, 6, 7, 8])[left]})) == left + 1
    assert (chosen.oracle, chosen.promised, chosen.overkill_rate) == (True, None, None)


def test_a_value_is_taken_as_it_is_and_told_with_what_the_good_images_say_of_it():
    chosen = choose(Asked(value=3.85), RUN)
    assert (chosen.image, chosen.policy, chosen.overkill_rate) == (3.85, "value", None)
    assert chosen.promised == pytest.approx(3 / 41)  # two good images lie above it
    assert "at most 7.32 %" in chosen.promise


@given(value=st.floats(-1, 6))
def test_what_a_page_reckons_that_a_value_promises_is_what_it_promises_once_it_is_set(value: float):
    told_to_page = promises(RUN)
    above = sum(score > value for score in told_to_page["good_scores"])
    assert told_to_page["promises"][above] == costs(RUN, choose(Asked(value=value), RUN))["promised"]
    assert promises(kept([1], [2], [1.0], policy="percentile"))["promises"] == [0.5, 1.0]


def test_a_dearer_escape_and_the_best_f1_are_oracles_that_say_so():
    dear, cheap = (choose(Asked(escape_cost=cost), RUN) for cost in (1000.0, 1.0))
    assert dear.image < cheap.image
    assert choose(Asked(to="f1"), RUN).oracle and "will do worse" in dear.promise


def test_stricter_goes_one_step_down_the_ladder_and_looser_one_up():
    down = choose(Asked(to="stricter"), RUN)
    assert down.overkill_rate == 0.075 and down.image < RUN.promised.image
    assert choose(Asked(to="looser"), RUN, in_force=down).overkill_rate == 0.05
    assert choose(Asked(to="looser"), RUN).image > RUN.promised.image


@pytest.mark.parametrize("direction", ["stricter", "looser"])
def test_each_step_moves_the_threshold_its_way_until_more_makes_no_sense(direction: str):
    values = [RUN.promised.image]
    with pytest.raises(CannotSet) as refused:  # noqa: PT012  (the step that is refused is the last of many)
        for _ in range(30):
            now = RUN.promised.model_copy(update={"image": values[-1]})
            values.append(choose(Asked(to=direction), RUN, in_force=now).image)
    assert refused.value.code == f"no_{direction}"
    assert len(values) > 3
    assert values == sorted(set(values), reverse=direction == "stricter")


def test_what_takes_labels_or_good_images_is_refused_without_and_not_offered():
    unlabelled = kept(good=[1, 2], defective=[], held_out=[1.0, 2.0])
    with pytest.raises(CannotSet, match="2 good and 0 defective"):
        choose(Asked(escape_rate=0), unlabelled)
    assert [name for name, _, _ in presets(unlabelled, in_force=unlabelled.promised)][:1] == ["promised"]
    assert not {"no_escapes", "f1", "cost"} & {name for name, _, _ in presets(unlabelled, in_force=unlabelled.promised)}
    empty = Kept(RUN.results, HeldOut(), "split_conformal", None)
    with pytest.raises(CannotSet, match="kept no scores"):
        choose(Asked(overkill_rate=0.1), empty)
    with pytest.raises(CannotSet, match="no threshold to go back to"):
        choose(Asked(to="previous"), RUN)


@pytest.mark.parametrize(
    "asked", [{}, {"value": 1, "to": "f1"}, {"overkill_rate": 1.5}, {"to": "up"}, {"value": float("nan")}]
)
def test_exactly_one_sensible_wish_is_understood(asked: dict):
    with pytest.raises(ValidationError):
        Asked.model_validate(asked)


@given(
    st.lists(st.floats(0.1, 10), min_size=1, max_size=120), st.lists(st.floats(0.1, 20), max_size=60),
    st.sampled_from([0.01, 0.05, 0.3]), st.sampled_from(["split_conformal", "percentile"]), st.floats(0.1, 3),
)  # fmt: skip
def test_pixel_thresholds_rise_with_image_thresholds_through_the_promised_pair(held_out, tested, rate, policy, factor):
    run = kept(good=tested, defective=[], held_out=held_out, rate=rate, policy=policy, factor=factor)
    knots = pixel_knots(run)
    assert (run.promised.image, run.promised.pixel) in knots
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(knots))
    assert pixel_at(knots, run.promised.image) == run.promised.pixel
    values = np.linspace(-5, 25, 40)
    assert all(a <= b for a, b in pairwise(pixel_at(knots, value) for value in values))


def test_the_pixel_threshold_follows_a_map_that_scores_otherwise_than_its_image():
    assert pixel_at(RUN.knots, 2.0) == pytest.approx(1.0, rel=1e-3)
    assert pixel_at(RUN.knots, 7.5) == pytest.approx(3.75, rel=1e-3)  # by the tested images, beyond the good ones
    assert pixel_at(RUN.knots, 30.0) == pytest.approx(15.0, rel=1e-3)


def test_where_no_map_scores_were_kept_the_pixel_threshold_stays():
    old = Kept(RUN.results, HeldOut(scores=RUN.held_out.scores), "split_conformal", None)
    assert {pixel_at(old.knots, value) for value in (0.0, 3.0, 9.0)} == {RUN.promised.pixel}
