"""Everything that can be asked for: a job of one of these kinds, which holds one model's Params (engine/contract/models/).

No torch in here: the browser's edit form, the tool schema an LLM sees, the command line and the docs all read these fields and
their descriptions.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from engine.contract.jobs.base import Job
from engine.contract.jobs.problems import Problem, SpecError, in_words, unknown
from engine.contract.models.base import Params
from engine.contract.variants import variants

__all__ = [
    "KINDS",
    "Job",
    "Problem",
    "SpecError",
    "description_of",
    "digest_of",
    "every_model",
    "flat_settings",
    "make_job",
    "read_job",
    "setting_names",
]

KINDS = variants(__name__, Job, tag="kind")  # kind -> class of its jobs
FIRST_KIND = "detect"  # of the files that were written when there was no other


def every_model() -> dict[str, type[Params]]:
    """The models of every kind of run, by name."""
    return {name: params for job in KINDS.values() for name, params in job.models().items()}


class _Kind(BaseModel):
    kind: str = FIRST_KIND


def read_job(stored: str | bytes | Mapping[str, Any]) -> Job:
    """The job that a spec.json holds, or what was read of one.

    Raises:
        ValueError: it is none, of a kind that is not known here, or has settings that are not valid.
    """
    if isinstance(stored, str | bytes):
        told, held = _Kind.model_validate_json(stored), from_json(stored)
    else:
        told, held = _Kind.model_validate(stored), stored
    cls = _class_of(told.kind)
    return cls.model_validate(_completed(held, cls.models()))


def make_job(kind: str, dataset: str, model: str, settings: Mapping[str, Any] | None = None) -> Job:
    """A job from flat settings: a name such as `coreset_ratio` goes to the model's Params, the others to the job itself.

    Raises:
        SpecError: unknown kind, model or setting, or a value out of range; all problems together.
    """
    cls = _class_of(kind)
    if model not in cls.models():
        raise SpecError([unknown("model", "model", model, cls.models())])
    params, own, problems = {"name": model}, {"dataset": dataset}, []
    for name, value in (settings or {}).items():
        name = name.removeprefix("model.")
        if name in cls.models()[model].model_fields and name != "name":
            params[name] = value
        elif name in cls.settings():
            own[name] = value
        else:
            problems.append(unknown(name, "setting", name, setting_names(kind, model)))
    try:
        job = cls.model_validate({**own, "model": params})
        problems += job.problems()
    except ValidationError as error:
        problems += [in_words(each, models=cls.models()) for each in error.errors()]
    if problems:
        raise SpecError(problems)
    return job


def setting_names(kind: str, model: str) -> list[str]:
    """Every setting that a job of this kind with this model takes, the job's own first."""
    return [*KINDS[kind].settings(), *(name for name in KINDS[kind].models()[model].model_fields if name != "name")]


def flat_settings(job: Job) -> dict[str, Any]:
    """The settings as one flat dictionary: `make_job(job.kind, job.dataset, job.subject, flat_settings(job)) == job`."""
    own = job.model_dump(include=set(job.settings()))
    return {**own, **job.model.model_dump(exclude={"name"})}


def digest_of(job: Job) -> str:
    """SHA-256 of all that the job holds, however it is laid out in a file."""
    return hashlib.sha256(json.dumps(job.model_dump(mode="json"), sort_keys=True, allow_nan=False).encode()).hexdigest()


def description_of(field: FieldInfo) -> str:
    """The help text of a field, wherever its annotation keeps it."""
    within = (meta.description for meta in field.metadata if isinstance(meta, FieldInfo) and meta.description)
    return field.description or next(within, "")


def _completed(held: Mapping[str, Any], models: Mapping[str, type[Params]]) -> Mapping[str, Any]:
    """With what a file stands for that was written before its model had a setting: a job is stored whole, so nothing else is missing."""
    model = held.get("model")
    if not isinstance(model, Mapping) or str(model.get("name")) not in models:
        return held  # it is refused
    params = models[str(model["name"])]
    before = {name: value for name, value in params.written_before.items() if name in params.model_fields}
    return {**held, "model": {**before, **model}}


def _class_of(kind: str) -> type[Job]:
    if kind not in KINDS:
        raise SpecError([unknown("kind", "kind", kind, KINDS)])
    return KINDS[kind]
