"""EfficientAD: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Cost, Work
from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, Layers, LearningRate, Patience, WeightDecay

STEP_GMACS = {"small": 150.0, "medium": 400.0}  # of one image of 256 pixels in one step


class EfficientAdParams(GradientParams):
    name: Literal["efficientad"] = "efficientad"
    title = "EfficientAD"
    rank = 4
    paper = "Batzner et al., EfficientAD: Accurate Visual Anomaly Detection at Millisecond-Level Latencies, WACV 2024, https://arxiv.org/abs/2303.14535"
    summary = "small student, teacher and autoencoder; the fastest at inspection, slow to train without a GPU"
    default_backbone = "wide_resnet101_2"
    default_epochs = 300
    default_batch_size = 1
    blocks_of_twelve = (5, 8)
    takes_style_mixing = False
    needs_gpu = True
    fast = True

    size: Literal["small", "medium"] = Field(
        default="small", description="of the networks: small is quicker, medium a little finer"
    )
    layers: Layers = [2, 3]
    teacher_channels: int = Field(default=384, ge=16, le=1024, description="features of the teacher at each place")
    teacher_steps: int = Field(
        default=2000,
        ge=1,
        le=100000,
        description="steps in which the small teacher learns to imitate the backbone, before the training",
    )
    hard_quantile: float = Field(
        default=0.999, ge=0, lt=1, description="only distances above this quantile are learnt from"
    )
    penalty_weight: float = Field(
        default=1.0, ge=0, le=10, description="of the loss that keeps the student from imitating on other pictures"
    )
    penalty_folder: str | None = Field(
        default=None,
        max_length=500,
        description="folder of other pictures, which the student must not learn to imitate the teacher on; empty takes procedural textures",
    )
    learning_rate: LearningRate = 1e-4
    weight_decay: WeightDecay = 1e-5
    patience: Patience = 0
    blur_sigma: BlurSigma = 0.0

    def learning(self, work: Work) -> Cost:
        """Student, teacher, autoencoder and back, for each image of an epoch; before that the teacher imitates the backbone."""
        step = STEP_GMACS[self.size] * (work.image_size / 256) ** 2
        return Cost(work.epochs * work.fit * step + self.teacher_steps * (self.forward_gmacs(work) + step / 3))
