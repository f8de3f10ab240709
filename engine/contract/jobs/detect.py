"""A training of an anomaly detector."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.contract.backbones import Architecture
from engine.contract.jobs.backbone import known_architecture, no_such_levels, only_one_size, unknown_backbone
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
from engine.contract.models import MODELS, ModelParams
from engine.contract.models.base import Params


class DetectJob(Job):
    """A training of an anomaly detector: learns from good images, measured on good and defective ones."""

    headline = "image_auroc"
    has_threshold = True

    kind: Literal["detect"] = "detect"
    model: ModelParams = Field(description="the model and its hyper-parameters")
    image_size: ImageSize = None  # type: ignore[assignment]
    batch_size: BatchSize = None  # type: ignore[assignment]
    epochs: Epochs = Field(default=None, description="passes over the good images; memory models take exactly 1")  # type: ignore[assignment]
    backbone: Annotated[str | None, BACKBONE_NAME] = Field(
        default=None,
        description="timm architecture that gives the features, such as wide_resnet50_2, resnet18 or mobilenetv2_100",
    )
    backbone_run: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="a finished run that adapted a backbone (CutPaste): its weights are taken; empty takes the backbone as it comes",
    )
    weights: PretrainedWeights = "auto"
    normalisation: Literal["weights", "image"] = Field(
        default="weights",
        description="input brightness: weights as the backbone was trained, image by each image's own mean and deviation (varying exposure)",
    )
    feature_normalisation: Literal["none", "instance", "layer", "batch"] = Field(
        default="none",
        description="of the backbone's features: instance by each image's own mean and deviation per channel, layer across the channels at each place, batch by those of the good training images",
    )
    augmentation: Augmentation = Field(
        default="none",
        description="random changes of the good images learnt from: light shifts, flips and brightness; strong also rotation, elastic, colour, noise and blur",
    )
    style_mixing: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the training images whose features take over another good image's mean and deviation (AdaIN), for product variants and drifting light",
    )
    calibration_share: float = Field(
        default=0.2, ge=0.05, le=0.5, description="share of the good training images held back to set the threshold"
    )
    validation_share: float = Field(
        default=0.1,
        ge=0,
        le=0.5,
        description="share of the good training images held back for the validation loss; memory models use none",
    )
    most_good: int | None = Field(
        default=None,
        ge=4,
        le=100000,
        description="at most so many of the good training images are used, drawn by the seed, for a quick trial; empty uses all",
    )
    test_defects: Literal["own", "synthetic", "both"] = Field(
        default="own",
        description="defects that are tested with: own are those of the data set; synthetic are made on good test images, a guess where there are no own ones, and told apart from them; both",
    )
    overkill_rate: float = Field(
        default=0.05, gt=0, le=0.5, description="share of good images that may be called defective; sets the threshold"
    )
    threshold_policy: Literal["auto", "split_conformal", "leave_one_out", "percentile"] = Field(
        default="auto",
        description="how good images set the threshold: split_conformal by held-out ones; leave_one_out trains several times and uses every one, for small sets; percentile without a promise; auto takes leave_one_out for memory models below 40 good images, else split_conformal",
    )
    escape_cost: float = Field(
        default=10.0,
        gt=0,
        le=100000,
        description="how many overkilled good images one missed defect is worth; sets the cost-based threshold that is shown beside the one in use",
    )
    precision: Precision = Field(
        default="auto",
        description="of the training's arithmetic: mixed is quicker on a GPU; auto takes it there for models with gradients",
    )

    @classmethod
    def models(cls) -> Mapping[str, type[Params]]:
        return MODELS

    def stages(self) -> list[str]:
        return ["loading", *self.model.stages, "calibrating", "evaluating", "saving", "verifying"]

    @model_validator(mode="after")
    def fill_defaults(self) -> "DetectJob":
        params = self.model
        if params.default_backbone is None and self.backbone is not None:
            raise ValueError(f"backbone is {self.backbone!r}, but {params.name} has none; leave backbone out")
        fill_from_model(self)
        params.settle(epochs=self.epochs, threshold_policy=self.threshold_policy)
        if self.backbone is None and self.backbone_run is not None:
            raise ValueError(
                f"backbone_run is {self.backbone_run!r}, but {params.name} has no backbone; leave backbone_run out"
            )
        if self.style_mixing > 0 and not params.takes_style_mixing:
            raise ValueError(
                f"style_mixing is {self.style_mixing:g}, but {params.name} learns nothing from mixed features: its student "
                "sees the image as it is; leave style_mixing out"
            )
        if self.architecture and "layers" in type(params).model_fields and "layers" not in params.model_fields_set:
            setattr(params, "layers", params.layers_on(self.architecture))  # noqa: B010  (not every model has it)
        return self

    @property
    def all_epochs(self) -> int:
        return self.epochs

    @property
    def built_on(self) -> list[str]:
        return [*self.model.built_on, *([self.backbone_run] if self.backbone_run else [])]

    @property
    def architecture(self) -> Architecture | None:
        """What is known of the backbone; None where there is none, or none of this name is known here."""
        return known_architecture(self.backbone)

    def problems(self) -> list[Problem]:
        if self.backbone is None:
            return []
        found = self.architecture
        if found is None:
            return [unknown_backbone(self.backbone)]
        layers = set(getattr(self.model, "layers", ()))
        if not layers <= set(found.levels):
            return [no_such_levels(found, sorted(layers))]
        if found.only_size not in (None, self.image_size):
            return [only_one_size(found, self.image_size)]
        return []
