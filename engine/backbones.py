"""Frozen feature pyramids from timm: which network, which weights, and where they come from.

Weights are looked for in the weights folder, then in timm's hub, else they are random; what was taken is recorded.
Networks must be feature pyramids (convolutional ones); timm's transformers are refused in words.
"""

import difflib
import hashlib
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import nn

import engine.torchvision_import  # noqa: F401  (must come before timm)

import timm  # isort: skip
from safetensors import SafetensorError, safe_open

from engine.events import Warned

# The weights that the papers used, where timm's own default for the architecture is another.
PINNED_TAGS = {"resnet18": "tv_in1k", "wide_resnet50_2": "tv_in1k", "resnet50": "tv_in1k"}
HUB_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from. `source` is "local file NAME", "hub" or "random"."""

    source: str
    tag: str | None = None
    licence: str | None = None
    file: Path | None = None


class Backbone(nn.Module):
    """Frozen features at several levels: (B, 3, H, W) in [0, 1] -> one (B, C, H / stride, W / stride) per layer.

    Args:
        name: timm architecture, with or without a weight tag ("resnet18", "resnet18.tv_in1k").
        layers: levels; level i has stride 2^(i+1).
        weights: "auto", "pretrained" or "random", as in TrainSpec.
        normalisation: "weights" as the backbone was trained, "image" by each image's own mean and deviation.
        weights_folder: holds `<architecture>.safetensors` or `<architecture>.<tag>.safetensors`.
        hub: whether weights may be downloaded.
        seed: of random weights.
        warn: is told when random weights stand in for pre-trained ones.

    Raises:
        LookupError: unknown architecture, or pre-trained weights were asked for and there are none.
        ValueError: the network offers no such levels, or the weights file does not fit it.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        name: str,
        *,
        layers: list[int],
        weights: str = "auto",
        normalisation: str = "weights",
        weights_folder: Path | None = None,
        hub: bool = True,
        seed: int = 0,
        warn: Callable[[Warned], None] = lambda event: None,
    ):
        super().__init__()
        self.name = name
        self.layers = sorted(set(layers))
        self.normalisation = normalisation
        self.seed = seed
        self.weights = find_weights(name, weights=weights, folder=weights_folder, hub=hub)
        if self.weights.source == "random" and weights == "auto":
            warn(_random_weights_warning(name))
        self.network = _create(name, self.layers, self.weights, seed)
        self.network.eval().requires_grad_(False)
        levels: Any = self.network.feature_info
        self.channels: list[int] = levels.channels()
        self.strides: list[int] = levels.reduction()
        config = timm.get_pretrained_cfg(_full_name(name.partition(".")[0], self.weights.tag))  # these differ by tag
        for key, default in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            values = getattr(config, key, default)
            self.register_buffer(key, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    @property
    def source(self) -> str:
        return self.weights.source

    @property
    def tag(self) -> str | None:
        return self.weights.tag

    @property
    def licence(self) -> str | None:
        return self.weights.licence

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        features: list[torch.Tensor] = self.network(self.normalise(images))
        return features

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [0, 1] to what the network was trained on."""
        if self.normalisation == "image":  # one mean and deviation per image: the exposure drops out, the hues stay
            mean = images.mean(dim=(1, 2, 3), keepdim=True)
            deviation = images.std(dim=(1, 2, 3), keepdim=True)
            return (images - mean) / (deviation + 1e-3)  # the 1e-3 keeps an empty picture's noise small
        return (images - self.mean) / self.std

    def student(self) -> nn.Module:
        """The same pyramid with fresh random weights, trainable, taking `normalise`d images."""
        network: nn.Module = timm.create_model(
            self.name.partition(".")[0], features_only=True, out_indices=self.layers, **_options(self.tag)
        )
        return network

    def attention(self, images: torch.Tensor) -> torch.Tensor | None:
        """Where a transformer looks: (B, 1, h, w); None for a network that has no attention."""
        return None

    def train(self, mode: bool = True) -> "Backbone":
        """Always in evaluation mode: frozen means its batch statistics too."""
        return super().train(False)

    def fingerprint(self) -> str:
        """Changes when any weight does; a saved model names it, so that it is never run on other features."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def find_weights(name: str, *, weights: str, folder: Path | None, hub: bool) -> Weights:
    """Decide where the weights come from: the folder, the hub, or random.

    Raises:
        LookupError: unknown architecture, or weights="pretrained" and neither folder nor hub has them.
    """
    architecture, tag = _known(name)
    if weights == "random":
        return Weights("random")
    local = _local_file(architecture, tag, folder)
    if local is not None:
        found = local.name.removeprefix(architecture).removesuffix(".safetensors").strip(".") or tag
        return Weights(f"local file {local.name}", found or None, _licence(architecture, found, local), local)
    config = timm.get_pretrained_cfg(f"{architecture}.{tag}" if tag else architecture)
    if hub and config is not None and config.has_weights and _hub_reachable(config):
        return Weights("hub", config.tag or tag, config.license)
    if weights == "auto":
        return Weights("random")
    raise LookupError(_how_to_bring_them(name, architecture, tag, folder, hub))


def _how_to_bring_them(name: str, architecture: str, tag: str, folder: Path | None, hub: bool) -> str:
    looked = f"none in {folder}" if folder else "no weights folder is set (MURASCOPE_WEIGHTS)"
    where = f"into {folder}" if folder else "into a folder and name that in MURASCOPE_WEIGHTS"
    full_name = f"{architecture}.{tag}" if tag else architecture
    no_hub = "cannot be reached" if hub else "is switched off"
    return (
        f"no pre-trained weights for {name!r}: {looked}, and the hub {no_hub}. "
        f"On a machine with a network, download model.safetensors of {full_name} (huggingface.co/timm), name it "
        f"{full_name}.safetensors and put it {where}; or take weights=random"
    )


def _known(name: str) -> tuple[str, str]:
    """Architecture and weight tag ("" for timm's default)."""
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
        hint = f", did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise LookupError(f"unknown backbone {name!r}{hint} (any timm architecture with a feature pyramid is allowed)")
    return architecture, tag or PINNED_TAGS.get(architecture, "")


def _local_file(architecture: str, tag: str, folder: Path | None) -> Path | None:
    """The file of the wanted tag, else the one without a tag, else the first with any other."""
    if folder is None or not folder.is_dir():
        return None
    exact = [folder / f"{architecture}.{tag}.safetensors", folder / f"{architecture}.safetensors"]
    others = sorted(folder.glob(f"{architecture}.*.safetensors"))
    return next((file for file in (*exact, *others) if file.is_file()), None)


def _licence(architecture: str, tag: str, file: Path) -> str | None:
    """What the file says itself, else what timm knows of the tag, else None: whoever brought the file knows."""
    try:
        with safe_open(file, framework="pt") as opened:
            written = (opened.metadata() or {}).get("license")
    except SafetensorError as error:
        raise ValueError(f"the weights file {file} is damaged: {error}; bring it over again") from None
    if written or not _is_tag(architecture, tag):
        return written
    known = timm.get_pretrained_cfg(f"{architecture}.{tag}")
    return known.license if known else None


def _full_name(architecture: str, tag: str | None) -> str:
    """As timm knows the weights; without the tag where that is not one of timm's."""
    return f"{architecture}.{tag}" if tag and _is_tag(architecture, tag) else architecture


def _is_tag(architecture: str, tag: str) -> bool:
    return f"{architecture}.{tag}" in timm.list_pretrained(f"{architecture}.*")


def _hub_reachable(config: Any) -> bool:
    """A quick connection first, so that a machine without a network does not wait for the download to give up."""
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co") if config.hf_hub_id else config.url
    parts = urlsplit(endpoint)
    try:
        with socket.create_connection((parts.hostname, parts.port or 443), timeout=HUB_TIMEOUT_S):
            return True
    except OSError:
        return False


def _create(name: str, layers: list[int], weights: Weights, seed: int) -> nn.Module:
    architecture, tag = _known(name)
    full_name = _full_name(architecture, tag)
    overlay = {"file": str(weights.file)} if weights.file else None
    with torch.random.fork_rng(devices=[]), _quiet_timm():
        torch.manual_seed(seed)
        try:
            network: nn.Module = timm.create_model(
                full_name,
                pretrained=weights.source != "random",
                features_only=True,
                out_indices=layers,
                pretrained_cfg_overlay=overlay,
                **_options(weights.tag),
            )
        except (RuntimeError, AttributeError, IndexError, AssertionError) as error:  # what timm raises, by network
            if weights.file and isinstance(error, RuntimeError) and "size mismatch" in str(error):
                raise ValueError(f"the weights file {weights.file} does not fit {name!r}: {error}") from None
            raise ValueError(
                f"backbone {name!r} offers no feature levels {layers}: {error}; take fewer or lower layers, "
                "or another backbone such as resnet18, wide_resnet50_2 or mobilenetv2_100"
            ) from None
    if weights.file:
        _refuse_other_network(network, weights.file, name)
    return network


def _refuse_other_network(network: nn.Module, file: Path, name: str) -> None:
    """timm leaves weights that a file does not hold random, without a word; that must not pass for pre-trained."""
    with safe_open(file, framework="pt") as opened:
        held = {key.replace(".", "_") for key in opened.keys()}  # noqa: SIM118  (not a dictionary)
    wanted = [key for key in network.state_dict() if not key.endswith("num_batches_tracked")]
    missing = [key for key in wanted if key.replace(".", "_") not in held]
    if missing:
        raise ValueError(
            f"the weights file {file} does not fit {name!r}: {len(missing)} of {len(wanted)} weights are missing, "
            f"such as {missing[0]}; bring the file of this very architecture"
        )


def _options(tag: str | None) -> dict[str, Any]:
    """Weights from TensorFlow (a part of their tag begins with tf) were trained with its SAME padding.

    With timm's own the features near the edges are off: on photographs of phone screens image AUROC .984, not .999.
    """
    from_tensorflow = any(part.startswith("tf") for part in (tag or "").split("_"))
    return {"pad_type": "same"} if from_tensorflow else {}


class _quiet_timm:  # noqa: N801  (reads as a function where it is used)
    """timm notes on every load that the classifier's weights were not used; that is what a feature pyramid is."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("timm.models._builder")
        self._level = self._logger.level
        self._logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)


def _random_weights_warning(name: str) -> Warned:
    return Warned(
        code="weights_random",
        message=(
            f"no pre-trained weights for {name} were found: the features are random, results will be much weaker. "
            "Put the weights file into the weights folder and train again."
        ),
        values={"backbone": name},
    )
