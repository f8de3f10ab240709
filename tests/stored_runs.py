"""What finished runs leave behind, written by the contract's own writers: no test has a shape that the engine does not write."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.contract.checksums import LIST
from engine.contract.folder import EvaluationFolder, ModelFolder, RunFolder
from engine.contract.jobs import Job
from engine.contract.results import WeightsUsed
from engine.contract.results.card import LearntFrom
from engine.contract.results.detect import (
    DetectCard,
    DetectMetrics,
    DetectResults,
    Finding,
    FoundImage,
    HeldOut,
    Highest,
    OfType,
    Patch,
    Policy,
    PromiseCheck,
    Region,
    ScoreRow,
    Threshold,
    Thresholds,
    ThresholdTold,
)

LIMIT = 0.5  # above it a picture is called defective
METRICS: dict[str, float | None] = {
    "image_auroc": 0.75,
    "image_aupr": 0.8,
    "pixel_auroc": None,
    "pixel_aupr": None,
    "missed": 1.0,
    "false_alarms": 0.0,
}


def inspected(index: int, name: str, score: float, *, defect_type: str | None = None, p_value: float = 0.5) -> ScoreRow:
    """A picture and what was said of it; without a defect type it is good."""
    label = "good" if defect_type is None else "defective"
    return ScoreRow(
        index=index,
        name=name,
        label=label,
        defect_type=defect_type,
        score=score,
        is_anomalous=score > LIMIT,
        p_value=p_value,
        has_truth=defect_type is not None,
        confidence=None,
    )


ROWS = (
    inspected(0, "test/good/a.png", 0.2),
    inspected(1, "test/scratch/b.png", 0.9, defect_type="scratch", p_value=0.1),
    inspected(2, "test/scratch/c.png", 0.1, defect_type="scratch", p_value=0.9),
)


def threshold(policy: Policy = "split_conformal") -> Threshold:
    """Set by 19 good pictures, as many as an overkill of 5 % takes."""
    return Threshold(
        value=LIMIT,
        overkill_rate=0.05,
        calibration_images=19,
        promised=None if policy == "percentile" else 0.05,
        smallest_promise=0.05,
        images_needed=19,
        policy=policy,
        images_to_show=59,
    )


def measured(rows: Sequence[ScoreRow] = ROWS, *, metrics: Mapping[str, float | None] = METRICS) -> DetectResults:
    """What a run on these pictures measured; whatever it counts is counted from them."""
    told = {name: value for name, value in threshold().facts().items() if name != "value"}
    of = {label: [row for row in rows if row.label == label] for label in ("good", "defective")}
    counted = {
        "missed": float(sum(not row.is_anomalous for row in of["defective"])),
        "false_alarms": float(sum(row.is_anomalous for row in of["good"])),
    }
    return DetectResults(
        metrics=DetectMetrics(
            metrics={name: value if value is None else counted.get(name, value) for name, value in metrics.items()},
            reasons={name: "no masks" for name, value in metrics.items() if value is None},
            intervals={"image_auroc": (0.5, 1.0)},
            interval_notes={},
            counts={"test_good": len(of["good"]), "test_defective": len(of["defective"]), "broken": 0},
            weights=WeightsUsed(backbone="resnet18", source="hub", tag=None, licence=None, lineage=[]),
            synthetic=False,
            threshold=ThresholdTold(**told, image=LIMIT, pixel=LIMIT, oracle=False, promise="At most 5 %."),
            map_scale=(0.0, 1.0),
            per_defect_type={name: _of_type(name, of["defective"]) for name in dict.fromkeys(row.defect_type for row in of["defective"]) if name},
            promise_check=PromiseCheck(held=None, reason="there are no good images to test with"),
        ),
        rows=list(rows),
    )  # fmt: skip


def _of_type(name: str, rows: Sequence[ScoreRow]) -> OfType:
    called = [row.is_anomalous for row in rows if row.defect_type == name]
    found = sum(called)
    return OfType(
        count=len(called), found=found, missed=len(called) - found, image_auroc=0.9, recall_interval=(0.0, 1.0)
    )


def finding(row: ScoreRow = ROWS[1], *, nearest: Sequence[str] = ("train/good/1.png",)) -> Finding:
    """Two regions of a picture: of the first the model knows good patches, in the pictures of these names, as of its highest place."""
    patches = [Patch(name=name, x=0.5, y=0.5, distance=1.2) for name in nearest]
    image = FoundImage.judged(
        row.name,
        score=row.score,
        threshold=LIMIT,
        pixel_threshold=LIMIT,
        p_value=row.p_value,
        highest=Highest(x=2, y=1, score=2.0, nearest=patches[:2]),
    )
    place: dict[str, Any] = {
        "box": (1, 1, 3, 2), "area_px": 6, "area_share": 0.1, "peak": 2.0, "peak_at": (2, 1), "mean": 1.5, "centre": (2.0, 1.5),
    }  # fmt: skip
    return Finding(image=image, regions=[Region(**place, nearest=patches), Region(**place, nearest=None)])


def write_evaluation(
    run: Path,
    results: DetectResults | None = None,
    *,
    findings: Mapping[int, Finding] | None = None,
    is_sealed: bool = True,
) -> EvaluationFolder:
    """The evaluation of a run. `is_sealed` false leaves out the checksums, as older versions did."""
    evaluation = RunFolder(run).evaluation
    evaluation.path.mkdir(parents=True)
    evaluation.write(results or measured())
    for index, found in (findings or {}).items():
        evaluation.write_finding(index, found)
    if is_sealed:
        evaluation.seal()
    return evaluation


def card(job: Job, *, fingerprint: str = "f0", policy: Policy = "split_conformal") -> DetectCard:
    """What a saved model of this job says of itself."""
    return DetectCard(
        spec=job.model_dump(),
        data=LearntFrom(name=job.dataset, layout="mvtec", title=job.dataset, pictures=3, fingerprint=fingerprint),
        thresholds=Thresholds(image=threshold(policy), pixel=threshold(policy)),
        calibration=HeldOut(scores=[0.1, LIMIT]),
        weights=WeightsUsed(),
        backbone_fingerprint=None,
        normals=[],
        checksums=LIST,
    )


def write_model(run: Path, of: DetectCard) -> ModelFolder:
    """The folder of a saved model, without the weights."""
    model = RunFolder(run).model
    model.path.mkdir()
    model.write_card(of)
    model.seal()
    return model
