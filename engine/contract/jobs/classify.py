"""A training of a classifier: a network of timm with a new head, that tells kinds of pictures apart."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from engine.contract.jobs.base import Job
from engine.contract.models.base import Params
from engine.contract.models.fields import LearningRate, Patience, Schedule, WeightDecay

GOOD_CLASS = "good"
UNNAMED = "defective"  # defects that the data set gives no type
LEAST_GROUPS = 3  # pictures of a class, or groups of them: one to learn from, one to watch, one to test with


class ClassifierParams(Params):
    """How a network is fine-tuned; the class attributes say which network stands for its family."""

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
    layer_decay: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="each layer learns at this share of the rate of the one above it; 1 is the same rate for all",
    )
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


class ResNetParams(ClassifierParams):
    name: Literal["resnet"] = "resnet"
    title = "ResNet"
    paper = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016, https://arxiv.org/abs/1512.03385"
    summary = "the usual network of convolutions; a sound first choice on a GPU, and well understood"
    default_backbone = "resnet18"


class EfficientNetParams(ClassifierParams):
    name: Literal["efficientnet"] = "efficientnet"
    title = "EfficientNet"
    paper = "Tan and Le, EfficientNet: Rethinking Model Scaling, ICML 2019, https://arxiv.org/abs/1905.11946"
    summary = "more accurate for its size than ResNet; its lite sizes are quick without a GPU too"
    default_backbone = "tf_efficientnet_lite0"


class MobileNetParams(ClassifierParams):
    name: Literal["mobilenet"] = "mobilenet"
    title = "MobileNet"
    paper = "Sandler et al., MobileNetV2: Inverted Residuals, CVPR 2018, https://arxiv.org/abs/1801.04381"
    summary = "small and quick; the first choice without a GPU, for training and for inspection"
    default_backbone = "mobilenetv2_100"


class ConvNeXtParams(ClassifierParams):
    name: Literal["convnext"] = "convnext"
    title = "ConvNeXt"
    paper = "Liu et al., A ConvNet for the 2020s, CVPR 2022, https://arxiv.org/abs/2201.03545"
    summary = "modern convolutions; the most accurate of the networks of convolutions, wants a GPU"
    default_backbone = "convnext_tiny"
    needs_gpu = True


class ViTParams(ClassifierParams):
    name: Literal["vit"] = "vit"
    title = "ViT"
    paper = "Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021, https://arxiv.org/abs/2010.11929"
    summary = "a transformer; sees the whole picture at once, wants a GPU and good pre-trained weights"
    default_backbone = "vit_small_patch16_224"
    needs_gpu = True

    layer_decay: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="each layer learns at this share of the rate of the one above it; 1 is the same rate for all",
    )


CLASSIFIERS: dict[str, type[ClassifierParams]] = {
    cls.model_fields["name"].default: cls
    for cls in (ResNetParams, EfficientNetParams, MobileNetParams, ConvNeXtParams, ViTParams)
}


class ClassifyJob(Job):
    """A training of a classifier: learns the defect types of a data set, or any classes that have a folder each."""

    headline = "balanced_accuracy"

    kind: Literal["classify"] = "classify"
    model: Annotated[
        ResNetParams | EfficientNetParams | MobileNetParams | ConvNeXtParams | ViTParams, Field(discriminator="name")
    ] = Field(description="the network's family and how it learns")
    include_good: bool = Field(
        default=False, description="whether good pictures are a class of their own beside the defect types"
    )
    image_size: int = Field(
        default=None,
        ge=64,
        le=1024,
        multiple_of=32,
        description="pixels; images are resized to image_size x image_size",
    )  # type: ignore[assignment]
    batch_size: int = Field(default=None, ge=1, le=512, description="images per batch")  # type: ignore[assignment]
    epochs: int = Field(
        default=None, ge=1, le=5000, description="passes over the pictures in which all of the network learns"
    )  # type: ignore[assignment]
    backbone: str = Field(
        default=None,
        max_length=100,
        pattern=r"^[a-z0-9_.]+$",
        description="timm architecture that is fine-tuned, such as resnet18, mobilenetv2_100 or vit_small_patch16_224",
    )  # type: ignore[assignment]
    weights: Literal["auto", "pretrained", "random"] = Field(
        default="auto",
        description="auto takes pre-trained weights and falls back to random ones with a warning; pretrained refuses to run without; random takes none",
    )
    augmentation: Literal["none", "light", "strong"] = Field(
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
    precision: Literal["auto", "float32", "mixed"] = Field(
        default="auto", description="of the training's arithmetic: mixed is quicker on a GPU; auto takes it there"
    )

    @classmethod
    def models(cls) -> Mapping[str, type[Params]]:
        return CLASSIFIERS

    def stages(self) -> list[str]:
        return ["loading", "training", "adjusting", "evaluating", "saving", "verifying"]

    @model_validator(mode="after")
    def fill_defaults(self) -> "ClassifyJob":
        params = self.model
        if self.backbone is None:
            self.backbone = params.default_backbone
        if self.image_size is None:
            self.image_size = params.default_image_size
        if self.batch_size is None:
            self.batch_size = params.default_batch_size
        if self.epochs is None:
            self.epochs = params.default_epochs
        return self
