"""A training plan under discussion: completed from the data and the machine, checked, worded, revised.

Nothing here starts anything. A plan exists only when its spec is valid, so a person is only ever asked about a valid one.
"""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic.fields import FieldInfo

from assistant.frames import Estimate, Notice, Setting
from assistant.plans.advice import Advice, advise
from assistant.plans.estimates import expected
from assistant.plans.weights import choose_backbone, where_are_weights
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.jobs import Problem, SpecError, description_of, flat_settings, make_job, setting_names
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS
from engine.contract.policy import images_needed, promised, share_out

DEFAULT_MODEL = "patchcore"
MAIN_SETTINGS = (
    "image_size",
    "members",
    "backbone",
    "epochs",
    "batch_size",
    "coreset_ratio",
    "learning_rate",
    "augmentation",
    "overkill_rate",
    "seed",
)
LONG_RUN_SECONDS = 3600
SAID_OTHERWISE = {  # notices of the check that a plan does not repeat: it words them itself, or shows the files below its figures
    "broken_images", "few_images", "memory_models_only", "no_defects", "no_masks", "no_test_good", "some_masks", "mixed_shapes",
    "unread_folders", "unread_endings", "unpaired_masks", "links_left_out", "side_channels", "more_pages",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """A valid spec with what a person should know before saying yes. `chosen` are the settings somebody asked for."""

    spec: DetectJob
    chosen: dict[str, Any]
    facts: dict[str, Any]
    notices: list[Notice]
    estimate: Estimate
    because: dict[str, Notice] = field(
        default_factory=dict
    )  # why settings that nobody asked for differ from the default


def make_plan(
    settings: Settings,
    facts: dict[str, Any],
    model: str,
    chosen: dict[str, Any],
    finished: Sequence[RunRow],
    *,
    given: Mapping[str, Advice] | None = None,
) -> Plan:
    """Complete what was asked for into a whole spec: first with what follows from earlier runs (`given`), then with what
    suits the data; what was asked for goes before both.

    Raises:
        SpecError: all problems of the request at once.
    """
    chosen = {name.removeprefix("model."): value for name, value in chosen.items()}
    advice = {**(advise(model, good=facts["train_good"]) if model in MODELS else {}), **(given or {})}
    advice = {name: each for name, each in advice.items() if chosen.get(name) is None}
    filled = {**chosen, **{name: each.value for name, each in advice.items()}}
    paper_backbone = MODELS[model].default_backbone if model in MODELS else None
    if paper_backbone and not filled.get("backbone"):
        filled["backbone"] = (
            paper_backbone if filled.get("weights") == "random" else choose_backbone(settings, paper_backbone)
        )
    spec = make_job("detect", facts["dataset"], model, filled)
    assert isinstance(spec, DetectJob)
    _refuse_what_cannot_run(settings, spec, facts)
    estimate = expected(spec, facts, finished)
    notices = _notices(settings, spec, chosen, facts, estimate)
    return Plan(spec, chosen, facts, notices, estimate, {name: each.because for name, each in advice.items()})


def describe(spec: DetectJob, because: Mapping[str, Notice] | None = None) -> list[Setting]:
    """Every setting of the spec as the edit form shows it, the main ones first."""
    values, defaults = flat_settings(spec), _defaults(spec)
    shown = [
        _describe(name, spec, values[name], defaults.get(name)).model_copy(
            update={"because": (because or {}).get(name)}
        )
        for name in setting_names(spec.kind, spec.model.name)
        if name not in _without_effect(spec)
    ]
    return sorted(shown, key=lambda setting: MAIN_SETTINGS.index(setting.name) if setting.main else len(MAIN_SETTINGS))


def _defaults(spec: DetectJob) -> dict[str, Any]:
    """What the settings would be if nothing were asked for; a setting that must be given has none."""
    required = {
        name: getattr(spec.model, name) for name, info in type(spec.model).model_fields.items() if info.is_required()
    }
    bare = DetectJob.model_validate({"dataset": spec.dataset, "model": {"name": spec.model.name, **required}})
    return {name: value for name, value in flat_settings(bare).items() if name not in required}


def _without_effect(spec: DetectJob) -> set[str]:
    """Settings that every spec has and this model makes no use of."""
    hidden = (
        set() if spec.backbone else {"backbone", "backbone_run", "weights", "feature_normalisation", "style_mixing"}
    )
    if not spec.model.takes_style_mixing:
        hidden |= {"style_mixing"}
    if MODELS[spec.model.name].family == "memory":
        hidden |= {"epochs", "validation_share", "precision"}
    if MODELS[spec.model.name].family == "ensemble":  # each member was trained already, with settings of its own
        hidden |= {
            "epochs", "validation_share", "precision", "normalisation", "augmentation", "seed", "calibration_share", "threshold_policy",
        }  # fmt: skip
    return hidden


def _refuse_what_cannot_run(settings: Settings, spec: DetectJob, facts: dict[str, Any]) -> None:
    for notice in facts.get("notices", []):
        if notice["code"] == "memory_models_only" and MODELS[spec.model.name].family in ("gradient", "flow"):
            raise SpecError([Problem("model", f"{spec.model.name} cannot be trained: {notice['message']}")])
    if spec.backbone and spec.weights == "pretrained" and where_are_weights(settings, spec.backbone) == "none":
        message = (
            f"weights is 'pretrained', but the weights of {spec.backbone} are not on this machine: copy {spec.backbone}.safetensors "
            f"into {settings.weights_folder}, or set weights to 'auto' to train on random ones"
        )
        values = {"backbone": spec.backbone, "folder": str(settings.weights_folder)}
        raise SpecError([Problem("weights", message, "no_weights", values)])


def _notices(
    settings: Settings, spec: DetectJob, chosen: dict[str, Any], facts: dict[str, Any], estimate: Estimate
) -> list[Notice]:
    """What a person should know before saying yes, the gravest first."""
    notices = []

    def note(code: str, message: str, **values: Any) -> None:
        notices.append(Notice(code=code, message=message, values=values))

    paper_backbone = MODELS[spec.model.name].default_backbone
    if spec.backbone and spec.weights != "random":
        source = where_are_weights(settings, spec.backbone)
        folder = str(settings.weights_folder)
        if source == "none":
            note(
                "weights_missing",
                f"The pre-trained weights of {spec.backbone} are not on this machine: the run would use random weights and find far less. "
                f"Copy {spec.backbone}.safetensors into {folder} to change that.",
                backbone=spec.backbone,
                folder=folder,
            )
        elif source == "hub":
            note(
                "weights_from_hub",
                f"The pre-trained weights of {spec.backbone} are not on this machine: they will be fetched from the Hugging Face hub. Without a "
                f"network the run uses random weights and finds far less; then copy {spec.backbone}.safetensors into {folder}.",
                backbone=spec.backbone,
                folder=folder,
            )
    elif spec.backbone:
        note(
            "weights_random",
            f"Random weights, as asked: {spec.backbone} finds far less than with pre-trained ones.",
            backbone=spec.backbone,
        )
    if facts["broken"]:
        note(
            "broken_images",
            f"{len(facts['broken'])} image{'s' * (len(facts['broken']) != 1)} cannot be read and will be left out.",
            count=len(facts["broken"]),
        )
    for each in facts.get("notices", []):
        if each["code"] not in SAID_OTHERWISE:
            note(each["code"], each["message"], **each["values"])
    if facts["test_defective"] == 0:
        note("no_defects", "There are no defective images: how many defects the model finds cannot be measured.")
    elif any(each["code"] == "no_masks" for each in facts.get("notices", [])):
        note("no_masks", "There are no defect masks: how well defects are located cannot be measured.")
    notices += _on_threshold(spec, facts)
    if facts.get("synthetic"):
        note(
            "synthetic",
            "The images are computer-made: results show how the tool works, not how it does on real panels.",
        )
    at_hand = spec.backbone is not None and where_are_weights(settings, spec.backbone) in ("local", "cache")
    if at_hand and "backbone" not in chosen and not spec.backbone_run and spec.backbone != paper_backbone:
        note(
            "backbone_substituted",
            f"The paper uses {paper_backbone}, whose weights are not at hand; {spec.backbone} takes its place.",
            paper=paper_backbone,
            backbone=spec.backbone,
        )
    if estimate.seconds > LONG_RUN_SECONDS:
        note(
            "long_run",
            "This will take long on this machine; fewer epochs, smaller images or a lighter backbone shorten it.",
        )
    return notices


def _on_threshold(spec: DetectJob, facts: dict[str, Any]) -> list[Notice]:
    """How many good images will set the threshold, where that limits what it can promise."""
    shared = share_out(spec, good=facts["train_good"], has_own_test=facts["test_good"] > 0)
    images, needed = shared.threshold, images_needed(spec.overkill_rate)
    share = promised(shared.policy, images=images, overkill_rate=spec.overkill_rate, folds=shared.folds)
    if share is None:
        message = (
            f"The threshold is the plain percentile of {images} good images: nothing is promised about the overkill."
        )
        return [Notice(code="percentile", message=message, values={"calibration": images})]
    notices, values = [], {"calibration": images, "promised": round(100 * share, 1)}
    if images < needed:
        overkill = round(100 * spec.overkill_rate, 2)
        message = (
            f"{images} good images set the threshold; an overkill of {overkill:g} % takes {needed}. "
            f"No better than {100 * share:.1f} % can be promised."
        )
        notices.append(
            Notice(code="few_good", message=message, values={**values, "needed": needed, "overkill": overkill})
        )
    if shared.policy == "leave_one_out":
        message = (
            f"Every one of the {images} good images sets the threshold, scored by a model that did not see it. That wastes none, "
            f"but takes several trainings, and promises less: an overkill of at most {100 * share:.1f} %. For an ensemble of several "
            "models take split_conformal as threshold_policy instead: its members must hold the same good images back."
        )
        notices.append(Notice(code="leave_one_out", message=message, values=values))
    return notices


def _describe(name: str, spec: DetectJob, value: Any, default: Any) -> Setting:
    field = _field_of(name, spec)
    kind, choices, optional = _kind(field.annotation)
    limits = {
        bound: limit
        for meta in field.metadata
        for bound in ("ge", "gt", "le", "lt", "multiple_of")
        if (limit := getattr(meta, bound, None)) is not None
    }
    if kind == "integer" and typing.get_origin(field.annotation) is Literal:
        options = typing.get_args(field.annotation)
        limits |= {"ge": min(options), "le": max(options)}
    return Setting(
        name=name,
        value=value,
        default=default,
        type=kind,
        description=description_of(field),
        choices=choices,
        minimum=limits.get("ge", limits.get("gt")),
        maximum=limits.get("le", limits.get("lt")),
        step=limits.get("multiple_of", 1 if kind == "integer" else None),
        optional=optional,
        main=name in MAIN_SETTINGS,
    )


def _field_of(name: str, spec: DetectJob) -> FieldInfo:
    params = type(spec.model).model_fields
    return params[name] if name in params else DetectJob.settings()[name]


def _kind(
    annotation: Any,
) -> tuple[Literal["integer", "number", "text", "choice", "boolean", "integers", "texts"], list[str] | None, bool]:
    """The form's input type, its choices, and whether it may be empty."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        kind, choices, _ = _kind(next(each for each in arguments if each is not types.NoneType))
        return kind, choices, True
    if origin is Literal and all(isinstance(each, str) for each in arguments):
        return "choice", list(arguments), False
    if origin is Literal:  # a few whole numbers
        return "integer", None, False
    if origin is list:
        return ("integers" if _element(arguments[0]) is int else "texts"), None, False
    plain: dict[Any, Literal["integer", "number", "text", "boolean"]] = {
        int: "integer",
        float: "number",
        bool: "boolean",
    }
    return plain.get(annotation, "text"), None, False


def _element(annotation: Any) -> Any:
    """The plain type inside Annotated."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation
