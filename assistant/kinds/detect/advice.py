"""What suits the circumstances: settings by the number of good images, and models by what there is and what is wanted.

Rules of thumb from practice with small sets of parts, not measurements of this machine; a person's own wish always goes before them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from assistant.frames import Notice
from assistant.kinds import Advice
from assistant.kinds.claims import About, Claim, Offer
from assistant.kinds.weights import can_be_built_on, choose_backbone
from assistant.settings import Settings
from engine.contract.data import DataFacts
from engine.contract.jobs import SpecError, flat_settings, make_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS, DetectorParams
from engine.contract.results.detect import DetectMetrics
from prompts.figures import Figure, count, share

FEW, SOME = 50, 200  # good images: below FEW a set is small, below SOME it is not large
SMALL_BATCH = 4
UNSEEN = 0.75  # an AUROC of a type below which the model hardly sees it, whatever the threshold
SMALL = ("tiny", "small")  # defects
LARGEST = 1024  # pixels that are proposed
COARSE = 128  # pixels: at this size what is larger than a patch of 256 px is seen
STEP = 32  # pixels that sizes are a multiple of
PRICE = 0.05  # of overkill: what a threshold at it would find is measured
WORTH_IT = 0.02
FEW_TESTED = 30  # defective images: of fewer, what share is missed is known to a quarter at best


def complete(settings: Settings, *, facts: DataFacts, model: str, chosen: Mapping[str, Any]) -> dict[str, Advice]:
    """What a training of this model is completed with: what suits the data, and the paper's backbone or one whose weights are at hand."""
    if model not in MODELS:
        return {}
    usual = MODELS[model].default_backbone
    backbone = None if chosen.get("backbone") else backbone_for(settings, model, chosen)
    if backbone is None:
        return advise(model, good=facts.train_good)
    missing = Notice(
        code="weights_missing", message=f"the weights of {usual} are not at hand", values={"backbone": usual}
    )
    return {
        **advise(model, good=facts.train_good),
        "backbone": Advice(backbone, None if backbone == usual else missing),
    }


def backbone_for(settings: Settings, model: str, chosen: Mapping[str, Any]) -> str | None:
    """The paper's, or one whose weights are at hand and that the model can be built on; None for a model without."""
    usual = MODELS[model].default_backbone
    if usual is None or chosen.get("weights") == "random":
        return usual
    size = {name: chosen[name] for name in ("image_size",) if name in chosen}
    return choose_backbone(settings, usual, fits=partial(can_be_built_on, "detect", model, settings=size))


def advise(model: str, *, good: int) -> dict[str, Advice]:
    """Settings that should differ from the model's defaults with this many good images to learn from."""
    params = MODELS[model]
    wanted: dict[str, Any] = {}
    if "coreset_ratio" in params.model_fields and good < SOME:
        default = params.model_fields["coreset_ratio"].default
        wanted["coreset_ratio"] = max(0.2 if good < FEW else 0.1, default)
    if good < FEW and params.takes_augmentation:
        wanted["augmentation"] = "light"
    if good < FEW and params.learns_in_epochs:
        wanted["batch_size"] = min(SMALL_BATCH, params.default_batch_size)
    message = f"because there are {good} good images" if good != 1 else "because there is 1 good image"
    because = Notice(code="good_images", message=message, values={"count": good})
    return {name: Advice(value, because) for name, value in wanted.items() if value != _default(params, name)}


def recommended(models: Iterable[str] = MODELS) -> dict[str, Any]:
    """Models by circumstances, as facts: `otherwise` is the first choice."""
    listed = list(models)
    return {
        "few_images": {
            "fewer_good_images_than": FEW,
            "models": [name for name in listed if MODELS[name].good_with_few],
        },
        "real_time": {"models": [name for name in listed if MODELS[name].fast]},
        "no_weights": {
            "models": [name for name in listed if not MODELS[name].needs_weights and not MODELS[name].joins_runs]
        },
        "otherwise": {"models": [name for name in listed if MODELS[name].first_choice]},
    }


def best_for(*, good: int, weights_at_hand: bool) -> list[str]:
    """The models to begin with, given the good images of a data set and whether any pre-trained weights are on this machine."""
    by = recommended()
    if not weights_at_hand:
        return list(by["no_weights"]["models"])
    return list(by["few_images" if good < FEW else "otherwise"]["models"])


def _default(params: type[DetectorParams], name: str) -> Any:
    if name == "batch_size":
        return params.default_batch_size
    return (params.model_fields.get(name) or DetectJob.settings()[name]).default


def next_steps(about: About, metrics: DetectMetrics, job: DetectJob, *, evidence: Sequence[Claim] = ()) -> list[Claim]:
    """What to try after a finished training, each with what in its figures speaks for it; the first is what to do next.

    Args:
        evidence: what other runs and thresholds showed: it goes before what is only likely.
    """
    weights = [each for each in _likely(about, metrics, job) if each.what == "detect.next_pretrained_weights"]
    known = {each.id for each in evidence}
    is_reckoned = f"{about.subject}.next.threshold" in known  # better than by a threshold that the test data chose
    likely = [
        each
        for each in _likely(about, metrics, job)
        if each not in weights and not (is_reckoned and each.id == f"{about.subject}.next.overkill_rate")
    ]
    steps = [*weights, *evidence, *likely]
    return [replace(each, id=f"{about.subject}.next") if each is steps[0] else each for each in steps]


def _likely(about: About, metrics: DetectMetrics, job: DetectJob) -> Iterator[Claim]:
    """By the figures of the run alone."""
    types = [
        (name, each) for name, each in metrics.per_defect_type.items() if each.missed and each.image_auroc is not None
    ]
    unseen = [name for name, each in types if each.image_auroc is not None and each.image_auroc < UNSEEN]
    if metrics.weights.source == "random":
        yield about.claim("next.pretrained_weights", "next_pretrained_weights", backbone=metrics.weights.backbone)
    if unseen:
        size = {"image_size": Figure(job.image_size, "plain"), "limit": Figure(UNSEEN, "plain")}
        small = [metrics.per_size[name] for name in SMALL if name in metrics.per_size]
        if sum(each.missed for each in small) > sum(each.found for each in small) and 2 * job.image_size <= LARGEST:
            other = Figure(2 * job.image_size, "plain")
            claim = about.claim("next.image_size", "next_larger_images", types=unseen, other=other, **size)
            yield replace(claim, offers=_trial(job, 3 * job.image_size // 2, 2 * job.image_size))
        elif job.image_size >= 2 * COARSE:
            other = Figure(COARSE, "plain")
            claim = about.claim("next.image_size", "next_smaller_images", types=unseen, other=other, **size)
            yield replace(claim, offers=_trial(job, COARSE, (COARSE + job.image_size) // 2))
    at_5, recall = metrics.metrics.get("recall_at_5_overkill"), metrics.metrics.get("recall")
    rate = metrics.threshold.overkill_rate
    if at_5 is not None and recall is not None and rate is not None and rate < PRICE and at_5 > recall + WORTH_IT:
        told = {
            "found": share(at_5),
            "now": share(recall),
            "rate": Figure(rate, "promise"),
            "other": Figure(PRICE, "promise"),
        }
        yield about.claim("next.overkill_rate", "next_overkill_rate", **told)
    images, needed = metrics.threshold.calibration_images, metrics.threshold.images_needed
    if rate is not None and images is not None and needed is not None and images < needed:
        told = {"images": count(images), "needed": count(needed), "rate": Figure(rate, "promise")}
        yield about.claim("next.good_images", "next_good_images", **told)
    if metrics.promise_check.held is False:
        yield about.claim("next.same_light", "next_same_light")
    few = sum(each.count for each in metrics.per_defect_type.values())
    if 0 < few < FEW_TESTED:
        yield about.claim("next.test_images", "next_test_images", defective=count(few), enough=count(FEW_TESTED))


def _trial(job: DetectJob, *sizes: int) -> tuple[Offer, ...]:
    """The model at this size and at those of the others at which it can be trained."""
    possible = sorted({job.image_size, *(size - size % STEP for size in sizes)})
    values = [size for size in possible if _is_possible(job, size)]
    arguments = {"dataset": job.dataset, "model": job.subject, "setting": "image_size", "values": values}
    said = {"data": job.dataset, "model": MODELS[job.subject].title, "setting": "image_size"}
    told = said | {"tried": [Figure(size, "plain") for size in values]}
    return (Offer("offer_sweep", "sweep", arguments, told),) if len(values) > 1 else ()


def _is_possible(job: DetectJob, image_size: int) -> bool:
    try:
        make_job(job.kind, job.dataset, job.subject, {**flat_settings(job), "image_size": image_size})
    except SpecError:
        return False
    return True
