"""Figures of finished runs as the engine measures them, for tests of what is said about them; and what hypothesis makes of such."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
from hypothesis import strategies as st

from assistant.kinds.claims import About, Claim
from assistant.kinds.classify import advice as classify_advice
from assistant.kinds.classify import claims as classify
from assistant.kinds.detect import advice as detect_advice
from assistant.kinds.detect import claims as detect
from assistant.kinds.learning_curve import on_learning_curve
from engine.contract.events import Epoch
from engine.contract.jobs import make_job
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import GoodPolicy, images_needed, promised
from engine.contract.results import WeightsUsed
from engine.contract.results.classify import ClassifyMetrics, ClassifyResults, ClassRow, Learnt
from engine.contract.results.detect import (
    DetectMetrics,
    DetectResults,
    OfSize,
    OfType,
    OnSynthetic,
    PromiseCheck,
    ScoreRow,
    ThresholdTold,
)
from engine.contract.shares import proportion_interval
from engine.tasks.classify.measurement import measure

NAMES = {"model": "PatchCore", "data": "oled"}


def threshold(policy: GoodPolicy = "split_conformal", *, images: int = 12, rate: float = 0.05) -> ThresholdTold:
    return ThresholdTold(
        image=6.4012,
        pixel=6.4012,
        overkill_rate=rate,
        calibration_images=images,
        promised=promised(policy, images=images, overkill_rate=rate),
        smallest_promise=1 / (images + 1),
        images_needed=images_needed(rate),
        policy=policy,
    )


def of_type(missed: int, total: int, auroc: float | None = 0.8) -> OfType:
    return OfType(
        image_auroc=auroc,
        count=total,
        found=total - missed,
        missed=missed,
        recall_interval=proportion_interval(total - missed, total),
    )


def on_synthetic(missed: int, total: int) -> OnSynthetic:
    """Of made-up defects of two types, all missed ones of the second."""
    types = {"synthetic_patch": of_type(0, total), "synthetic_spot": of_type(missed, total)}
    return OnSynthetic(
        count=2 * total, found=2 * total - missed, missed=missed, image_auroc=0.91, per_defect_type=types
    )


def sizes(missed: int, total: int) -> dict[str, OfSize]:
    """All defects small."""
    of_regions: dict[str, Any] = {"regions": 0, "regions_hit": 0, "region_recall": None, "recall": None}
    small = {"from": 0.001, "to": 0.01, "images": total, "found": total - missed, "missed": missed}
    return {"small": OfSize.model_validate(small | of_regions)}


def detection(
    types: Mapping[str, tuple[int, int]] | None = None, *, good: int = 20, alarms: int = 0, **changes: Any
) -> DetectMetrics:
    """What a detector measured: missed and tested images of each type, and false alarms in the good ones."""
    types = types if types is not None else {"line": (6, 8), "dust": (8, 32)}
    missed, total = (sum(each[i] for each in types.values()) for i in (0, 1))
    metrics: dict[str, float | None] = {
        "image_auroc": 0.91875 if total and good else None,
        "image_aupr": 0.9653 if total and good else None,
        "recall_at_5_overkill": 0.825 if total and good else None,
        "recall": 1 - missed / total if total else None,
        "escape_rate": missed / total if total else None,
        "overkill": alarms / good if good else None,
        "missed": float(missed) if total else None,
        "false_alarms": float(alarms) if good else None,
        "pixel_auroc": 0.8182 if total else None,
        "pixel_aupr": 0.0561 if total else None,
        "aupro_30": 0.7321 if total else None,
    }
    fields: dict[str, Any] = {
        "metrics": metrics,
        "reasons": {},
        "intervals": {
            "image_auroc": (0.84, 0.975),
            "escape_rate": proportion_interval(missed, total),
            "overkill": proportion_interval(alarms, good),
        },
        "counts": {"test_good": good, "test_defective": total, "broken": 0},
        "weights": WeightsUsed(backbone="mobilenetv2_100", source="local"),
        "threshold": threshold(),
        "map_scale": (0.0, 10.0),
        "per_defect_type": {name: of_type(*each) for name, each in types.items()},
        "promise_check": PromiseCheck(held=None, reason="r"),
        "per_size": sizes(missed, total),
    }
    return DetectMetrics(**(fields | changes))


def classification(
    true: list[int] | None = None,
    called: list[int] | None = None,
    classes: tuple[str, ...] = ("crack", "stain"),
    **changes: Any,
) -> ClassifyMetrics:
    """What a classifier measured that called images of these classes so."""
    true = true if true is not None else [0] * 6 + [1] * 6
    called = called if called is not None else [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0]
    said = np.full((len(true), len(classes)), 0.1 / max(len(classes) - 1, 1))
    said[np.arange(len(true)), called] = 0.9
    fields: dict[str, Any] = {
        **measure(said, np.array(true), list(classes), groups=[None] * len(true), seed=0),
        "temperature": 1.0,
        "counts": {"test": len(true), "classes": len(classes), "broken": 0},
        "left_out": {"dent": 2},
        "weights": WeightsUsed(backbone="resnet18", source="local"),
    }
    return ClassifyMetrics(**(fields | changes))


EPOCHS = [
    Epoch(
        epoch=at,
        epochs=5,
        loss=0.5 / at,
        val_loss=val_loss,
        lr=0.1,
        best=at < 4,
        figures={"accuracy": 0.9, "val_accuracy": 0.8},
    )
    for at, val_loss in enumerate((0.6, 0.5, 0.4, 0.45, 0.5), start=1)
]


def claims(
    of: DetectMetrics | ClassifyMetrics,
    *,
    run: str = "r7",
    seconds: float | None = 43.2,
    leans: Literal["over", "under"] | None = None,
    epochs: Sequence[Epoch] = EPOCHS,
    **settings: Any,
) -> list[Claim]:
    """All that may be said of a run of these figures."""
    if isinstance(of, DetectMetrics):
        about, job = About(run, "detect"), make_job("detect", "oled", "patchcore", settings)
        measured = detect.claims_of(run, of, seconds=seconds, **NAMES)
        after = detect_advice.next_steps(about, of, cast(DetectJob, job))
        return [*measured, *on_learning_curve(about, epochs, model="PatchCore", learns_in_epochs=bool(epochs)), *after]
    about, job = About(run, "classify"), make_job("classify", "oled", "resnet", settings)
    confidence = {"stated": 0.9, "right": of.metrics["accuracy"], "leans": leans}
    measured = classify.claims_of(run, of, confidence=confidence, seconds=seconds, **NAMES)
    curve = on_learning_curve(about, epochs, model="ResNet", learns_in_epochs=True)
    after = classify_advice.next_steps(about, of, cast(ClassifyJob, job))
    return [*measured, *classify.accuracy_gap(about, epochs, of), *curve, *after]


names = st.text("xyz가나불량裂缝*_. []", max_size=8).map(lambda text: f"q{text}q")
weights = st.builds(WeightsUsed, backbone=st.just("resnet18"), source=st.sampled_from(["random", "hub", None]))
counts = st.tuples(st.integers(0, 900), st.integers(0, 900)).map(lambda each: (min(each), max(each)))
shares = st.floats(0, 1)
checks = st.one_of(
    st.builds(PromiseCheck, held=st.booleans(), promised=shares, overkill=shares, ks_p_value=shares),
    st.just(PromiseCheck(held=None, reason="r")),
)
policies = st.sampled_from(["split_conformal", "leave_one_out", "percentile"])
thresholds = st.builds(threshold, policies, images=st.integers(1, 5000), rate=st.floats(0.001, 0.5))


@st.composite
def detections(draw: st.DrawFn) -> DetectMetrics:
    types = draw(st.dictionaries(names, counts, max_size=4))
    good = draw(st.integers(0, 500))
    made = detection(
        types,
        good=good,
        alarms=draw(st.integers(0, good)),
        promise_check=draw(checks),
        threshold=draw(thresholds),
        weights=draw(weights),
        synthetic=draw(st.booleans()),
        on_synthetic=on_synthetic(*draw(counts)) if draw(st.booleans()) else None,
    )
    figures = {name: value if value is None or draw(st.booleans()) else draw(shares) for name, value in made.metrics.items() if name not in ("missed", "false_alarms")}  # fmt: skip
    return made.model_copy(
        update={"metrics": made.metrics | figures, "counts": made.counts | {"broken": draw(st.integers(0, 3))}}
    )


def learning(*, epoch: int, head_fitted: bool = True) -> Learnt:
    loss, best = (0.3, 0.3) if epoch else (0.5, 0.75)
    return Learnt(
        epoch=epoch, epochs=6, val_loss=loss, val_loss_before=0.5, best_val_loss=best, head_fitted=head_fitted
    )


learnt = st.one_of(st.none(), st.builds(learning, epoch=st.integers(0, 6), head_fitted=st.booleans()))


@st.composite
def classifications(draw: st.DrawFn) -> ClassifyMetrics:
    classes = tuple(draw(st.lists(names, min_size=2, max_size=4, unique=True)))
    some = st.lists(st.integers(0, len(classes) - 1), min_size=1, max_size=12)
    true = draw(some)
    called = [draw(st.integers(0, len(classes) - 1)) for _ in true]
    return classification(
        true, called, classes, weights=draw(weights), synthetic=draw(st.booleans()), learning=draw(learnt)
    )


def inspected(missed: Mapping[str, tuple[int, int]], *, good: int, alarms: int, better: float = 0.0) -> DetectResults:
    """A detection with a row for each image: of each type the first were missed, of the good ones the first are false alarms."""
    rows = []
    for name, (wrong, total) in missed.items():
        rows += [
            (f"{name}/{i}.png", "defective", name, 4.0 + better if i < wrong else 9.0 + i / 100) for i in range(total)
        ]
    rows += [(f"good/{i}.png", "good", None, 8.0 if i < alarms else 2.0 + i / 100) for i in range(good)]
    told = [
        ScoreRow(
            index=i, name=name, label=label, defect_type=of, score=score, is_anomalous=score > 6.4012, has_truth=False
        )
        for i, (name, label, of, score) in enumerate(rows)
    ]
    return DetectResults(metrics=detection(missed, good=good, alarms=alarms), rows=told)


def classified(called: Sequence[int], true: Sequence[int] = (0, 0, 0, 0, 1, 1, 1, 1)) -> ClassifyResults:
    """A classification with a row for each image."""
    names = ("crack", "stain")
    rows = [
        ClassRow.model_validate(
            {
                "index": i,
                "name": f"{i}.png",
                "class": names[of],
                "predicted": names[said],
                "probability": 0.9,
                "correct": of == said,
            }
        )
        for i, (of, said) in enumerate(zip(true, called, strict=True))
    ]
    return ClassifyResults(metrics=classification([*true], [*called]), rows=rows)
