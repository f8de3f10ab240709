"""Which pre-trained weights are at hand, and for which networks they could be had: no torch."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from assistant.settings import Settings
from engine.contract.backbones import names
from engine.contract.hub import hub_answered
from engine.contract.jobs import Job, SpecError, make_job

LIGHT_BACKBONE = "resnet18"


def where_are_weights(settings: Settings, backbone: str) -> Literal["local", "cache", "hub", "none"]:
    """Where the weights of a backbone would come from: the weights folder, the hub's cache, the hub itself where it answers, or nowhere."""
    if _architecture(backbone) in local_backbones(settings):
        return "local"
    if settings.hub == "off":
        return "none"
    if _in_hub_cache(backbone):
        return "cache"
    return "hub" if hub_answered() else "none"


def local_backbones(settings: Settings) -> list[str]:
    """Architectures whose weights lie in the weights folder, as `<architecture>[.<tag>].safetensors`; other files there are none."""
    folder = settings.weights_folder
    held = {_architecture(path.name) for path in folder.glob("*.safetensors")} if folder.is_dir() else set()
    return sorted(held.intersection(names()))


def choose_backbone(settings: Settings, default: str, *, fits: Callable[[str], bool] = lambda name: True) -> str:
    """The paper's backbone where its weights are at hand, else one that `fits` and whose weights are, else the light one.

    A strong network without its training is worth little, and a heavy one without it only costs time.
    """
    if where_are_weights(settings, default) in ("local", "cache"):
        return default
    local = [name for name in local_backbones(settings) if fits(name)]
    return LIGHT_BACKBONE if LIGHT_BACKBONE in local or not local else local[0]


def offered_backbones(settings: Settings, job: Job) -> list[str]:
    """What a plan's form offers as backbone: the networks whose weights lie here and that this model can be built on."""
    if getattr(job, "backbone", None) is None:
        return []
    size = {"image_size": getattr(job, "image_size", None)}
    return [name for name in local_backbones(settings) if can_be_built_on(job.kind, job.subject, name, size)]


def can_be_built_on(kind: str, model: str, backbone: str, settings: Mapping[str, Any]) -> bool:
    """Whether this model can take its features from that network, with these settings and otherwise its defaults."""
    try:
        make_job(kind, "any", model, {**settings, "backbone": backbone})
    except SpecError:
        return False
    return True


def _architecture(name: str) -> str:
    return name.partition(".")[0]


def _in_hub_cache(backbone: str) -> bool:
    from huggingface_hub.constants import HF_HUB_CACHE

    pattern = re.compile(rf"models--timm--{re.escape(_architecture(backbone))}(\.|$)")
    cache = Path(HF_HUB_CACHE)
    return cache.is_dir() and any(pattern.match(path.name) for path in cache.iterdir())
