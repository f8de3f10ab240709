"""Everything that can be asked of a training: TrainSpec and the Params of each model.

No torch in here: the browser's edit form, the tool schema an LLM sees, the command line and the docs all read these fields and
their descriptions. A new model adds its Params class below and its file in `engine/models/`; nothing else lists models.
"""

import difflib
import re
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

Family = Literal["memory", "gradient", "flow"]


class Params(BaseModel):
    """Hyper-parameters of one model. The class attributes say what the model is and which defaults its paper gives."""

    model_config = ConfigDict(extra="forbid")

    title: ClassVar[str]
    family: ClassVar[Family]
    paper: ClassVar[str]
    summary: ClassVar[str]
    default_backbone: ClassVar[str | None] = None
    default_epochs: ClassVar[int] = 1
    default_batch_size: ClassVar[int] = 32
    default_image_size: ClassVar[int] = 256
    reconstructs: ClassVar[bool] = False  # the loss comes with PSNR and SSIM of the reconstructed image


Layers = Annotated[
    list[Annotated[int, Field(ge=0, le=5)]],
    Field(
        min_length=1,
        max_length=5,
        description="backbone levels used; level i has stride 2^(i+1): 1 is 1/4, 2 is 1/8, 3 is 1/16 of the input",
    ),
]
Schedule = Annotated[
    Literal["none", "cosine", "plateau"], Field(description="how the learning rate falls over the epochs")
]
Patience = Annotated[
    int,
    Field(
        ge=0,
        le=1000,
        description="epochs without a better validation loss before training stops early; 0 is never",
    ),
]
BlurSigma = Annotated[
    float, Field(ge=0, le=32, description="Gaussian smoothing of the anomaly map, in pixels of the input; 0 is none")
]


class PatchCoreParams(Params):
    name: Literal["patchcore"] = "patchcore"
    title = "PatchCore"
    family = "memory"
    paper = (
        "Roth et al., Towards Total Recall in Industrial Anomaly Detection, CVPR 2022, https://arxiv.org/abs/2106.08265"
    )
    summary = "keeps typical patches of good images and scores by distance to the nearest; strong first choice, trains in one pass"
    default_backbone = "wide_resnet50_2"

    layers: Layers = [2, 3]
    coreset_ratio: float = Field(
        default=0.02, gt=0, le=1, description="share of the collected patches kept in the memory bank"
    )
    num_neighbours: int = Field(
        default=9, ge=1, le=50, description="nearest bank entries that weigh the image score; 1 is no weighting"
    )
    patch_size: int = Field(
        default=3, ge=1, le=9, description="patches are averaged over patch_size x patch_size cells; an odd number"
    )
    blur_sigma: BlurSigma = 4.0

    @field_validator("patch_size")
    @classmethod
    def has_a_middle(cls, size: int) -> int:
        """An even window has no middle cell: the grid would grow by one cell."""
        if size % 2 == 0:
            raise PydanticCustomError("odd", "take an odd number: {expected}", {"expected": "1, 3, 5, 7 or 9"})
        return size


class PadimParams(Params):
    name: Literal["padim"] = "padim"
    title = "PaDiM"
    family = "memory"
    paper = "Defard et al., PaDiM: a Patch Distribution Modeling Framework, ICPR 2021, https://arxiv.org/abs/2011.08785"
    summary = "one Gaussian per image position; fast, small, best when every part lies in the same place"
    default_backbone = "resnet18"

    layers: Layers = [1, 2, 3]
    num_features: int = Field(
        default=100,
        ge=8,
        le=1000,
        description="randomly chosen feature channels; the paper takes 100 for resnet18, 550 for wide_resnet50_2",
    )
    regularisation: float = Field(default=0.01, gt=0, le=1, description="added to the diagonal of each covariance")
    blur_sigma: BlurSigma = 4.0


class AutoencoderParams(Params):
    name: Literal["autoencoder"] = "autoencoder"
    title = "Autoencoder"
    family = "gradient"
    paper = (
        "Bergmann et al., Improving Unsupervised Defect Segmentation by Applying Structural Similarity to Autoencoders, "
        "VISAPP 2019, https://arxiv.org/abs/1807.02011"
    )
    summary = "learns to redraw good images; what it cannot redraw is suspicious. A baseline that needs no pre-trained weights"
    default_epochs = 200
    default_image_size = 128
    default_batch_size = 32
    reconstructs = True

    latent_channels: int = Field(default=100, ge=4, le=1024, description="size of the bottleneck")
    base_channels: int = Field(default=32, ge=4, le=128, description="channels of the first convolution")
    ssim_weight: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of the structural-similarity loss; the rest is the mean squared error",
    )
    learning_rate: float = Field(default=2e-4, gt=0, le=1, description="of Adam")
    weight_decay: float = Field(default=1e-5, ge=0, le=0.1, description="of Adam")
    schedule: Schedule = "none"
    patience: Patience = 20
    blur_sigma: BlurSigma = 2.0


