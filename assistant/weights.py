"""Which pre-trained weights are at hand: a look at folders only, no network and no torch."""

import re
from dataclasses import dataclass
from pathlib import Path

from assistant.settings import Settings

LIGHT_BACKBONE = "resnet18"


@dataclass(frozen=True)
class Weights:
    """Where the weights of a backbone would come from: a local file, the hub's cache, the hub itself (unsure), or nowhere."""

    backbone: str
    source: str  # local, cache, hub, none


def look_up(settings: Settings, backbone: str) -> Weights:
    """Say where `backbone`'s weights would come from."""
    if backbone in local_backbones(settings):
        return Weights(backbone, "local")
    if settings.hub == "off":
        return Weights(backbone, "none")
    return Weights(backbone, "cache" if _in_hub_cache(backbone) else "hub")


def local_backbones(settings: Settings) -> list[str]:
    """Architectures whose weights lie in the weights folder, as `<architecture>[.<tag>].safetensors`."""
    folder = settings.weights_folder
    return sorted({path.name.split(".")[0] for path in folder.glob("*.safetensors")}) if folder.is_dir() else []


def choose_backbone(settings: Settings, default: str) -> str:
    """The paper's backbone where its weights are at hand, else one whose weights are, else the light one.

    A strong network without its training is worth little, and a heavy one without it only costs time.
    """
    local = local_backbones(settings)
    if default in local or look_up(settings, default).source == "cache":
        return default
    return LIGHT_BACKBONE if LIGHT_BACKBONE in local or not local else local[0]


def _in_hub_cache(backbone: str) -> bool:
    from huggingface_hub.constants import HF_HUB_CACHE

    pattern = re.compile(rf"models--timm--{re.escape(backbone)}(\.|$)")
    cache = Path(HF_HUB_CACHE)
    return cache.is_dir() and any(pattern.match(path.name) for path in cache.iterdir())
