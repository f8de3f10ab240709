"""How detectors learn, family by family: what holds for every model of one. An ensemble is the only one of its family."""

from dataclasses import replace
from typing import ClassVar

from engine.contract.models.detector import Cost, DetectorParams, Work
from engine.contract.models.fields import Layers, Patience

OVERHEAD_SECONDS = 0.002  # of a step for each image, whatever the networks
FEATURES = 1000  # channels of a typical pyramid, where the count depends on them


class MemoryParams(DetectorParams):
    """Collects features of the good images in one pass and fits to them, without a loss."""

    family = "memory"
    stages = ("collecting", "fitting")
    most_folds = 10
    leaves_one_out = True
    passes_over_augmented = 2
    written_before = {"scales": 1}

    layers: Layers

    @property
    def built_on(self) -> list[str]:
        before = getattr(self, "learns_on", None)
        return [before] if before else []

    def settle(self, *, epochs: int, threshold_policy: str) -> None:
        takes_one_epoch(self, epochs, why="it collects features in one pass")

    @classmethod
    def without_effect(cls) -> set[str]:
        return super().without_effect() | {"epochs", "validation_share", "precision"}

    def seen_at(self, work: Work) -> list[Work]:
        """The work at each scale: the image as it is, then at half its size."""
        return [replace(work, image_size=work.image_size >> scale) for scale in range(getattr(self, "scales", 1))]

    def forward_gmacs(self, work: Work) -> float:
        return sum(super(MemoryParams, self).forward_gmacs(each) for each in self.seen_at(work))

    def learning(self, work: Work) -> Cost:
        costs = [self.learning_at(each) for each in self.seen_at(work)]
        return Cost(sum(each.gmacs for each in costs), sum(each.seconds for each in costs))

    def learning_at(self, work: Work) -> Cost:
        """`learning` at one scale."""
        raise NotImplementedError

    def cells(self, work: Work) -> float:
        """Places in the grid of features of one image."""
        stride = work.backbone.stride(min(self.layers)) if work.backbone else 1
        return (work.image_size / stride) ** 2


class LearntParams(DetectorParams):
    """Learns over epochs by a loss."""

    stages = ("training",)
    most_folds = 3
    holds_back_validation = True
    learns_in_epochs = True
    passes_per_epoch: ClassVar[float] = (
        3.0  # what an image costs in an epoch, in passes of the backbone or own networks
    )

    patience: Patience

    def learning(self, work: Work) -> Cost:
        seen = work.epochs * work.fit
        return Cost(seen * self.forward_gmacs(work) * self.passes_per_epoch, seconds=seen * OVERHEAD_SECONDS)


class GradientParams(LearntParams):
    """The loss is one of reconstruction, imitation or telling apart."""

    family = "gradient"


class FlowParams(LearntParams):
    """The loss is a likelihood."""

    family = "flow"


def takes_one_epoch(params: DetectorParams, epochs: int, *, why: str) -> None:
    if epochs != 1:
        raise ValueError(f"epochs is {epochs}, but {params.name} takes exactly 1: {why}; leave epochs out")


def bank_cost(work: Work, *, patches: float, ratio: float) -> Cost:
    """Choosing a share of the patches for a memory bank, and the search in it."""
    bank = patches * ratio
    return Cost(gmacs=patches * bank * 4.8e-8, seconds=work.looked_at * 1024 * bank * 3e-9)


def components_cost(work: Work, *, cells: float) -> Cost:
    """Principal components of the features."""
    return Cost(gmacs=(work.fit * min(cells, 1024) * FEATURES**2 + FEATURES**3 * 10) / 1e9)
