"""The settings of a job as a person edits them: each with its value, its default, its limits and what it means."""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic.fields import FieldInfo

from assistant.frames import Notice, Setting
from assistant.kinds import kind_of
from engine.contract.jobs import Job, description_of, flat_settings, make_job, setting_names


def describe(spec: Job, because: Mapping[str, Notice] | None = None, *, backbones: Sequence[str] = ()) -> list[Setting]:
    """Every setting of the spec as the edit form shows it, the main ones first; `backbones` are those whose weights are here."""
    values, defaults = flat_settings(spec), _defaults(spec)
    kind = kind_of(spec.kind)
    hidden, main = kind.without_effect(spec), kind.main_settings
    shown = [
        _describe(name, spec, values[name], defaults.get(name), main=name in main).model_copy(
            update={
                "because": (because or {}).get(name),
                "offered": [*backbones] if name == "backbone" else [],
            }
        )
        for name in setting_names(spec.kind, spec.subject)
        if name not in hidden
    ]
    return sorted(shown, key=lambda setting: main.index(setting.name) if setting.main else len(main))


def differences(before: Job, now: Job) -> list[tuple[str, Any, Any]]:
    """The settings that both jobs have and that differ: name, value before, value now."""
    had = {setting.name: setting.value for setting in describe(before)}
    has = {setting.name: setting.value for setting in describe(now)}
    return [(name, had[name], value) for name, value in has.items() if name in had and had[name] != value]


def _defaults(spec: Job) -> dict[str, Any]:
    """What the settings would be if nothing were asked for; a setting that must be given has none."""
    values = flat_settings(spec)
    fields = {**spec.settings(), **type(spec.model).model_fields}
    required = {name: values[name] for name in values if fields[name].is_required()}
    bare = make_job(spec.kind, spec.dataset, spec.subject, required)
    return {name: value for name, value in flat_settings(bare).items() if name not in required}


def _describe(name: str, spec: Job, value: Any, default: Any, *, main: bool) -> Setting:
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
        main=main,
    )


def _field_of(name: str, spec: Job) -> FieldInfo:
    params = type(spec.model).model_fields
    return params[name] if name in params else spec.settings()[name]


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
