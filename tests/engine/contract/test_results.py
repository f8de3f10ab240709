"""What a run leaves behind is read as it was written; what is damaged, of another version or no figure is told by its file."""

from pathlib import Path

import pytest

from engine.contract.checksums import LIST, DamagedFile
from engine.contract.folder import EvaluationFolder, ModelFolder
from engine.contract.results import from_csv, from_json
from engine.contract.results.classify import ClassifyResults
from engine.contract.results.detect import (
    DetectCard,
    DetectMetrics,
    DetectResults,
    Finding,
    FoundImage,
    OfSize,
    Region,
    ScoreRow,
    Threshold,
    Thresholds,
    ThresholdTold,
)
from tests.told_runs import classified, inspected

THRESHOLD = Threshold(
    value=0.5, overkill_rate=0.05, calibration_images=19, promised=0.05, smallest_promise=0.05, images_needed=19,
    policy="leave_one_out", images_to_show=59,
)  # fmt: skip
RESULTS = DetectResults(
    metrics=DetectMetrics(
        metrics={"image_auroc": 0.1 + 0.2, "pixel_auroc": None},
        reasons={"pixel_auroc": "there are no masks"},
        threshold=ThresholdTold(image=0.5, pixel=0.25),
        map_scale=(0.0, 1.0),
        per_size={
            "tiny": OfSize(above=0, to=0.001, images=0, found=0, missed=0, recall=None, regions=0, regions_hit=0, region_recall=None)
        },
    ),
    rows=[
        ScoreRow(index=0, name="good/a, b.png", label="good", score=0.1 + 0.2, is_anomalous=False, p_value=0.5, has_truth=False),
        ScoreRow(index=1, name="결함/\"c\".png", label="defective", defect_type="scratch", score=1e-17, is_anomalous=True,
                 has_truth=True, confidence=1.0),
    ],
)  # fmt: skip
FINDING = Finding(
    image=FoundImage.judged("a.png", score=0.9, threshold=0.5, pixel_threshold=0.25),
    regions=[
        Region(box=(1, 2, 3, 4), area_px=12, area_share=0.1, peak=0.9, peak_at=(2, 3), mean=0.8, centre=(2.5, 3.5), nearest=None)
    ],
)  # fmt: skip


@pytest.fixture
def evaluation(tmp_path: Path) -> EvaluationFolder:
    folder = EvaluationFolder(tmp_path)
    folder.write(RESULTS)
    folder.write_finding(0, FINDING)
    folder.seal()
    return folder


def test_results_and_findings_are_read_as_they_were_written(evaluation: EvaluationFolder) -> None:
    assert evaluation.read(DetectResults) == RESULTS
    assert evaluation.read_finding(0, Finding) == FINDING


def test_what_was_not_set_is_not_written(evaluation: EvaluationFolder) -> None:
    assert "oracle" not in evaluation.metrics.read_text()
    assert evaluation.read(DetectResults).metrics.facts()["per_size"]["tiny"]["from"] == 0


def test_no_finding_is_none(evaluation: EvaluationFolder) -> None:
    assert evaluation.read_finding(7, Finding) is None


@pytest.mark.parametrize("name", ["metrics", "scores", "checksums"])
def test_a_file_that_is_no_longer_what_was_written_is_named(evaluation: EvaluationFolder, name: str) -> None:
    path: Path = getattr(evaluation, name)
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(DamagedFile) as refused:
        evaluation.read(DetectResults)
    assert refused.value.path in (path, evaluation.metrics, evaluation.scores)


def cut_after(path: Path, lines: int, *, whole: bool = True) -> None:
    kept = b"".join(path.read_bytes().splitlines(keepends=True)[: lines + 1])
    path.write_bytes(kept if whole else kept.rstrip())


@pytest.mark.parametrize(
    ("results", "lines"),
    [
        (inspected({"line": (1, 8), "dust": (0, 4)}, good=6, alarms=1), 17),
        (inspected({"line": (1, 8), "dust": (0, 4)}, good=6, alarms=1), 5),
        (inspected({"line": (1, 8)}, good=6, alarms=0), 0),
        (classified([0, 0, 0, 1, 1, 1, 1, 0]), 7),
        (classified([0, 0, 0, 1, 1, 1, 1, 0]), 0),
    ],
)
def test_rows_that_are_not_those_counted_are_refused_without_any_checksum(
    tmp_path: Path, results: DetectResults | ClassifyResults, lines: int
) -> None:
    folder = EvaluationFolder(tmp_path)
    folder.write(results)
    assert folder.read(type(results)) == results
    cut_after(folder.scores, lines)
    with pytest.raises(DamagedFile, match="does not agree with the figures: they count"):
        folder.read(type(results))


