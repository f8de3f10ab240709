"""What suits the data and this machine: a light network whose weights are at hand, good pictures where one class is alone.

Rules of thumb; a person's own wish always goes before them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assistant.frames import Notice
from assistant.kinds import Advice
from assistant.kinds.claims import About, Claim
from assistant.kinds.weights import local_backbones, where_are_weights
from assistant.settings import Settings
from engine.contract.classes import GOOD_CLASS, classes_of
from engine.contract.classifiers import CLASSIFIERS
from engine.contract.data import DataFacts
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results.classify import ClassifyMetrics
from prompts.figures import count

FEW_TESTED = 20  # pictures of a class: of fewer, what share is found is hardly known
FEW = 50  # pictures of the smallest class: below that, strong augmentation is worth its time


def complete(settings: Settings, *, facts: DataFacts, model: str, chosen: Mapping[str, Any]) -> dict[str, Advice]:
    """What a training of this model is completed with."""
    if model not in CLASSIFIERS:
        return {}
    advice = {"backbone": Advice(backbone_for(settings, model, chosen), None)}
    types = classes_of(facts, include_good=False).learnt
    if len(types) == 1 and GOOD_CLASS in classes_of(facts, include_good=True).learnt:
        name = next(iter(types))
        message = f"because there is one defect type alone, {name}, which good pictures are told from"
        advice["include_good"] = Advice(True, Notice(code="one_defect_type", message=message, values={"name": name}))
    include_good = bool(chosen.get("include_good", "include_good" in advice))
    smallest = min(classes_of(facts, include_good=include_good).pictures.values(), default=0)
    if 0 < smallest < FEW:
        message = f"because the smallest class has {smallest} pictures"
        because = Notice(code="small_class", message=message, values={"count": smallest})
        advice["augmentation"] = Advice("strong", because)
    return advice


def recommended(models: Iterable[str]) -> dict[str, Any]:
    """The first choice; all of them want pre-trained weights, and none learns from a handful."""
    return {
        "few_images": {"fewer_good_images_than": FEW, "models": []},
        "real_time": {"models": []},
        "no_weights": {"models": []},
        "otherwise": {"models": [name for name in models if CLASSIFIERS[name].first_choice]},
    }


def best_for(*, good: int, weights_at_hand: bool) -> list[str]:
    """None: what counts are the images of each class, not the good ones."""
    return []


def model_of(asked: Mapping[str, Any]) -> str | None:
    """Who names a network means its family."""
    backbone = str(asked.get("backbone") or "")
    return next((name for name, family in CLASSIFIERS.items() if family.is_of_family(backbone)), None)


def backbone_for(settings: Settings, model: str, chosen: Mapping[str, Any]) -> str:
    """The family's usual network, or, unless random weights are asked for, another of the family whose weights are at hand."""
    family = CLASSIFIERS[model]
    usual = family.default_backbone
    if chosen.get("weights") == "random" or where_are_weights(settings, usual) in ("local", "cache"):
        return usual
    return next((name for name in local_backbones(settings) if family.is_of_family(name)), usual)


def next_steps(about: About, metrics: ClassifyMetrics, job: ClassifyJob) -> Iterator[Claim]:
    """What to try after a finished training, each with what in its figures speaks for it."""
    if metrics.weights.source == "random":
        yield about.claim("next.pretrained_weights", "next_pretrained_weights", backbone=metrics.weights.backbone)
    few = {
        name: each.count
        for name, each in metrics.per_class.items()
        if each.count < FEW_TESTED and each.found < each.count
    }
    if few:
        names = [(name, count(images)) for name, images in few.items()]
        yield about.claim("next.images", "next_images", classes=names, enough=count(FEW_TESTED))
    learning = metrics.learning
    if learning is not None and learning.epoch and learning.epoch == learning.epochs:
        yield about.claim("next.epochs", "next_epochs", epochs=count(learning.epochs))
    if job.augmentation == "none" and any(each.found < each.count for each in metrics.per_class.values()):
        yield about.claim("next.augmentation", "next_augmentation")
