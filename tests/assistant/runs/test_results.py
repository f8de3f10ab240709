"""Which inspected images are shown, and which come first."""

import json
from pathlib import Path

import pytest

from assistant.frames import Which
from assistant.runs.results import Results, defect_type_like, gallery, load
from assistant.store.tables import RunRow

SCORES = """index,name,label,defect_type,score,is_anomalous,p_value,has_truth
0,good/a.png,good,,0.2,0,0.5,0
1,good/b.png,good,,0.7,1,0.1,0
2,good/c.png,good,,0.6,1,0.2,0
3,scratch/d.png,defective,scratch,0.9,1,0.1,1
4,scratch/e.png,defective,scratch,0.3,0,0.6,1
5,scratch/f.png,defective,scratch,0.1,0,0.9,1
6,dark_spot/g.png,defective,dark_spot,0.4,0,0.5,1
"""


@pytest.fixture
def results(tmp_path: Path) -> Results:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    (folder / "scores.csv").write_text(SCORES)
    measured = {"metrics": {}, "threshold": {"image": 0.5, "pixel": 0.5}, "map_scale": [0, 1]}
    (folder / "metrics.json").write_text(json.dumps(measured))
    return load(RunRow(id="r1", state="succeeded"), tmp_path)


@pytest.mark.parametrize(
    ("which", "kind", "order"),
    [
        ("worst", None, [3, 1, 2, 6, 4, 0, 5]),
        ("all", None, [3, 1, 2, 6, 4, 0, 5]),
        ("missed", None, [5, 4, 6]),
        ("false_alarms", None, [1, 2]),
        ("missed", "scratch", [5, 4]),
    ],
)
def test_the_most_telling_images_come_first(results: Results, which: Which, kind: str | None, order: list[int]) -> None:
    images, total = gallery(results, which=which, defect_type=kind)
    assert ([image.index for image in images], total) == (order, len(order))
    assert [image.index for image in gallery(results, which=which, defect_type=kind, count=2)[0]] == order[:2]


@pytest.mark.parametrize(
    ("asked", "meant"), [("Scratch", "scratch"), ("dark spots", "dark_spot"), ("79 % of scratch", "scratch")]
)
def test_a_defect_type_is_told_as_the_data_spells_it(results: Results, asked: str, meant: str) -> None:
    assert defect_type_like(results, asked) == meant


def test_an_unknown_defect_type_is_refused_with_those_there_are(results: Results) -> None:
    with pytest.raises(LookupError, match="have: dark_spot, scratch"):
        gallery(results, defect_type="dent")