class StfpmParams(Params):
    name: Literal["stfpm"] = "stfpm"
    title = "STFPM"
    family = "gradient"
    paper = "Wang et al., Student-Teacher Feature Pyramid Matching for Anomaly Detection, BMVC 2021, https://arxiv.org/abs/2103.04257"
    summary = "a student network imitates a pre-trained teacher on good images; where it fails to, something is new"
    default_backbone = "resnet18"
    default_epochs = 100

    layers: Layers = [1, 2, 3]
    learning_rate: float = Field(default=0.4, gt=0, le=10, description="of SGD")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    weight_decay: float = Field(default=1e-4, ge=0, le=0.1, description="of SGD")
    schedule: Schedule = "none"
    patience: Patience = 10
    blur_sigma: BlurSigma = 0.0


class FastFlowParams(Params):
    name: Literal["fastflow"] = "fastflow"
    title = "FastFlow"
    family = "flow"
    paper = "Yu et al., FastFlow: Unsupervised Anomaly Detection and Localization via 2D Normalizing Flows, 2021, https://arxiv.org/abs/2111.07677"
    summary = "learns the likelihood of features of good images; quick at inspection, slow to train without a GPU"
    default_backbone = "resnet18"
    default_epochs = 500

    layers: Layers = [1, 2, 3]
    flow_steps: int = Field(default=8, ge=1, le=32, description="coupling blocks per level")
    hidden_ratio: float = Field(
        default=1.0, gt=0, le=4, description="width of the coupling networks, relative to their input"
    )
    conv3x3_only: bool = Field(default=False, description="3x3 convolutions throughout, instead of 3x3 and 1x1 in turn")
    clamp: float = Field(default=2.0, gt=0, le=10, description="bound of the log scale in a coupling block")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="of Adam")
    weight_decay: float = Field(default=1e-5, ge=0, le=0.1, description="of Adam")
    patience: Patience = 50
    blur_sigma: BlurSigma = 0.0


ModelParams = Annotated[
    PatchCoreParams | PadimParams | AutoencoderParams | StfpmParams | FastFlowParams, Field(discriminator="name")
]
MODELS: dict[str, type[Params]] = {cls.model_fields["name"].default: cls for cls in get_args(get_args(ModelParams)[0])}


