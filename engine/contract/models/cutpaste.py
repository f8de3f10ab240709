"""CutPaste: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, Layers, LearningRate, Patience, WeightDecay


class CutPasteParams(GradientParams):
    name: Literal["cutpaste"] = "cutpaste"
    title = "CutPaste"
    rank = 8
    paper = "Li et al., CutPaste: Self-Supervised Learning for Anomaly Detection and Localization, CVPR 2021, https://arxiv.org/abs/2104.04015"
    summary = "adapts a backbone to your pictures by telling cut-and-pasted ones apart; other trainings can then use that backbone"
    default_backbone = "resnet18"
    default_epochs = 256
    default_batch_size = 32
    blocks_of_twelve = (11,)
    adapts_backbone = True
    needs_gpu = True
    passes_per_epoch = 9.0

    layers: Layers = [2, 3, 4]
    variants: Literal["two", "three"] = Field(
        default="three", description="three also tells narrow scars from patches, two does not"
    )
    frozen_epochs: int = Field(
        default=20, ge=0, le=1000, description="first epochs in which only the new layers learn, not the backbone"
    )
    learning_rate: LearningRate = 0.03
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    weight_decay: WeightDecay = 3e-5
    patience: Patience = 0
    blur_sigma: BlurSigma = 4.0

    def settle(self, *, epochs: int, threshold_policy: str) -> None:
        """The backbone is adapted after `frozen_epochs` only: left out, they are at most a quarter of a short training."""
        if self.frozen_epochs < epochs:
            return
        if "frozen_epochs" in self.model_fields_set:
            raise ValueError(
                f"frozen_epochs is {self.frozen_epochs}, but there are {epochs} epochs in all: the backbone would not be "
                f"adapted; take at most {epochs - 1}"
            )
        self.frozen_epochs = epochs // 4
