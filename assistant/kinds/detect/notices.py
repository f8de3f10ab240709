"""What a person should know of a training of a detector before saying yes, what cannot run, and which settings do nothing."""

from collections.abc import Mapping
from typing import Any

from assistant.frames import Estimate, Notice
from assistant.kinds.notices import (
    note,
    on_data,
    on_substitute,
    on_synthetic,
    on_time,
    on_weights,
    refuse_missing_weights,
    warn,
)
from assistant.settings import Settings
from engine.contract.data import DataFacts
from engine.contract.jobs import Problem, SpecError
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import promise_of, share_out

# notices of the check that matter to those who tell classes apart alone
OF_NO_ACCOUNT = {"given_split"}


def notices_of(
    settings: Settings, job: DetectJob, *, chosen: Mapping[str, Any], facts: DataFacts, estimate: Estimate
) -> list[Notice]:
    """What a person should know before saying yes, the gravest first."""
    usual = job.backbone if job.backbone_run else job.model.default_backbone
    return [
        *_on_extension(job),
        *on_weights(settings, backbone=job.backbone, weights=job.weights),
        *on_data(facts, of_no_account=OF_NO_ACCOUNT),
        *_on_defects(facts),
        *_on_threshold(job, facts),
        *on_synthetic(facts),
        *on_substitute(settings, backbone=job.backbone, usual=usual, chosen=chosen),
        *on_time(estimate),
    ]


def refuse_what_cannot_run(settings: Settings, job: DetectJob, facts: DataFacts, *, chosen: Mapping[str, Any]) -> None:
    for notice in facts.notices:
        if notice.code == "memory_models_only" and job.model.learns_in_epochs:
            raise SpecError([Problem("model", f"{job.model.name} cannot be trained: {notice.message}")])
    adapted = job.backbone_run is not None
    refuse_missing_weights(settings, backbone=job.backbone, weights=job.weights, chosen=chosen, adapted=adapted)


def without_effect(job: DetectJob) -> set[str]:
    """Settings that every job has and this model makes no use of."""
    return job.model.without_effect()


def _on_extension(job: DetectJob) -> list[Notice]:
    before = getattr(job.model, "learns_on", None)
    if before is None:
        return []
    message = (
        f"It keeps the memory of run {before} and extends it by the good images of this data set. "
        f"If {before} is a version of a registered model, the result is that model's next candidate."
    )
    return [note("extends", message, run=before)]


def _on_defects(facts: DataFacts) -> list[Notice]:
    if facts.test_defective == 0:
        message = "There are no defective images: how many defects the model finds cannot be measured."
        return [note("no_defects", message)]
    if any(each.code == "no_masks" for each in facts.notices):
        return [note("no_masks", "There are no defect masks: how well defects are located cannot be measured.")]
    return []


def _on_threshold(job: DetectJob, facts: DataFacts) -> list[Notice]:
    """How many good images will set the threshold, where that limits what it can promise."""
    shared = share_out(job, good=facts.train_good, has_own_test=facts.test_good > 0)
    images = shared.threshold
    promise = promise_of(shared.policy, images=images, overkill_rate=job.overkill_rate, folds=shared.folds)
    if promise.promised is None:
        message = (
            f"The threshold is the plain percentile of {images} good images: nothing is promised about the overkill."
        )
        return [warn("percentile", message, calibration=images)]
    said = promise.said()
    notices, values = [], {"calibration": images, "promised": said["promised"]}
    if not promise.is_enough:
        message = (
            f"{images} good images set the threshold; an overkill of {said['rate']} % takes {said['needed']}. "
            f"No better than {said['promised']} % can be promised."
        )
        notices.append(warn("few_good", message, **values, needed=said["needed"], overkill=said["rate"]))
    if shared.policy == "leave_one_out":
        message = (
            f"Every one of the {images} good images sets the threshold, scored by a model that did not see it. That wastes none, "
            f"but takes several trainings, and promises less: an overkill of at most {said['promised']} %. For an ensemble of several "
            "models take split_conformal as threshold_policy instead: its members must hold the same good images back."
        )
        notices.append(note("leave_one_out", message, **values))
    return notices
