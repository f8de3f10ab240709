"""Figures of finished runs as the engine measures them, for tests of what is said about them; and what hypothesis makes of such."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from assistant.kinds.claims import Claim
from assistant.kinds.classify import claims as classify
from assistant.kinds.detect import claims as detect
from engine.contract.policy import GoodPolicy, images_needed, promised
from engine.contract.results import WeightsUsed
from engine.contract.results.classify import ClassifyMetrics, Learnt
from engine.contract.results.detect import DetectMetrics, OfType, PromiseCheck, ThresholdTold
from engine.evaluation.intervals import proportion_interval
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


def of_type(missed: int, total: int) -> OfType:
    return OfType(
        count=total, found=total - missed, missed=missed, recall_interval=proportion_interval(total - missed, total)
    )


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


def claims(
    of: DetectMetrics | ClassifyMetrics,
    *,
    run: str = "r7",
    seconds: float | None = 43.2,
    leans: Literal["over", "under"] | None = None,
) -> list[Claim]:
    if isinstance(of, DetectMetrics):
        return detect.claims_of(run, of, seconds=seconds, **NAMES)
    confidence = {"stated": 0.9, "right": of.metrics["accuracy"], "leans": leans}
    return classify.claims_of(run, of, confidence=confidence, seconds=seconds, **NAMES)


names = st.text("xyz가나불량裂缝*_. []", max_size=8).map(lambda text: f"q{text}q")
weights = st.builds(WeightsUsed, backbone=st.just("resnet18"), source=st.sampled_from(["random", "hub", None]))
counts = st.tuples(st.integers(0, 900), st.integers(0, 900)).map(lambda each: (min(each), max(each)))
shares = st.floats(0, 1)
checks = st.one_of(
    st.builds(PromiseCheck, held=st.booleans(), promised=shares, overkill=shares),
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