def test_a_verdict_that_is_not_the_one_counted_and_an_image_that_stands_twice_are_refused(tmp_path: Path) -> None:
    folder, results = EvaluationFolder(tmp_path), inspected({"line": (1, 8)}, good=6, alarms=1)
    turned = results.rows[-1].model_copy(update={"is_anomalous": True})
    for rows, why in (([*results.rows[:-1], turned], "false_alarms"), ([*results.rows, turned], "twice")):
        folder.write(results.model_copy(update={"rows": rows}))
        with pytest.raises(DamagedFile, match=why):
            folder.read(DetectResults)


def test_a_file_of_rows_that_breaks_off_in_its_last_figure_is_refused(tmp_path: Path) -> None:
    folder = EvaluationFolder(tmp_path)
    folder.write(RESULTS)
    cut_after(folder.scores, 2, whole=False)
    with pytest.raises(DamagedFile, match="breaks off"):
        folder.read(DetectResults)


@pytest.mark.parametrize("figure", ["NaN", "Infinity", "-Infinity", "1e999", '"x"'])
def test_a_figure_that_is_none_is_refused_without_any_checksum(evaluation: EvaluationFolder, figure: str) -> None:
    evaluation.checksums.unlink()
    text = evaluation.metrics.read_text()
    evaluation.metrics.write_text(text.replace("0.30000000000000004", figure))
    with pytest.raises(DamagedFile, match="cannot be understood"):
        evaluation.read(DetectResults)


def test_metrics_of_the_first_version_are_read_and_what_nobody_knows_stays() -> None:
    old = b'{"metrics": {"image_auroc": 1}, "threshold": {"image": 1, "pixel": 2}, "map_scale": [0, 1], "later": {"a": 1}}'
    read = from_json(old, DetectMetrics)
    assert (read.metrics, read.per_size, read.promise_check.held) == ({"image_auroc": 1.0}, {}, None)
    assert read.facts()["later"] == {"a": 1}


HEAD = "index,name,label,defect_type,score,is_anomalous,p_value,has_truth"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEAD.replace("score", "sc0re") + "\n", "lacks the columns score"),
        (f"{HEAD}\n0,a.png,good,,0.2,0,0.5\n", "shorter"),
        (f"{HEAD}\n0,a.png,good,,0.2,0,0.5,0,1\n", "longer"),
        (f"{HEAD}\n0,a.png,good,,inf,0,0.5,0\n", "finite"),
        (f"{HEAD}\n0,a.png,good,,,0,0.5,0\n", "score"),
        (f"{HEAD}\n-1,a.png,good,,1,0,0.5,0\n", "greater"),
        ("", "lacks the columns has_truth, index"),
    ],
)
def test_rows_that_cannot_be_understood_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_csv(text.encode(), ScoreRow)


def test_rows_of_the_first_version_are_read_whatever_columns_a_later_one_adds() -> None:
    (row,) = from_csv(f"{HEAD},later\n3,a.png,good,,0.2,0,0.5,0,x\n".encode(), ScoreRow)
    assert row == ScoreRow(index=3, name="a.png", label="good", score=0.2, is_anomalous=False, p_value=0.5, has_truth=False)  # fmt: skip


def card(**other: object) -> DetectCard:
    facts = {"spec": {}, "thresholds": Thresholds(image=THRESHOLD, pixel=THRESHOLD), "backbone_fingerprint": None, "checksums": LIST}  # fmt: skip
    return DetectCard.model_validate(facts | other)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    model = ModelFolder(tmp_path)
    model.write_card(card(own="kept"))
    model.seal()
    assert model.read_card(DetectCard) == card(own="kept")


def test_a_card_whose_list_of_checksums_is_gone_is_refused(tmp_path: Path) -> None:
    model = ModelFolder(tmp_path)
    model.write_card(card())
    with pytest.raises(DamagedFile, match=f"{LIST} is gone"):
        model.read_card(DetectCard)
    model.write_card(card(checksums=None))  # of an older version
    assert model.read_card(DetectCard).thresholds.image == THRESHOLD


def test_no_card_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ModelFolder(tmp_path).read_card(DetectCard)
    ModelFolder(tmp_path).card.write_text("[" * 100_000)
    with pytest.raises(DamagedFile):
        ModelFolder(tmp_path).read_card(DetectCard)
