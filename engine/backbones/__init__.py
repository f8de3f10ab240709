"""Features of a pre-trained network of timm: which network, which weights, and what is done to its features.

A pyramid (convolutions, Swin, ...) is asked for levels by their stride, a transformer of one grid (ViT, DINOv2, DeiT, CaiT,
BEiT, EVA, ...) for blocks; the network decides which it is. Where weights come from stands in engine/weights.py.

B batch, C channels, H x W image, h x w a level's grid.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import engine.torchvision_import  # noqa: F401  (must come before timm)

import timm  # isort: skip
from safetensors import safe_open
from safetensors.torch import load_file

from engine.backbones.feature_statistics import (
    SMALL,
    RunningMoments,
    by_image,
    by_place,
    by_statistics,
    draw_styles,
    restyled,
)
from engine.backbones.fused import fused
from engine.backbones.kept_levels import Features, KeptLevels
from engine.backbones.transformer_blocks import TransformerBlocks
from engine.contract.backbones import levels
from engine.contract.events import Fitting, Warned
from engine.datasets.loading import Loader
from engine.report import Eta, Reporter
from engine.weights import Weights, adapted_weights, find_weights, full_name, known
from engine.without_compiler import without_compiler

DRAWING = ("normal_", "uniform_", "erfinv_", "clamp_")  # in functions of torch.Tensor, torch.nn.init and timm


class Backbone(nn.Module):
    """Features at several levels: (B, 3, H, W) in [0, 1] -> one (B, C, h, w) per layer, finest first.

    Of a pyramid, level i has stride 2^(i+1). Of a transformer, level i is its block i, and all levels have one grid: the
    image is brought to the nearest multiple of the patch size first (CaiT and others with fixed positions: to the one
    size that their weights take).

    Args:
        name: timm architecture, with or without a weight tag ("resnet18", "resnet18.tv_in1k").
        layers: levels or blocks.
        weights: "auto", "pretrained" or "random", as in DetectJob.
        normalisation: "weights" as the backbone was trained, "image" by each image's own mean and deviation.
        feature_normalisation: "none"; "instance" by each image's own mean and deviation per channel; "layer" across the
            channels at each place; "batch" by those of the good training images, which `measure` looks at once.
        style_mixing: share of the images that take over another one's style while a training learns.
        weights_folder: holds `<architecture>.safetensors` or `<architecture>.<tag>.safetensors`.
        hub: whether weights may be downloaded.
        adapted: a file of an adapted backbone's weights; taken instead of all others.
        trainable: the weights may change later; a frozen network is laid out for speed.
        image_size: pixels of the images to come; networks that take only one size are made for it.
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
        feature_normalisation: str = "none",
        style_mixing: float = 0.0,
        weights_folder: Path | None = None,
        hub: bool = True,
        adapted: Path | None = None,
        trainable: bool = False,
        image_size: int | None = None,
        seed: int = 0,
        warn: Callable[[Warned], None] = lambda event: None,
    ):
        super().__init__()
        self.name = name
        self.layers = sorted(set(layers))
        self.normalisation = normalisation
        self.feature_normalisation = feature_normalisation
        self.style_mixing = style_mixing
        self.seed = seed
        self.trainable = trainable
        self.learning = False  # a training goes on, see `train`
        self._kept: KeptLevels | None = None
        if adapted is not None:
            self.weights = adapted_weights(adapted, name)
        else:
            self.weights = find_weights(name, weights=weights, folder=weights_folder, hub=hub)
        if self.weights.source == "random" and weights == "auto":
            warn(random_weights_warning(name))
        self._plan = _plan(name, self.layers, self.weights.tag, image_size)
        network, self._plan = _create(name, self._plan, self.weights, seed)
        self.channels, self.strides = self._plan.channels, self._plan.strides
        self.network = network.eval().requires_grad_(False)
        self._fingerprint: str | None = None
        self._own: dict[str, torch.Tensor] | None = None
        if trainable:
            _cut(self.network)
        else:
            self._settle()
        self._register_statistics()

    @property
    def source(self) -> str:
        return self.weights.source

    @property
    def tag(self) -> str | None:
        return self.weights.tag

    @property
    def licence(self) -> str | None:
        return self.weights.licence

    @property
    def is_transformer(self) -> bool:
        """Whether the levels are blocks of one grid."""
        return self._plan.is_transformer

    @property
    def made_for(self) -> tuple[int, int] | None:
        """Height and width of the one size of picture that a pyramid was made for (CoAtNet, MaxViT); None: any size."""
        return None if self.is_transformer else self._plan.options.get("img_size")

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return self.finished(self.raw(images))

    def raw(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The network's own levels: what may be kept of an image, since nothing random is in them."""
        if self._kept is None:
            return self._computed(images)
        return self._kept([_pixels(image) for image in images], images, self._computed)

    @contextmanager
    def keeping(self, *, memory_mb: int) -> Iterator[None]:
        """In the block no image is computed twice, known by its very pixels, as far as memory_mb reach. For frozen weights."""
        self._kept = KeptLevels(memory_mb=memory_mb)
        try:
            yield
        finally:
            self._kept = None

    def _computed(self, images: torch.Tensor) -> Features:
        images = self.normalise(images)
        if self.trainable or self.is_transformer:
            features: Features = self.network(images)
            return features
        levels = self.network(images.contiguous(memory_format=torch.channels_last))
        return [level.contiguous() for level in levels]

    def finished(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        """The levels of `raw` with styles mixed (while a training learns) and normalised."""
        if self.learning and self.style_mixing > 0:
            style = draw_styles(len(levels[0]), self.style_mixing)
            levels = restyled(levels, style.to(levels[0].device))
        if self.feature_normalisation == "instance":
            return [by_image(level) for level in levels]
        if self.feature_normalisation == "layer":
            return [by_place(level) for level in levels]
        if self.feature_normalisation == "batch":
            return [by_statistics(level, *self._statistics(i)) for i, level in enumerate(levels)]
        return levels

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [0, 1] to what the network was trained on."""
        if self.normalisation == "image":  # one mean and deviation per image: the exposure drops out, the hues stay
            mean = images.mean(dim=(1, 2, 3), keepdim=True)
            deviation = images.std(dim=(1, 2, 3), keepdim=True)
            return (images - mean) / (deviation + 1e-3)  # the 1e-3 keeps an empty picture's noise small
        return (images - self.mean) / self.std

    def alike_in_exposure(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) as pictures of one brightness and contrast: by their own mean and deviation, whatever `normalisation` is."""
        if self.normalisation == "image":
            return images
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        deviation = images.std(dim=(1, 2, 3), keepdim=True)
        return (images - mean) / (deviation + 1e-3) * self.std + self.mean  # `normalise` takes these off again

    @torch.no_grad()
    def measure(self, train: Loader, report: Reporter) -> None:
        """One pass over the good training images for the statistics of feature_normalisation "batch"; else nothing."""
        if self.feature_normalisation != "batch":
            return
        moments, eta, done = [RunningMoments() for _ in self.channels], Eta(train.images), 0
        for batch in train:
            for level, moment in zip(self.raw(batch.images.to(self.mean.device)), moments, strict=True):
                moment.add(level.permute(0, 2, 3, 1).flatten(0, 2))  # (B * h * w, C)
            done += len(batch)
            report(Fitting(what="statistics", done=done, total=train.images, eta_s=eta(done)))
        for i, moment in enumerate(moments):
            mean, deviation = self._statistics(i)
            mean.copy_(moment.mean())
            deviation.copy_((moment.variance() + SMALL).sqrt())

    def attention(self, images: torch.Tensor) -> torch.Tensor | None:
        """(B, 1, h, w): share of attention each patch gets in the last level's block of a transformer; None for others."""
        if not isinstance(self.network, TransformerBlocks):
            return None
        return self.network.attention(self.normalise(images))

    def student(self) -> nn.Module:
        """The same levels from a network with fresh random weights, trainable, taking `normalise`d images."""
        return _network(self.name, self._plan)

    def train(self, mode: bool = True) -> "Backbone":
        """The network always stays in evaluation mode: frozen means its batch statistics too. Only styles are mixed."""
        super().train(False)
        self.learning = mode
        return self

    def fingerprint(self) -> str:
        """Changes when any weight does; a saved model names it, so that it is never run on other features."""
        return self._fingerprint or fingerprint_of(self.network)

    def own_state(self) -> dict[str, torch.Tensor] | None:
        """The weights where no file or hub holds them, so that they are saved with the model: of an adapted backbone."""
        return self.network.state_dict() if self.trainable else self._own

    def _settle(self) -> None:
        """A frozen pyramid runs with its norms folded in and its channels last; its fingerprint stays that of the weights."""
        self._fingerprint = fingerprint_of(self.network)
        if self.weights.is_adapted:
            self._own = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        _cut(self.network)
        if not self.is_transformer:
            self.network = fused(self.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _register_statistics(self) -> None:
        for key, values in zip(("mean", "std"), input_statistics(self.name, self.weights.tag), strict=True):
            self.register_buffer(key, values, persistent=False)
        if self.feature_normalisation == "batch":  # these are learnt, and saved with the model
            for i, channels in enumerate(self.channels):
                self.register_buffer(f"level_mean_{i}", torch.zeros(channels))
                self.register_buffer(f"level_deviation_{i}", torch.ones(channels))

    def _statistics(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.get_buffer(f"level_mean_{i}"), self.get_buffer(f"level_deviation_{i}")


def _pixels(image: torch.Tensor) -> tuple[torch.Size, bytes]:
    """What an image is known by: its shape and a digest of its pixels, which two share with a chance of 2^-128."""
    return image.shape, hashlib.blake2b(image.cpu().numpy().tobytes(), digest_size=16).digest()


def input_statistics(name: str, tag: str | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation (1, 3, 1, 1) of the images that the weights of this tag were trained on."""
    config = timm.get_pretrained_cfg(full_name(known(name)[0], tag))  # these differ by tag
    mean, std = getattr(config, "mean", (0.485, 0.456, 0.406)), getattr(config, "std", (0.229, 0.224, 0.225))
    return torch.tensor(mean).view(1, 3, 1, 1), torch.tensor(std).view(1, 3, 1, 1)


@dataclass(frozen=True)
class _Plan:
    """How timm is to make the network. `size`: the one input size that a transformer takes, None for any."""

    indices: list[int]
    channels: list[int]
    strides: list[int]
    is_transformer: bool
    size: tuple[int, int] | None
    options: dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """What a network has: channels and stride of each of its levels, in timm's order. `size`: the one that it takes, None for any.

    `outline` is the network itself, all its levels, without memory for weights.
    """

    outline: Any
    channels: list[int]
    strides: list[int]
    is_grid: bool
    size: tuple[int, int] | None
    options: dict[str, Any]

    @property
    def levels(self) -> dict[int, int]:
        return levels(self.strides, is_grid=self.is_grid)


def ask(name: str, image_size: int | None) -> Offer:
    """Ask the network itself, without giving it memory for weights, what it offers.

    Raises:
        LookupError: there is no such network.
        ValueError: it offers no levels.
    """
    own_size, is_fixed = _input_size(name)
    outline, options = _outline(name, image_size)
    info = outline.feature_info.info
    strides = [level["reduction"] for level in info]
    is_grid = hasattr(getattr(outline, "model", None), "blocks") and len(set(strides)) == 1
    size: tuple[int, int] | None = options.get("img_size") or (own_size if is_fixed and not options else None)
    return Offer(outline, [level["num_chs"] for level in info], strides, is_grid, size, options)


def _plan(name: str, layers: list[int], tag: str | None, image_size: int | None) -> _Plan:
    """How to make a network of these levels.

    Raises:
        ValueError: it has no such levels, or takes no images of this size.
    """
    offer = ask(name, image_size)
    at, size = offer.levels, offer.size
    if not set(layers) <= set(at):
        raise ValueError(_no_such_levels(name, layers, list(at), offer.is_grid))
    if offer.is_grid and "img_size" in offer.options and image_size and image_size % offer.strides[0]:
        return _plan(name, layers, tag, round(image_size / offer.strides[0]) * offer.strides[0])
    if not offer.is_grid and not offer.options and size and image_size and size != (image_size, image_size):
        raise ValueError(
            f"image_size is {image_size}, but the backbone {name!r} takes images of {size[0]} x {size[1]} only; "
            f"take image_size={size[0]}, or another backbone"
        )
    indices = [at[layer] for layer in layers]
    return _Plan(
        indices,
        channels=[offer.channels[index] for index in indices],
        strides=[offer.strides[index] for index in indices],
        is_transformer=offer.is_grid,
        size=size if offer.is_grid else None,
        options={**offer.options, **padding_of(tag)},
    )


def _outline(name: str, image_size: int | None) -> tuple[Any, dict[str, Any]]:
    """The network without memory for weights, and the options with which it takes images of any size, or of this one."""
    architecture = known(name)[0]
    attempts: list[dict[str, Any]] = [{}]
    if _input_size(name)[1]:
        with_size: list[dict[str, Any]] = [{"img_size": (image_size, image_size)}] if image_size else []
        attempts = [{"dynamic_img_size": True}, *with_size, {}]
    problem: Exception | None = None
    for options in attempts:
        try:
            with (
                torch.random.fork_rng(devices=[]),
                torch.device("meta"),
                _WithoutDrawing(),
                quiet_timm(),
                without_compiler(),
            ):
                return timm.create_model(architecture, features_only=True, **options), options
        except (TypeError, RuntimeError, AttributeError, AssertionError, NotImplementedError) as error:
            problem = error  # a TypeError: the network knows no such option; the others are what timm raises
    raise ValueError(
        f"backbone {name!r} offers no feature levels: {problem}; "
        "take another one such as resnet18, wide_resnet50_2 or mobilenetv2_100"
    )


class _WithoutDrawing(TorchFunctionMode):
    """Draws no first weights where there is no memory for them: on the meta device torch does it in Python, and loads sympy for it."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if getattr(func, "__name__", "") in DRAWING:
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


def _input_size(name: str) -> tuple[tuple[int, int], bool]:
    """Height and width of the images that the weights were trained on, and whether the network is made for one size."""
    config: Any = timm.get_pretrained_cfg(known(name)[0])
    return config.input_size[-2:], config.fixed_input_size


def _no_such_levels(name: str, layers: list[int], offered: list[int], is_transformer: bool) -> str:
    what = "blocks" if is_transformer else "feature levels"
    have = f"0 to {offered[-1]}" if is_transformer else ", ".join(map(str, offered)) or "none"
    return (
        f"layers is {layers}, but the backbone {name!r} offers no {what} {sorted(set(layers) - set(offered))} "
        f"(have: {have}); take these, or another backbone such as resnet18, wide_resnet50_2 or mobilenetv2_100"
    )


def _create(name: str, plan: _Plan, weights: Weights, seed: int) -> tuple[nn.Module, _Plan]:
    """The network with its weights, and the plan it was made by: without resizing where the weights cannot be resized."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = _network(name, plan, weights)
        except RuntimeError as error:
            if "size mismatch" not in str(error):
                raise
            if "img_size" not in plan.options:
                raise ValueError(f"the weights file {weights.file} does not fit {name!r}: {error}") from None
            options = {key: value for key, value in plan.options.items() if key != "img_size"}
            return _create(name, replace(plan, options=options, size=_input_size(name)[0]), weights, seed)
    return network, plan


def _network(name: str, plan: _Plan, weights: Weights = Weights("random")) -> nn.Module:  # noqa: B008  (frozen)
    architecture, tag = known(name)
    common: dict[str, Any] = {"pretrained": weights.source != "random" and not weights.is_adapted, **plan.options}
    if weights.file and not weights.is_adapted:
        common["pretrained_cfg_overlay"] = {"file": str(weights.file)}
    wanted = full_name(architecture, tag)
    with quiet_timm():
        if plan.is_transformer:
            model = timm.create_model(wanted, **common)
            network: nn.Module = TransformerBlocks(model, levels=plan.indices, patch=plan.strides[0], size=plan.size)
        else:
            network = timm.create_model(wanted, features_only=True, out_indices=plan.indices, **common)
            if getattr(network, "output_fmt", None) == "NHWC":
                network = _ChannelsFirst(network)
    if weights.is_adapted:
        _cut(network)
        _take_adapted(network, weights, name)
    elif weights.file:
        refuse_other_network(network, weights.file, name)
    return network


def _cut(network: nn.Module) -> None:
    """Leave out stages behind the last level: timm's EfficientNets and MobileNets run them all, a fifth of the time."""
    stages, blocks = getattr(network, "_stage_out_idx", None), getattr(network, "blocks", None)
    if stages and isinstance(blocks, nn.Sequential):
        network.blocks = blocks[: max(stages)]


def _take_adapted(network: nn.Module, weights: Weights, name: str) -> None:
    """The weights of another run's backbone, which may have had more levels than are needed here."""
    assert weights.file is not None
    held = load_file(weights.file)
    missing = [key for key in network.state_dict() if key not in held]
    if missing:
        raise ValueError(
            f"the backbone of {weights.source} was adapted up to a lower level of {name!r} than is asked for: "
            f"{len(missing)} weights are missing, such as {missing[0]}; take fewer or lower layers"
        )
    network.load_state_dict({key: held[key] for key in network.state_dict()})


def refuse_other_network(network: nn.Module, file: Path, name: str) -> None:
    """timm leaves weights that a file does not hold random, without a word; that must not pass for pre-trained."""
    with safe_open(file, framework="pt") as opened:
        held = {key.replace(".", "_") for key in opened.keys()}  # noqa: SIM118  (not a dictionary)
    learnt = [name for name, _ in network.named_parameters()]
    learnt += [name for name, _ in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
    missing = [key for key in learnt if key.removeprefix("model.").replace(".", "_") not in held]
    if missing:
        raise ValueError(
            f"the weights file {file} does not fit {name!r}: {len(missing)} of {len(learnt)} weights are missing, "
            f"such as {missing[0]}; bring the file of this very architecture"
        )


def padding_of(tag: str | None) -> dict[str, Any]:
    """Weights from TensorFlow (a part of their tag begins with tf) were trained with its SAME padding.

    With timm's own the features near the edges are off: on photographs of phone screens image AUROC .984, not .999.
    """
    from_tensorflow = any(part.startswith("tf") for part in (tag or "").split("_"))
    return {"pad_type": "same"} if from_tensorflow else {}


class _ChannelsFirst(nn.Module):
    """Swin and its kin give (B, h, w, C)."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [level.permute(0, 3, 1, 2).contiguous() for level in self.model(images)]


class quiet_timm:  # noqa: N801  (reads as a function where it is used)
    """timm notes on every load that the classifier's weights were not used; that is what a feature pyramid is."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("timm.models._builder")
        self._level = self._logger.level
        self._logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)


def fingerprint_of(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def random_weights_warning(name: str) -> Warned:
    return Warned(
        code="weights_random",
        message=(
            f"no pre-trained weights for {name} were found: the features are random, results will be much weaker. "
            "Put the weights file into the weights folder and train again."
        ),
        values={"backbone": name},
    )
