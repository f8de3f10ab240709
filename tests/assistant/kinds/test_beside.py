"""Several runs beside each other: marked only where it is more than chance, for all pairs at once, at the threshold of each."""

from collections.abc import Sequence

import pytest

from assistant.kinds.beside import Line, Value, by_images, verdict_of
from assistant.kinds.classify.comparing import beside as beside_classifiers
from assistant.kinds.detect.comparing import Detector, beside, one_overkill
from assistant.kinds.pairs import Pair
from assistant.kinds.two_runs import Side
from engine.contract.results.detect import DetectResults
from tests.told_runs import classified, inspected

GOOD, BAD = (
    inspected({"line": (1, 20), "dust": (0, 10)}, good=20, alarms=0),
    inspected({"line": (15, 20), "dust": (1, 10)}, good=20, alarms=12, better=-3.0),
)


def detectors(*results: DetectResults) -> list[Detector]:
    return [Detector(f"r{i}", each) for i, each in enumerate(results, 1)]


def marks(line: Line | None) -> list[str | None]:
    assert line is not None
    return [value.mark for value in line.values]


def with_p_values(results: DetectResults, good: int = 19) -> DetectResults:
    """As if these held-out good images had scored 1 to 19 in turn."""
    rows = [
        row.model_copy(update={"p_value": (1 + sum(k >= row.score for k in range(1, good + 1))) / (good + 1)})
        for row in results.rows
    ]
    return results.model_copy(update={"rows": rows})


def test_the_best_is_marked_where_it_is_better_than_each_other_by_more_than_chance() -> None:
    found = beside(detectors(BAD, GOOD, BAD))
    assert marks(found.line("missed")) == ["worse", "best", "worse"]
    assert marks(found.line("image_auroc")) == ["worse", "best", "worse"]
    assert verdict_of(found).best == "r2"


def test_of_two_that_are_alike_none_is_marked_best_though_both_beat_a_third() -> None:
    found = beside(detectors(GOOD, GOOD, BAD))
    assert marks(found.line("missed")) == [None, None, "worse"]
    verdict = verdict_of(found)
    assert verdict.best is None and verdict.tied == ["r2"] and verdict.images == 50


def test_a_difference_that_two_runs_would_show_is_chance_among_many() -> None:
    """Six images that only one of two got right: p 0.031; of three pairs that is 0.094."""
    split = {("a", "b"): Pair(6, 0), ("a", "c"): Pair(0, 0), ("b", "c"): Pair(0, 0)}
    values = {run: Value(1.0, of=9) for run in "abc"}
    two = Line.of("n", "count", {"a": values["a"], "b": values["b"]}, test=lambda a, b: by_images(a, b, split[a, b]))
    three = Line.of("n", "count", values, test=lambda a, b: by_images(a, b, split[a, b]))
    assert [value.mark for value in two.values] == ["best", "worse"]
    assert [value.mark for value in three.values] == [None, None, None]
    assert three.tests[0].corrected == pytest.approx(3 * three.tests[0].chance)


def test_types_are_corrected_together_and_the_least_found_comes_first() -> None:
    found = beside(detectors(GOOD, BAD))
    assert [line.name for line in found.types] == ["line", "dust"]
    assert [each.corrected for line in found.types for each in line.tests] == pytest.approx(
        [2 * found.types[0].tests[0].chance, 1.0]
    )


def test_each_is_judged_at_its_own_threshold_and_at_one_overkill_beside() -> None:
    """The second has the same scores and a looser threshold: it finds more, and wins nothing where both promise the same."""
    strict = with_p_values(GOOD)
    loose = strict.model_copy(
        update={"rows": [row.model_copy(update={"is_anomalous": row.score > 1.0}) for row in strict.rows]}
    )
    found = beside(detectors(strict, loose))
    missed, even = found.line("missed"), found.line("found_at_one_overkill")
    assert missed is not None and [value.value for value in missed.values] == [1, 0]
    assert even is not None and even.values[0].value == even.values[1].value
    assert [each.called for each in found.pictures[0].seen] == ["good", "defective"]


def test_the_overkill_that_all_are_told_at_is_one_that_each_can_promise() -> None:
    sides = detectors(with_p_values(GOOD), with_p_values(GOOD, good=9))
    assert one_overkill(sides[:1]) == pytest.approx(1 / 13)  # 12 good images set its threshold
    assert one_overkill(detectors(GOOD, GOOD)) is None


def test_other_test_images_are_compared_by_intervals_and_only_the_common_ones_are_shown() -> None:
    other = inspected({"line": (4, 9)}, good=8, alarms=1)
    found = beside(detectors(GOOD, other))
    assert not found.same_images and len(found.pictures) == 9 + 8
    assert all(each.test == "intervals" for line in found.lines for each in line.tests)


@pytest.mark.parametrize(("called", "expected"), [([1] * 8, None), ([1, 1, 1, 1, 0, 0, 0, 0], "best")])
def test_classifiers_are_beside_each_other_in_the_same_shape(called: Sequence[int], expected: str | None) -> None:
    right = classified([0, 0, 0, 0, 1, 1, 1, 1])
    found = beside_classifiers([Side("r1", right), Side("r2", classified(called))])
    assert marks(found.line("right"))[0] == expected
    assert [line.name for line in found.types] == ["crack", "stain"]
    assert found.pictures[0].seen[0].right is True
