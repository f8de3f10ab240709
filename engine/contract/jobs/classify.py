"""A training of a classifier: a network of timm with a new head, that tells kinds of pictures apart."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.contract.backbones import Architecture
from engine.contract.classifiers import CLASSIFIERS, AnyClassifier
from engine.contract.jobs.backbone import known_architecture, unknown_backbone
from engine.contract.jobs.base import Job
from engine.contract.jobs.fields import (
    BACKBONE_NAME,
    Augmentation,
    BatchSize,
    Epochs,
    ImageSize,
    Precision,
    PretrainedWeights,
    fill_from_model,
)
from engine.contract.jobs.problems import Problem
from engine.contract.models.base import Params


class ClassifyJob(Job):
    """A training of a classifier: learns the defect types of a data set, or any classes that have a folder each."""

    headline = "balanced_accuracy"

    kind: Literal["classify"] = "classify"
    model: AnyClassifier = Field(description="the network's family and how it learns")
    include_good: bool = Field(
        default=False, description="whether good pictures are a class of their own beside the defect types"
    )
    image_size: ImageSize = None  # type: ignore[assignment]
    batch_size: BatchSize = None  # type: ignore[assignment]
    epochs: Epochs = Field(default=None, description="passes over the pictures in which all of the network learns")  # type: ignore[assignment]
    backbone: Annotated[str, BACKBONE_NAME] = Field(
        default=None,
        description="timm architecture that is fine-tuned, such as resnet18, mobilenetv2_100 or vit_small_patch16_224",
    )  # type: ignore[assignment]
    weights: PretrainedWeights = "auto"
    augmentation: Augmentation = Field(
        default="light",
        description="random changes of the pictures learnt from: light shifts, flips and brightness; strong also rotation, elastic, colour, noise and blur",
    )
    validation_share: float = Field(
        default=0.2,
        ge=0.05,
        le=0.4,
        description="share of each class held back to choose the best epoch and calibrate with",
    )
    test_share: float = Field(default=0.2, ge=0.05, le=0.5, description="share of each class held back to measure with")
    precision: Precision = Field(
        default="auto", description="of the training's arithmetic: mixed is quicker on a GPU; auto takes it there"
    )

    @classmethod
    def models(cls) -> Mapping[str, type[Params]]:
        return CLASSIFIERS

    @property
    def all_epochs(self) -> int:
        return self.epochs

    def stages(self) -> list[str]:
        return ["loading", "training", "adjusting", "evaluating", "saving", "verifying"]

    @model_validator(mode="after")
    def fill_defaults(self) -> "ClassifyJob":
        fill_from_model(self)
        return self

    @property
    def architecture(self) -> Architecture | None:
        """What is known of the network; None where none of its name is known here."""
        return known_architecture(self.backbone)

    def problems(self) -> list[Problem]:
        return [] if self.architecture else [unknown_backbone(self.backbone)]