class TrainSpec(BaseModel):
    """A whole training, fixed before it starts. What is left out is filled with the model's defaults, so a spec is always concrete."""

    model_config = ConfigDict(extra="forbid")

    dataset: str = Field(min_length=1, max_length=200, description="name of a registered data set")
    model: ModelParams = Field(description="the model and its hyper-parameters")
    image_size: int = Field(
        default=None,
        ge=64,
        le=1024,
        multiple_of=32,
        description="pixels; images are resized to image_size x image_size",
    )  # type: ignore[assignment]
    batch_size: int = Field(default=None, ge=1, le=512, description="images per batch")  # type: ignore[assignment]
    epochs: int = Field(
        default=None, ge=1, le=5000, description="passes over the good images; memory models take exactly 1"
    )  # type: ignore[assignment]
    backbone: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[a-z0-9_.]+$",
        description="timm architecture that gives the features, such as wide_resnet50_2, resnet18 or mobilenetv2_100",
    )
    weights: Literal["auto", "pretrained", "random"] = Field(
        default="auto",
        description="auto takes pre-trained weights and falls back to random ones with a warning; pretrained refuses to run without; random takes none",
    )
    normalisation: Literal["weights", "image"] = Field(
        default="weights",
        description="input brightness: weights as the backbone was trained, image by each image's own mean and deviation (varying exposure)",
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
    overkill_rate: float = Field(
        default=0.05, gt=0, le=0.5, description="share of good images that may be called defective; sets the threshold"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where to compute; auto takes a GPU if there is one"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="same seed, same data, same scores")
    time_limit_min: float | None = Field(
        default=None, gt=0, le=10080, description="minutes after which the run is ended; empty is no limit"
    )

    @model_validator(mode="after")
    def fill_defaults(self) -> "TrainSpec":
        params = self.model
        if self.image_size is None:
            self.image_size = params.default_image_size
        if self.batch_size is None:
            self.batch_size = params.default_batch_size
        if self.epochs is None:
            self.epochs = params.default_epochs
        if params.family == "memory" and self.epochs != 1:
            raise ValueError(
                f"epochs is {self.epochs}, but {params.name} takes exactly 1: it collects features in one pass; leave epochs out"
            )
        if params.default_backbone is None and self.backbone is not None:
            raise ValueError(f"backbone is {self.backbone!r}, but {params.name} has none; leave backbone out")
        if self.backbone is None:
            self.backbone = params.default_backbone
        return self


def description_of(field: FieldInfo) -> str:
    """The help text of a field, wherever its annotation keeps it."""
    within = (meta.description for meta in field.metadata if isinstance(meta, FieldInfo) and meta.description)
    return field.description or next(within, "")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec: the setting (or ""), an English sentence, and the parts of it for other languages.

    `kind` is unknown_model, unknown_setting, too_large, too_small, multiple_of, choice, number, no_weights, or other.
    """

    field: str
    message: str
    kind: str = "other"
    values: dict[str, Any] = dataclass_field(default_factory=dict)


class SpecError(ValueError):
    """All problems of a spec at once."""

    def __init__(self, problems: list[Problem]):
        self.problems = problems
        super().__init__("; ".join(problem.message for problem in problems))


def make_spec(dataset: str, model: str, settings: dict[str, Any] | None = None) -> TrainSpec:
    """A spec from flat settings: a name such as `coreset_ratio` goes to the model's Params, the others to TrainSpec.

    Raises:
        SpecError: unknown model, unknown setting, or a value out of range; all problems together.
    """
    if model not in MODELS:
        raise SpecError([_unknown("model", "model", model, list(MODELS))])
    params, top, problems = {"name": model}, {"dataset": dataset}, []
    for name, value in (settings or {}).items():
        name = name.removeprefix("model.")
        if name in MODELS[model].model_fields and name != "name":
            params[name] = value
        elif name in TrainSpec.model_fields and name not in ("dataset", "model"):
            top[name] = value
        else:
            problems.append(_unknown(name, "setting", name, setting_names(model)))
    try:
        spec = TrainSpec.model_validate({**top, "model": params})
    except ValidationError as error:
        problems += [_in_words(each) for each in error.errors()]
    if problems:
        raise SpecError(problems)
    return spec


def setting_names(model: str) -> list[str]:
    """Every setting that a training of this model takes, TrainSpec's first."""
    general = [name for name in TrainSpec.model_fields if name not in ("dataset", "model")]
    return general + [name for name in MODELS[model].model_fields if name != "name"]


def flat_settings(spec: TrainSpec) -> dict[str, Any]:
    """The spec's settings as one flat dictionary: `make_spec(spec.dataset, spec.model.name, flat_settings(spec)) == spec`."""
    top = spec.model_dump(exclude={"dataset", "model"})
    return {**top, **spec.model.model_dump(exclude={"name"})}


def _unknown(field: str, what: str, name: str, known: list[str]) -> Problem:
    near = difflib.get_close_matches(name, known, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    message = f"unknown {what} {name!r}{meant} (have: {', '.join(known)})"
    return Problem(field, message, f"unknown_{what}", {"name": name, "near": near, "known": known})


def _in_words(error: Any) -> Problem:
    """One pydantic error as a problem: the field, the value, what is allowed."""
    message = re.sub(r"^Value error, ", "", error["msg"])
    if error["type"] == "value_error":
        return Problem("", message)
    names = [part for part in error["loc"] if isinstance(part, str) and part not in ("model", *MODELS)]
    name, context = names[-1] if names else "", error.get("ctx", {})
    shown = repr(error.get("input"))
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    limits = [(kind, context[key]) for key, kind in _KINDS.items() if key in context]
    kind, limit = (
        limits[0] if limits else ("number" if "parsing" in error["type"] or "type" in error["type"] else "other", None)
    )
    values = {"name": name, "value": shown, "limit": limit}
    return Problem(name, f"{name} is {shown}: {message[0].lower()}{message[1:]}", kind, values)


_KINDS = {
    "le": "too_large",
    "lt": "too_large",
    "ge": "too_small",
    "gt": "too_small",
    "multiple_of": "multiple_of",
    "expected": "choice",
}
