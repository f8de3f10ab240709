"""Which pre-trained weights are at hand: a look at folders only, no network and no torch."""

import re
from pathlib import Path
from typing import Literal

from assistant.settings import Settings
from engine.contract.backbones import names

LIGHT_BACKBONE = "resnet18"


def where_are_weights(settings: Settings, backbone: str) -> Literal["local", "cache", "hub", "none"]:
    """Where the weights of a backbone would come from: the weights folder, the hub's cache, the hub itself, or nowhere."""
    if _architecture(backbone) in local_backbones(settings):
        return "local"
    if settings.hub == "off":
        return "none"
    return "cache" if _in_hub_cache(backbone) else "hub"


def local_backbones(settings: Settings) -> list[str]:
    """Architectures whose weights lie in the weights folder, as `<architecture>[.<tag>].safetensors`; other files there are none."""
    folder = settings.weights_folder
    held = {_architecture(path.name) for path in folder.glob("*.safetensors")} if folder.is_dir() else set()
    return sorted(held.intersection(names()))


def choose_backbone(settings: Settings, default: str) -> str:
    """The paper's backbone where its weights are at hand, else one whose weights are, else the light one.

    A strong network without its training is worth little, and a heavy one without it only costs time.
    """
    if where_are_weights(settings, default) in ("local", "cache"):
        return default
    local = local_backbones(settings)
    return LIGHT_BACKBONE if LIGHT_BACKBONE in local or not local else local[0]


def _architecture(name: str) -> str:
    return name.partition(".")[0]


def _in_hub_cache(backbone: str) -> bool:
    from huggingface_hub.constants import HF_HUB_CACHE

    pattern = re.compile(rf"models--timm--{re.escape(_architecture(backbone))}(\.|$)")
    cache = Path(HF_HUB_CACHE)
    return cache.is_dir() and any(pattern.match(path.name) for path in cache.iterdir())
