"""Everything that can be asked of a training: TrainSpec, which holds one model's Params (engine/contract/models/__init__.py).

No torch in here: the browser's edit form, the tool schema an LLM sees, the command line and the docs all read these fields and
their descriptions.
"""

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from engine.contract.models import MODELS, CutPasteParams, DinomalyParams, ModelParams, Params

# how timm's transformers begin their names; everything else is a pyramid of convolutions
TRANSFORMERS = ("vit_", "deit", "eva", "beit", "cait", "xcit", "flexivit", "samvit")


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
    backbone_run: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="a finished run that adapted a backbone (CutPaste): its weights are taken; empty takes the backbone as it comes",
    )
    weights: Literal["auto", "pretrained", "random"] = Field(
        default="auto",
        description="auto takes pre-trained weights and falls back to random ones with a warning; pretrained refuses to run without; random takes none",
    )
    normalisation: Literal["weights", "image"] = Field(
        default="weights",
        description="input brightness: weights as the backbone was trained, image by each image's own mean and deviation (varying exposure)",
    )
    feature_normalisation: Literal["none", "instance", "layer", "batch"] = Field(
        default="none",
        description="of the backbone's features: instance by each image's own mean and deviation per channel, layer across the channels at each place, batch by those of the good training images",
    )
    augmentation: Literal["none", "light", "strong"] = Field(
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
    precision: Literal["auto", "float32", "mixed"] = Field(
        default="auto",
        description="of the training's arithmetic: mixed is quicker on a GPU; auto takes it there for models with gradients",
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
        _leave_epochs_to_the_backbone(params, self.epochs)
        if params.family in ("memory", "ensemble") and self.epochs != 1:
            why = "it collects features in one pass" if params.family == "memory" else "nothing is learnt anew"
            raise ValueError(f"epochs is {self.epochs}, but {params.name} takes exactly 1: {why}; leave epochs out")
        if params.family == "ensemble" and self.threshold_policy == "leave_one_out":
            raise ValueError(
                "threshold_policy is 'leave_one_out', but the members of an ensemble cannot be fitted anew; "
                "take auto, split_conformal or percentile"
            )
        if params.default_backbone is None and self.backbone is not None:
            raise ValueError(f"backbone is {self.backbone!r}, but {params.name} has none; leave backbone out")
        if self.backbone is None:
            self.backbone = params.default_backbone
        if self.backbone is None and self.backbone_run is not None:
            raise ValueError(
                f"backbone_run is {self.backbone_run!r}, but {params.name} has no backbone; leave backbone_run out"
            )
        if self.style_mixing > 0 and not params.takes_style_mixing:
            raise ValueError(
                f"style_mixing is {self.style_mixing:g}, but {params.name} learns nothing from mixed features: its student "
                "sees the image as it is; leave style_mixing out"
            )
        if isinstance(params, DinomalyParams) and params.num_groups > params.decoder_blocks:
            raise ValueError(
                f"num_groups is {params.num_groups}, but there are {params.decoder_blocks} decoder blocks; "
                f"take at most {params.decoder_blocks}"
            )
        if is_transformer(self.backbone) and params.transformer_layers and "layers" not in params.model_fields_set:
            setattr(params, "layers", list(params.transformer_layers))  # noqa: B010  (not every model has it)
        return self


def _leave_epochs_to_the_backbone(params: Params, epochs: int) -> None:
    """CutPaste adapts its backbone after `frozen_epochs` only: left out, they are at most a quarter of a short training."""
    if not isinstance(params, CutPasteParams) or params.frozen_epochs < epochs:
        return
    if "frozen_epochs" in params.model_fields_set:
        raise ValueError(
            f"frozen_epochs is {params.frozen_epochs}, but there are {epochs} epochs in all: the backbone would not be "
            f"adapted; take at most {epochs - 1}"
        )
    params.frozen_epochs = epochs // 4


def is_transformer(backbone: str | None) -> bool:
    """Whether a timm name is a transformer's: its levels are blocks, all of one grid."""
    return backbone is not None and backbone.startswith(TRANSFORMERS)


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


def digest_of(spec: TrainSpec) -> str:
    """SHA-256 of the spec's settings, however they are laid out in a file."""
    return hashlib.sha256(
        json.dumps(spec.model_dump(mode="json"), sort_keys=True, allow_nan=False).encode()
    ).hexdigest()


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
