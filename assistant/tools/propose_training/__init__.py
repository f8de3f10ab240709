"""Tool: make or change a training plan and show it as a card. Starts nothing."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo
from pydantic_ai import RunContext

from assistant.data.datasets import DatasetError
from assistant.data.left_out import by_reason
from assistant.frames import Notice
from assistant.kinds import DEFAULT_KIND, Kind, kind_names, kind_of, kind_of_model
from assistant.plans.form import describe
from assistant.plans.group import Approved
from assistant.plans.plan import Plan, plan
from assistant.plans.proposals import StalePlan
from assistant.plans.trials import plan_group
from assistant.runs.queue import UnknownRun
from assistant.store.tables import ProposalRow, RunRow
from assistant.telling import sentences_of, told
from assistant.telling.plans import claims_of_plan
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.meant import chosen_before, dataset_spoken_of, only_dataset, talked_about
from engine.contract.jobs import KINDS, SpecError, description_of

WHAT = ("task", "dataset", "model", "like")  # arguments that are no settings
MOST_NAMED = 3  # models named beside a setting that they share; a setting of more models names none

TRAITS = Traits(plans=True, looks_first="inspect_dataset")


def _request_model() -> type[BaseModel]:
    """Every setting of every kind of run and model as one flat set of optional arguments; `make_job` checks the ranges."""
    fields: dict[str, Any] = {
        "dataset": (
            str | None,
            Field(
                default=None,
                description="name of a registered data set; left out: that of the plan or run talked about, or the only one",
            ),
        ),
        "model": (
            str | None,
            Field(
                default=None,
                description=f"left out: that of the plan talked about, else {kind_of(DEFAULT_KIND).default_model}",
                json_schema_extra={"enum": [model for name in kind_names() for model in KINDS[name].models()]},
            ),
        ),
    }
    fields["like"] = (
        str | None,
        Field(default=None, description="id of the run whose settings the new plan takes over, such as r2"),
    )
    if len(kind_names()) > 1:
        fields = {"task": _task_field(), **fields}
    for name in kind_names():
        for wish, described in kind_of(name).wishes.items():
            fields.setdefault(wish, described)
    for name, (annotation, description) in _settings().items():
        fields[name] = (annotation | None, Field(default=None, description=description))
    config = ConfigDict(extra="forbid", json_schema_extra=_compact)
    return create_model("TrainingRequest", __config__=config, **fields)


def _task_field() -> tuple[Any, Any]:
    names = kind_names()
    description = "what is to be learnt; left out: that of the model, of the plan talked about, else " + DEFAULT_KIND
    return str | None, Field(default=None, description=description, json_schema_extra={"enum": [*names]})


def _settings() -> dict[str, tuple[Any, str]]:
    """The type of each setting and what it is, said once for all kinds and models to which it means the same."""
    annotations: dict[str, Any] = {}
    meanings: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for owner, fields in _described():
        for name, field in fields.items():
            annotations[name] = annotations[name] | field.annotation if name in annotations else field.annotation
            meanings[name][description_of(field)].append(owner)
    return {
        name: (
            annotations[name],
            "; ".join(_of(owners) + text for text, owners in sorted(said.items(), key=_least_named)),
        )
        for name, said in meanings.items()
    }


def _described() -> Iterator[tuple[str, dict[str, FieldInfo]]]:
    """Every kind with the settings of its own, and every model with its."""
    for kind in kind_names():
        yield kind, KINDS[kind].settings()
        for model, params in KINDS[kind].models().items():
            yield model, {name: field for name, field in params.model_fields.items() if name != "name"}


def _least_named(said: tuple[str, list[str]]) -> int:
    """What holds for many first."""
    return -len(said[1])


def _of(owners: list[str]) -> str:
    """Whose meaning it is, where it is not that of the usual kind or of many."""
    return "" if DEFAULT_KIND in owners or len(owners) > MOST_NAMED else f"{', '.join(owners)}: "


def _compact(schema: dict[str, Any]) -> None:
    """Leave out what tells an LLM nothing: titles, "or null" of an optional argument, its default null."""
    for name, described in schema["properties"].items():
        kinds = [kind for kind in described.pop("anyOf", ()) if kind.get("type") != "null"]
        merged = kinds[0] if len(kinds) == 1 else _one_of(kinds)
        schema["properties"][name] = {
            key: value for key, value in {**merged, **described}.items() if key not in ("title", "default")
        }


def _one_of(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """Several lists of choices as one."""
    if kinds and all("enum" in kind for kind in kinds):
        return {"type": kinds[0]["type"], "enum": [choice for kind in kinds for choice in kind["enum"]]}
    return {"anyOf": kinds} if kinds else {}


if TYPE_CHECKING:

    class TrainingRequest(BaseModel):
        dataset: str | None
        model: str | None
        like: str | None
else:
    TrainingRequest = _request_model()


async def propose_training(ctx: RunContext[Desk], request: TrainingRequest) -> dict[str, Any]:
    """Make a training plan, or change the open one, and show it to the user as a card. Nothing starts.

    Give only what the user asked for; everything else has good defaults, some of them by the number of good images (see `because`
    in the result). What is left out is taken over: from the open plan, or where none is open from the run talked about, unless both
    data set and model are given then. Settings that were chosen survive so (`carried` in the result), but for those that another
    model does not have or cannot take (`not_carried`).
    Finished runs are put together by naming them in `members`, how many of the latest in `last_runs`, or only the model that does
    it, which takes the latest of different models. `backbone_run` takes a run id, or "latest" for the newest run that adapted a
    backbone. `learns_on` takes the run whose memory is to be extended by the good images of another data set, and all else from it.
    The settings are checked; what is wrong comes back in words. After it, call start_training: that asks the user for
    the yes.
    """
    desk = ctx.deps
    asked = request.model_dump(exclude_none=True, exclude=set(WHAT))
    like = request.like or next(filter(None, (kind_of(name).like_of(asked) for name in kind_names())), None)
    model_run = await desk.run(like) if like else None
    opened = await desk.proposals.latest_open(desk.conversation) if model_run is None else None
    before = model_run or opened or await talked_about(desk)
    try:
        kind = _kind(request, before)
    except LookupError as error:
        raise desk.refuse("settings", str(error), problems=[{"kind": "other", "message": str(error)}]) from None
    continues = before if before is not None and before.kind == kind.name else None
    model = request.model or kind.model_of(asked) or (continues.subject if continues else kind.default_model)
    dataset = request.dataset or await _dataset_meant(desk, kind, asked, opened.dataset if opened else None)
    dataset = dataset or (model_run.dataset if model_run and model_run.dataset in await desk.datasets.names() else None)
    dataset = dataset or (opened.dataset if opened else await dataset_spoken_of(desk) or await only_dataset(desk))
    names_another = request.dataset is not None or request.model is not None or (opened and opened.subject != model)
    revised = None if names_another or continues is None else opened
    wishes = {name: asked.pop(name) for name in kind.wishes if name in asked}
    is_new = not (opened or model_run) and request.dataset is not None and request.model is not None
    had = await chosen_before(desk, before, model) if before is not None and not wishes and not is_new else {}
    what = _planning(desk, revised, kind=kind.name, dataset=dataset, model=model)
    try:
        made = await _made(what, had=had, asked=asked, wishes=wishes, may_drop=revised is None)
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    survives = had.keys() - asked.keys() if revised is None else set()
    made = _with_carried(made, survives)
    row = await _store(desk, made, revised)
    sentences = sentences_of(claims_of_plan(row.id, made), desk.language)
    return {
        "proposal": row.id,
        **({"new": row.id} if revised is None else {}),
        "task": kind.name,
        "dataset": made.spec.dataset,
        "model": made.spec.subject,
        "changed": asked if revised else {},
        "unchanged": revised is not None and not asked and not wishes,
        "carried": {name: value for name, value in had.items() if name in survives and name in made.chosen},
        "not_carried": {name: value for name, value in had.items() if name in survives and name not in made.chosen},
        "settings": {setting.name: setting.value for setting in describe(made.spec)},
        "because": _because(made),
        "expected_seconds": round(made.estimate.seconds),
        "notices": [notice.message for notice in made.notices],
        "files_not_used": by_reason(made.facts.left_out),
        **told(sentences),
    }


def _planning(
    desk: Desk, revised: ProposalRow | None, *, kind: str, dataset: str, model: str
) -> Callable[..., Awaitable[Plan]]:
    """How the plan is made: one of several runs stays one when it is changed."""
    parts = (desk.settings, desk.datasets, desk.runs)
    if revised is None or revised.group is None:
        return partial(plan, *parts, kind=kind, dataset=dataset, model=model)
    group = Approved.model_validate(revised.group).group

    async def grouped(*, chosen: Mapping[str, Any], wishes: Mapping[str, Any]) -> Plan:
        return await plan_group(*parts, group, kind=kind, dataset=dataset, model=model, chosen=chosen)

    return grouped


async def _made(
    what: Callable[..., Awaitable[Plan]],
    *,
    had: Mapping[str, Any],
    asked: Mapping[str, Any],
    wishes: Mapping[str, Any],
    may_drop: bool,
) -> Plan:
    """The plan with the settings that were chosen before; `may_drop` those of them that cannot be so with what is asked for now."""
    try:
        return await what(chosen={**had, **asked}, wishes=wishes)
    except SpecError as error:
        refused = {each.field for each in error.problems} & (had.keys() - asked.keys())
        if not (may_drop and refused):
            raise
    kept = {name: value for name, value in had.items() if name not in refused}
    return await _made(what, had=kept, asked=asked, wishes=wishes, may_drop=may_drop)


def _with_carried(made: Plan, survives: Collection[str]) -> Plan:
    """The plan, whose card says of a setting that was taken over that it was."""
    carried = Notice(code="carried", message="as chosen before")
    return replace(made, because={**made.because, **{name: carried for name in survives if name in made.chosen}})


def _kind(request: BaseModel, before: ProposalRow | RunRow | None) -> Kind[Any]:
    """The kind of run that is meant: the one that is named, else that of the model, of what was talked about, else the usual one.

    Raises:
        LookupError: there is none of that name.
    """
    named, model = getattr(request, "task", None), getattr(request, "model", None)
    if named is None and model is not None:
        named = kind_of_model(model)
    if named is None and before is not None:
        return kind_of(before.kind)
    return kind_of(named or DEFAULT_KIND)


def _because(made: Plan) -> list[dict[str, Any]]:
    """Settings that nobody asked for and that differ from the default, with the reason."""
    shown = {setting.name: setting.value for setting in describe(made.spec)}
    return [
        {"setting": name, "value": shown[name], "code": why.code, "message": why.message, "values": why.values}
        for name, why in made.because.items()
        if name in shown
    ]


async def _dataset_meant(desk: Desk, kind: Kind[Any], asked: dict[str, Any], opened: str | None) -> str | None:
    """The data set of the runs that are to be built on, or of the open plan."""
    try:
        return await kind.dataset_of(desk.runs, asked, otherwise=opened)
    except UnknownRun as error:
        raise desk.refuse("unknown_run", str(error), **error.values) from None
    except SpecError as error:
        raise desk.refuse_input(error) from None


async def _store(desk: Desk, made: Plan, opened: ProposalRow | None) -> ProposalRow:
    """Revise the open plan, or make a new one that takes the place of older open ones."""
    if opened is None:
        return await desk.cards.propose(made)
    try:
        return await desk.cards.revise(opened, made)
    except StalePlan as error:
        raise desk.refuse("stale", str(error)) from None
