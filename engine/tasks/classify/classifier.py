"""A network of timm with a new head, fine-tuned: the head first on the features as they come, then all of it.

Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution, ICLR 2022,
https://arxiv.org/abs/2202.10054: a head that begins at random sends large gradients into pre-trained layers; one that was
fitted first does not. Rates fall from layer to layer towards the input (ULMFiT, BEiT), by timm's own grouping of layers.

B batch, H x W image, D features, K classes.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

import engine.torchvision_import  # noqa: F401  (must come before timm)

import timm  # isort: skip
from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]

from engine.backbones import (
    fingerprint_of,
    input_statistics,
    padding_of,
    quiet_timm,
    random_weights_warning,
    refuse_other_network,
)
from engine.backbones.resizing import resized
from engine.contract.events import Fitting, Warned
from engine.contract.jobs.classify import ClassifyJob
from engine.datasets.loading import Batch, Loader
from engine.learner import Learner
from engine.recipes import Recipe, falling
from engine.report import Eta, Reporter
from engine.weights import Weights, find_weights, full_name, known
from engine.without_compiler import without_compiler

HEAD_DECAY = 0.1  # of the head's weights while it is fitted alone: with few pictures anything separates them
RISING = 0.1  # of the steps: so long the rate rises, before it falls as a cosine
STEPS_AT_ONCE = 10  # of the head alone, between two reports


class Classifier(Learner):
    """(B, 3, H, W) in [0, 1] -> logits (B, K).

    `class_counts` are the pictures of each class that will be learnt from; they set the weights of a balanced loss. One that
    `is_saved` takes all its weights from a file later on, and none of those that it began with.
    Batch norms keep the statistics of their pre-trained weights: small batches of few pictures would ruin them.
    """

    figures = ("loss", "accuracy")
    begins_useful = True
    mean: torch.Tensor
    std: torch.Tensor
    class_weights: torch.Tensor

    def __init__(self, job: ClassifyJob, class_counts: Sequence[int], weights: Weights, *, is_saved: bool = False):
        super().__init__()
        torch.manual_seed(job.seed)
        self.job = job
        self.weights = weights
        self.network, self.side = _network(job.backbone, weights, job.image_size, is_saved=is_saved)
        self.head = nn.Sequential(
            nn.Dropout(job.model.dropout), nn.Linear(_width(self.network, self.side), len(class_counts))
        )
        for key, values in zip(("mean", "std"), input_statistics(job.backbone, weights.tag), strict=True):
            self.register_buffer(key, values, persistent=False)
        balanced = torch.tensor([sum(class_counts) / (len(class_counts) * max(count, 1)) for count in class_counts])
        self.fingerprint = fingerprint_of(self.network)  # of what the training begins with
        self.register_buffer("class_weights", balanced if job.model.class_weights == "balanced" else balanced * 0 + 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.network(self.prepared(images)))
        return logits

    def probabilities(self, images: torch.Tensor, *, temperature: float) -> torch.Tensor:
        """(B, 3, H, W) -> (B, K), in the precision of the logits."""
        return torch.softmax(self(images) / temperature, dim=1)

    def prepared(self, images: torch.Tensor) -> torch.Tensor:
        """As the network takes them: its size where it has only one, and its brightness."""
        if images.shape[-1] != self.side:
            images = resized(images, (self.side, self.side), mode="bilinear")
        return (images - self.mean) / self.std

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        logits = self(batch.images)
        loss = self._loss(logits, batch.labels, smoothing=self.job.model.label_smoothing)
        return {"loss": loss, "accuracy": _accuracy(logits, batch.labels)}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Without label smoothing: this loss says which epoch was the best."""
        logits = self(batch.images)
        return {"loss": self._loss(logits, batch.labels), "accuracy": _accuracy(logits, batch.labels)}

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.job.model
        decay = 1.0 if self.weights.source == "random" else params.layer_decay
        groups = param_groups_layer_decay(
            self.network,
            weight_decay=params.weight_decay,
            layer_decay=decay,
            no_weight_decay_list=self._never_decayed(),
        )
        head: list[dict[str, Any]] = [{"params": [*self.head.parameters()], "weight_decay": params.weight_decay}]
        groups = [{**each, "lr": params.learning_rate * each.pop("lr_scale", 1.0)} for each in [*head, *groups]]
        optimiser = torch.optim.AdamW(groups, lr=params.learning_rate)
        if params.schedule != "cosine":
            schedule = falling(optimiser, params.schedule, epochs=epochs, patience=params.patience)
            return Recipe(optimiser, schedule, clip_norm=1.0)
        steps = epochs * steps_per_epoch
        rising = max(round(RISING * steps), 1)

        def factor(step: int) -> float:
            """Up from next to nothing: Adam's first steps are as long as its rate, whatever the gradient."""
            if step < rising:
                return (step + 1) / (rising + 1)
            return (1 + math.cos(math.pi * (step - rising) / max(steps - rising, 1))) / 2

        return Recipe(optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, factor), every="step", clip_norm=1.0)

    @property
    def fits_head_alone(self) -> bool:
        """Before the network learns; random features are not worth it."""
        return self.job.model.head_steps > 0 and self.weights.source != "random"

    def prepare(self, train: Loader, report: Reporter) -> None:
        """Fit the head alone, on features that are computed once."""
        if not self.fits_head_alone:
            return
        steps = self.job.model.head_steps
        features, labels = self._features(train, report)
        linear = self.head[-1]
        assert isinstance(linear, nn.Linear)
        optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=STEPS_AT_ONCE, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            loss = self._loss(linear(features), labels, smoothing=self.job.model.label_smoothing)
            loss = loss + HEAD_DECAY * linear.weight.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        for done in range(0, steps, STEPS_AT_ONCE):
            optimiser.step(closure)  # type: ignore[no-untyped-call]
            report(Fitting(what="head", done=min(done + STEPS_AT_ONCE, steps), total=steps))

    def train(self, mode: bool = True) -> "Classifier":
        super().train(mode)
        if self.weights.source != "random":
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    @torch.no_grad()
    def _features(self, train: Loader, report: Reporter) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, D) and labels (N,) of the pictures as they are."""
        features, labels, eta = [], [], Eta(train.images)
        for batch in train:
            features.append(self.network(self.prepared(batch.images.to(self.mean.device))))
            labels.append(batch.labels.to(self.mean.device))
            done = sum(map(len, labels))
            report(Fitting(what="statistics", done=done, total=train.images, eta_s=eta(done)))
        return torch.cat(features), torch.cat(labels)

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        return functional.cross_entropy(logits, labels, weight=self.class_weights, label_smoothing=smoothing)

    def _never_decayed(self) -> set[str]:
        named = getattr(self.network, "no_weight_decay", None)  # position embeddings and their like
        return set(named()) if named is not None else set()


def build_classifier(
    job: ClassifyJob,
    class_counts: Sequence[int],
    *,
    weights_folder: Path | None,
    hub: bool,
    warn: Callable[[Warned], None],
) -> Classifier:
    """A classifier with pre-trained weights, where there are any, and a head that knows nothing yet.

    Raises:
        LookupError: unknown architecture, or pre-trained weights were asked for and there are none.
        ValueError: the network does not take images of this size, or the weights file does not fit it.
    """
    weights = find_weights(job.backbone, weights=job.weights, folder=weights_folder, hub=hub)
    if weights.source == "random" and job.weights == "auto":
        warn(random_weights_warning(job.backbone))
    return Classifier(job, class_counts, weights)


def _network(name: str, weights: Weights, image_size: int, *, is_saved: bool) -> tuple[nn.Module, int]:
    """The network without its old head, and the side of the images that it takes."""
    architecture, _ = known(name)
    common: dict[str, Any] = {"pretrained": weights.source != "random" and not is_saved, "num_classes": 0}
    if weights.file is not None:
        common["pretrained_cfg_overlay"] = {"file": str(weights.file)}
    common |= padding_of(weights.tag)
    config: Any = timm.get_pretrained_cfg(architecture)
    attempts: list[tuple[dict[str, Any], int]] = [({}, image_size)]
    if config.fixed_input_size:
        side = _whole_patches(name, image_size)
        attempts = [({"img_size": side}, side), ({}, config.input_size[-1])]
    problem: Exception | None = None
    for options, side in attempts:
        try:
            with quiet_timm():
                network: nn.Module = timm.create_model(full_name(architecture, weights.tag), **common, **options)
        except (TypeError, AssertionError) as error:  # it knows no such option, or no such size
            problem = error
        except RuntimeError as error:
            if "size mismatch" not in str(error):
                raise
            problem = error
        else:
            if weights.file is not None:
                refuse_other_network(network, weights.file, name)
            return network, side
    raise ValueError(
        f"the network {name!r} cannot be made for images of {image_size} pixels: {problem}; take another one"
    )


def _whole_patches(name: str, image_size: int) -> int:
    """The nearest side that the network's patches fill, and its windows where it has any."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"), quiet_timm(), without_compiler():
        outline = timm.create_model(known(name)[0], num_classes=0)
    patch = getattr(getattr(outline, "patch_embed", None), "patch_size", None)
    unit = patch[0] if isinstance(patch, tuple) else patch or 1
    return max(round(image_size / unit), 1) * unit


@torch.no_grad()
def _width(network: nn.Module, side: int) -> int:
    """D: networks tell it by different names, so one is asked with a picture."""
    network.eval()
    return int(network(torch.zeros(1, 3, side, side)).shape[1])


def _accuracy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (logits.detach().argmax(dim=1) == labels).float().mean()
