"""The story of a run, from the data to a model that was saved, loaded again and found to score the same."""

import time
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.checkpoints import load_model, save_model
from engine.contract.continuing import CHECKPOINT
from engine.contract.events import Artifact, Batches, Evaluation, Finished, Warned
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import validation_share
from engine.datasets import Dataset
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Loader, Pictures
from engine.datasets.splits import Split, split_items
from engine.evaluate import evaluate
from engine.evaluation.calibration import Calibration
from engine.evaluation.inspection import Inspection, inspect
from engine.evaluation.thresholds import SAME
from engine.failures import DataChanged, DataError, SettingError
from engine.learning import Learning, policy_for
from engine.learnt_before import keep_unseen
from engine.models import AnomalyModel
from engine.models.ensemble import Ensemble
from engine.report import Eta, Report

NAMED = 20  # broken pictures named in a warning


def train(
    spec: DetectJob,
    run: Path,
    *,
    data: Path,
    report: Report,
    weights_folder: Path | None = None,
    hub: bool = True,
    approved_data: str | None = None,
) -> Finished:
    """Run the spec on the data set in folder `data` and fill the folder `run`; the event that ends the log is returned.

    Args:
        approved_data: fingerprint that the pictures must have; None takes any.

    Raises:
        DataError, SettingError, MemoryError, OSError, FloatingPointError: in words, for the Failed event.
        StopRequested, TimeLimit: from the report.
    """
    report.stages = spec.stages()
    report.limit(spec.time_limit_min)
    if report.goes_on and not (run / CHECKPOINT).exists():
        message = "the run was interrupted before there was a checkpoint; it starts again from its beginning"
        report(Warned(code="restarted", message=message))

    report.begin("loading")
    device = _device(spec)
    _make_repeatable(spec.seed)
    pictures = Pictures(image_size=spec.image_size)
    dataset, split, broken = _load(spec, data, pictures, report, approved=approved_data)
    digest = pictures.fingerprint(dataset.items)
    policy = policy_for(spec, split)
    learning = Learning(
        spec, run, pictures=pictures, data=digest, device=device, report=report, weights_folder=weights_folder, hub=hub
    )  # fmt: skip
    if isinstance(learning.model, Ensemble):
        _refuse_other_pictures(learning.model, digest)
    split, policy = keep_unseen(
        split,
        learning.model,
        digest=digest,
        policy=policy,
        overkill_rate=spec.overkill_rate,
        warn=report,
        hash_of=pictures.hash_of,
    )
    if policy == "leave_one_out":  # nothing need be held back
        split = replace(split, fit=sorted([*split.fit, *split.calibration], key=lambda item: item.name), calibration=[])

    trainer = learning.learn(split, policy=policy)
    model = learning.model
    calibration = learning.calibrate(trainer, split, policy=policy)
    _warn_of_few_good(calibration, report)

    report.begin("evaluating")
    weights, counts = _weights(model), _counts(split, broken)
    facts = {"counts": counts, "weights": weights, "synthetic": dataset.synthetic}
    measures, found = evaluate(
        model,
        learning.loader(split.test),
        run,
        calibration=calibration,
        seed=spec.seed,
        facts=facts,
        report=report,
        escape_cost=spec.escape_cost,
    )
    if len(found.scores) > 1 and np.ptp(found.scores) <= SAME * np.abs(found.scores).max():
        message = f"all {len(found.scores)} test pictures have the same score: the model tells nothing apart"
        report(Warned(code="scores_all_equal", message=message, values={"count": len(found.scores)}))
    for kind, name in (("metrics", "metrics.json"), ("scores", "scores.csv"), ("heatmaps", "overlays")):
        report(Artifact.model_validate({"kind": kind, "path": f"evaluation/{name}"}))

    report.begin("saving")
    saved = _model_facts(spec, dataset, digest, calibration, weights)
    if spec.model.adapts_backbone:  # who takes the backbone must know what it has seen
        learnt_from = [*split.fit, *split.validation, *split.labelled]
        saved["data"]["learnt"] = sorted({pictures.hash_of(item) for item in learnt_from})
    save_model(run / "model", model, facts=saved)
    report(Artifact(kind="model", path="model/model.safetensors"))

    report.begin("verifying")
    again, _ = load_model(run / "model", weights_folder=weights_folder, hub=hub)
    _verify(again.to(device), learning.loader(split.test[: learning.batch_size]), found, report)

    report(Evaluation(metrics=measures.metrics, reasons=measures.reasons))
    return Finished(metrics=measures.metrics, seconds=report.seconds())


def _device(spec: DetectJob) -> torch.device:
    if spec.device == "cuda" and not torch.cuda.is_available():
        raise SettingError("device is 'cuda', but this machine offers no CUDA device to torch; take auto or cpu")
    return torch.device("cuda" if spec.device != "cpu" and torch.cuda.is_available() else "cpu")


