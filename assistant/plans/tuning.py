"""What is tried where a setting is to be tuned: the values that somebody named, else some that its field makes sensible."""

import json
from collections.abc import Sequence
from typing import Any

from assistant.frames import Setting
from assistant.plans.form import describe
from assistant.plans.group import Group, Span, minutes_meant
from assistant.plans.plan import Plan
from engine.contract.jobs import Problem, SpecError, setting_names
from engine.contract.jobs.problems import unknown

MINUTES = 10.0  # that a search takes where nobody says
AROUND = (0.5, 0.75, 1.0, 1.5, 2.0)  # times its present value, of a whole number
WIDE = 4.0  # times smaller and larger, of any other number


def tuned(base: Plan, setting: str, values: Sequence[Any] = (), minutes: float | None = None) -> Group:
    """The group of runs that tries this setting of a planned job.

    Raises:
        SpecError: the job has no such setting, no values follow from its field, one alone is named, or the minutes are none that there can be.
    """
    job, minutes = base.spec, minutes_meant(minutes)
    names = setting_names(job.kind, job.subject)
    if setting not in names:
        raise SpecError([unknown("setting", "setting", setting, names)])
    if values and len(_different(values)) == 1:
        message = f"{setting} has one value to be tried, {values[0]}; name two or more, with commas between"
        raise SpecError([Problem(setting, message, "one_value", {"name": setting, "value": str(values[0])})])
    if values:
        return Group(sort="sweep", trials=[{setting: each} for each in _different(values)], minutes=minutes)
    field = next((each for each in describe(job, backbones=base.backbones) if each.name == setting), None)
    if field is None:
        message = f"{setting} has no effect on {job.title}; tune another setting"
        raise SpecError([Problem(setting, message, "no_values", {"name": setting})])
    if field.type == "number" and (span := _span(field)) is not None:
        return Group(sort="sweep", search={setting: span}, minutes=minutes or MINUTES)
    tried = _sensible(field, base.backbones)
    if len(tried) < 2:
        message = f"say which values of {setting} are to be tried, with commas between"
        raise SpecError([Problem(setting, message, "no_values", {"name": setting})])
    return Group(sort="sweep", trials=[{setting: each} for each in tried], minutes=minutes, leaves_out=True)


def _different(values: Sequence[Any]) -> list[Any]:
    """Each once; a text that is a number, yes or no, as such."""
    read = []
    for value in values:
        try:
            read.append(json.loads(value) if isinstance(value, str) else value)
        except ValueError:
            read.append(value)
    return [each for place, each in enumerate(read) if each not in read[:place]]


def _sensible(field: Setting, backbones: Sequence[str]) -> list[Any]:
    if field.type == "boolean":
        return [False, True]
    if field.type == "choice":
        return list(field.choices or [])
    if field.name == "backbone":
        return list(backbones)
    if field.type != "integer" or not field.value:
        return []
    step = int(field.step or 1)
    near = [step * max(round(field.value * times / step), 1) for times in AROUND]
    return sorted({int(min(max(each, field.minimum or each), field.maximum or each)) for each in near})


def _span(field: Setting) -> Span | None:
    low, high, value = field.minimum, field.maximum, field.value
    if value:
        return Span(
            low=max(value / WIDE, low) if low is not None else value / WIDE,
            high=min(value * WIDE, high) if high is not None else value * WIDE,
            log=True,
        )
    return Span(low=low, high=high) if low is not None and high is not None else None
