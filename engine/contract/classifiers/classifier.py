"""What every classifier can be asked for: how a network is fine-tuned, and which of timm's networks are of its family."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.contract.models.base import Params
from engine.contract.models.fields import LearningRate, Patience, Schedule, WeightDecay

WRITTEN_BEFORE = ("tf_", "wide_")  # a family's name: ports of TensorFlow's weights, and wider networks of the same plan

LayerDecay = Annotated[
    float,
    Field(
        gt=0,
        le=1,
        description="each layer learns at this share of the rate of the one above it; 1 is the same rate for all",
    ),
]


class ClassifierParams(Params):
    """How a network is fine-tuned; the class attributes say which network stands for its family."""

    rank: ClassVar[int]  # its place wherever the families are listed
    family: ClassVar[str] = "classifier"
    needs_weights: ClassVar[bool] = True  # pre-trained ones, without which it learns far less
    default_backbone: ClassVar[str]
    default_epochs: ClassVar[int] = 30
    default_batch_size: ClassVar[int] = 16
    default_image_size: ClassVar[int] = 224
    needs_gpu: ClassVar[bool] = False  # without one its training takes hours

    head_steps: int = Field(
        default=100,
        ge=0,
        le=10000,
        description="steps in which the new head alone is fitted to the frozen network's features, before all of it learns; 0 is none",
    )
    learning_rate: LearningRate = 1e-4
    layer_decay: LayerDecay = 0.8
    weight_decay: WeightDecay = 0.05
    label_smoothing: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="share of each label that is spread over all classes, against overconfidence",
    )
    dropout: float = Field(
        default=0.2, ge=0, lt=1, description="share of the features that the head does not see in a training step"
    )
    class_weights: Literal["balanced", "none"] = Field(
        default="balanced",
        description="balanced lets rare classes count as much as frequent ones; none counts pictures",
    )
    schedule: Schedule = "cosine"
    patience: Patience = 8

    @classmethod
    def is_of_family(cls, backbone: str) -> bool:
        """Whether a network of timm is one of this family: resnet50d and wide_resnet50_2 are ResNets, seresnet50 is none.

        A family's name is a word of its own in that of a network, with a version or a size right after it at most.
        """
        for before in WRITTEN_BEFORE:
            backbone = backbone.removeprefix(before)
        return re.match(rf"{cls.model_fields['name'].default}(v?\d|_|\.|$)", backbone) is not None
