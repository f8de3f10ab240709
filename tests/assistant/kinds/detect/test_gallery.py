"""Which inspected images are shown, and which come first."""

import pytest

from assistant.kinds.detect.gallery import defect_type_like, fitting
from engine.contract.results.detect import DetectResults
from tests.stored_runs import inspected, measured


@pytest.fixture
def results() -> DetectResults:
    return measured(
        [
            inspected(0, "good/a.png", 0.2),
            inspected(1, "good/b.png", 0.7),
            inspected(2, "good/c.png", 0.6),
            inspected(3, "scratch/d.png", 0.9, defect_type="scratch"),
            inspected(4, "scratch/e.png", 0.3, defect_type="scratch"),
            inspected(5, "scratch/f.png", 0.1, defect_type="scratch"),
            inspected(6, "dark_spot/g.png", 0.4, defect_type="dark_spot"),
        ]
    )


@pytest.mark.parametrize(
    ("which", "kind", "order"),
    [
        ("telling", None, [5, 4, 6, 1, 2, 0, 3]),
        ("wrong", None, [5, 4, 6, 1, 2]),
        ("nearest", None, [2, 6, 1, 4, 0, 3, 5]),
        ("worst", None, [3, 1, 2, 6, 4, 0, 5]),
        ("all", None, [3, 1, 2, 6, 4, 0, 5]),
        ("missed", None, [5, 4, 6]),
        ("false_alarms", None, [1, 2]),
        ("missed", "scratch", [5, 4]),
    ],
)
def test_the_most_telling_images_come_first(
    results: DetectResults, which: str, kind: str | None, order: list[int]
) -> None:
    assert [image.index for image in fitting(results, which=which, defect_type=kind)] == order


@pytest.mark.parametrize(
    ("asked", "meant"), [("Scratch", "scratch"), ("dark spots", "dark_spot"), ("79 % of scratch", "scratch")]
)
def test_a_defect_type_is_told_as_the_data_spells_it(results: DetectResults, asked: str, meant: str) -> None:
    assert defect_type_like(results, asked) == meant


def test_an_unknown_defect_type_is_refused_with_those_there_are(results: DetectResults) -> None:
    with pytest.raises(LookupError, match="have: dark_spot, scratch"):
        fitting(results, defect_type="dent")