def _make_repeatable(seed: int) -> None:
    """Same seed, same data, same scores; where CUDA has no repeatable way, torch warns in the run's log."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def _load(
    spec: DetectJob, data: Path, pictures: Pictures, report: Report, *, approved: str | None
) -> tuple[Dataset, Split, dict[str, str]]:
    """Read and decode the data set once, leave broken pictures out, share out the rest; say what limits the result."""
    try:
        dataset = open_dataset(data)
    except LookupError as error:
        raise DataError(str(error)) from error
    total = len(dataset.items)
    eta = Eta(total)
    items, broken = pictures.readable(
        dataset.items,
        progress=lambda done: report(Batches(what="loading", done=done, total=total, eta_s=eta(done))),
    )
    _refuse_other_data(pictures.fingerprint(dataset.items), approved, data)
    if not dataset.items:
        raise DataError(f"the data set {data} holds no pictures (PNG, JPEG, BMP, TIFF, WEBP)")
    if not items:
        raise DataError(f"none of the {total} pictures in {data} can be read; {_first(broken)}")
    if broken:
        report(_broken_warning(broken))
    try:
        split = split_items(
            items,
            calibration_share=spec.calibration_share,
            validation_share=validation_share(spec),
            labelled_share=getattr(spec.model, "labelled_share", 0.0),
            seed=spec.seed,
        )
    except ValueError as error:
        raise DataError(str(error)) from error
    _warn_of_missing_truth(split, report)
    if split.few_labelled:
        report(_few_labelled_warning(split.few_labelled))
    return dataset, split, broken


def _refuse_other_data(found: str, approved: str | None, data: Path) -> None:
    if approved is not None and found != approved:
        raise DataChanged(
            f"the images in {data} are not those of the plan that was approved: since then some were exchanged, added, "
            f"removed, relabelled or cut off (fingerprint {approved} then, {found} now)"
        )


def _first(broken: dict[str, str]) -> str:
    name, reason = next(iter(broken.items()))
    return f"the first, {name}: {reason}"


def _broken_warning(broken: dict[str, str]) -> Warned:
    names = ", ".join(list(broken)[:NAMED])
    return Warned(
        code="broken_images",
        message=f"{len(broken)} files cannot be read and are left out: {names}",
        values={"count": len(broken), "names": names},
    )


def _warn_of_missing_truth(split: Split, report: Report) -> None:
    defective = [item for item in split.test if item.label == "defective"]
    if not defective:
        message = "there are no defective pictures to test with: how many defects are found cannot be measured"
        report(Warned(code="no_defects", message=message))
    elif not any(item.mask for item in defective):
        message = "no defective picture has a mask that is read: how well defects are located cannot be measured"
        report(Warned(code="no_masks", message=message))


def _few_labelled_warning(types: list[str]) -> Warned:
    names = ", ".join(types[:NAMED])
    return Warned(
        code="few_labelled",
        message=(
            f"{len(types)} defect types have too few pictures to learn from: {names}; one picture, or one group of them, "
            "of each type is kept for testing"
        ),
        values={"count": len(types), "names": names},
    )


def _warn_of_few_good(calibration: Calibration, report: Report) -> None:
    threshold = calibration.image
    if threshold.is_enough or threshold.promised is None:  # a percentile promises nothing
        return
    report(
        Warned(
            code="few_good",
            message=(
                f"{threshold.calibration_images} good pictures cannot promise an overkill rate of "
                f"{threshold.overkill_rate:.1%}, only {threshold.promised:.1%}; that takes {threshold.images_needed}"
            ),
            values={
                "calibration": threshold.calibration_images,
                "needed": threshold.images_needed,
                "overkill": round(100 * threshold.overkill_rate, 2),
                "promised": round(100 * threshold.promised, 1),
            },
        )
    )


def _refuse_other_pictures(model: Ensemble, digest: str) -> None:
    if model.data_fingerprint != digest:
        raise SettingError(
            "the members of the ensemble were trained on other pictures than those of this data set, or it has changed "
            "since: pictures to test with may be ones that a member learnt from; train the members again"
        )


def _weights(model: AnomalyModel) -> dict[str, Any]:
    """Where the backbone's weights come from, and for an adapted one what it was adapted on, oldest first."""
    backbone = model.backbone
    if backbone is None:
        return {"backbone": None, "source": None, "tag": None, "licence": None, "lineage": []}
    return {
        "backbone": backbone.name,
        "source": backbone.source,
        "tag": backbone.tag,
        "licence": backbone.licence,
        "lineage": [
            {name: value for name, value in step.items() if name != "learnt"} for step in backbone.weights.lineage
        ],
    }


def _counts(split: Split, broken: dict[str, str]) -> dict[str, int]:
    def tested(label: str) -> int:
        return sum(item.label == label for item in split.test)

    return {
        "train_good": len(split.fit) + len(split.validation) + len(split.calibration),
        "fit": len(split.fit),
        "labelled": len(split.labelled),
        "validation": len(split.validation),
        "calibration": len(split.calibration),
        "test_good": tested("good"),
        "test_defective": tested("defective"),
        "test_unknown": tested("unknown"),
        "broken": len(broken),
        "with_masks": sum(item.mask is not None for item in split.test),
    }


def _model_facts(
    spec: DetectJob, dataset: Dataset, digest: str, calibration: Calibration, weights: dict[str, Any]
) -> dict[str, Any]:
    return {
        "spec": spec.model_dump(),
        "data": {
            "name": spec.dataset,
            "layout": dataset.layout,
            "title": dataset.title,
            "pictures": len(dataset.items),
            "fingerprint": digest,
            "licence": dataset.licence,
        },
        "thresholds": {"image": asdict(calibration.image), "pixel": asdict(calibration.pixel)},
        "calibration": {"scores": calibration.scores},
        "weights": weights,
        "synthetic": dataset.synthetic,
        "versions": {name: version(name) for name in ("torch", "timm", "torchvision", "numpy")},
        "created": time.time(),
    }


def _verify(model: AnomalyModel, loader: Loader, found: Inspection, report: Report) -> None:
    """The model as loaded from disk scores the first test pictures as the trained one did."""
    again = inspect(model, loader, what="verifying", report=report)
    before = found.scores[: loader.images]
    if not np.allclose(again.scores, before, rtol=1e-4, atol=1e-7):
        worst = float(np.abs(again.scores - before).max())
        raise RuntimeError(f"the saved model, loaded again, scores differently: by up to {worst:g}")
