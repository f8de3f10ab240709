"""Tool: make or change a training plan and show it as a card. Starts nothing."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_ai import RunContext

from assistant.data.datasets import DatasetError
from assistant.data.left_out import by_reason
from assistant.plans.earlier_runs import dataset_of_backbone
from assistant.plans.plan import DEFAULT_MODEL, Plan, describe
from assistant.plans.planning import plan_training, propose, show_plan
from assistant.plans.proposals import StalePlan
from assistant.store.tables import ProposalRow
from assistant.tools import Traits
from assistant.tools.desk import Desk
from engine.contract.jobs import SpecError, description_of
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS

WHAT = ("dataset", "model", "last_runs")  # arguments that are no settings
MOST_NAMED = 3  # models named beside a setting that they share; a setting of more models names none

TRAITS = Traits(holds_settings=True, looks_first="inspect_dataset")


def _request_model() -> type[BaseModel]:
    """Every setting of DetectJob and of all Params as one flat set of optional arguments; `make_job` checks the ranges."""
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
                description=f"left out: that of the plan talked about, else {DEFAULT_MODEL}",
                json_schema_extra={"enum": [*MODELS]},
            ),
        ),
        "last_runs": (
            int | None,
            Field(
                default=None, ge=2, le=4, description="ensemble: take this many of the latest finished runs as members"
            ),
        ),
    }
    for name, field in DetectJob.settings().items():
        if name not in fields:
            fields[name] = (field.annotation | None, Field(default=None, description=field.description))  # type: ignore[operator]
    for name, (annotation, description) in _settings_of_models().items():
        fields[name] = (annotation | None, Field(default=None, description=description))
    config = ConfigDict(extra="forbid", json_schema_extra=_compact)
    return create_model("TrainingRequest", __config__=config, **fields)


def _settings_of_models() -> dict[str, tuple[Any, str]]:
    """The type of each setting and what it is, once for all models to which it means the same."""
    annotations: dict[str, Any] = {}
    meanings: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for model, params in MODELS.items():
        for name, field in params.model_fields.items():
            if name != "name":
                annotations[name] = annotations[name] | field.annotation if name in annotations else field.annotation
                meanings[name][description_of(field)].append(model)
    return {
        name: (
            annotations[name],
            "; ".join(_of(models) + text for text, models in sorted(said.items(), key=_least_named)),
        )
        for name, said in meanings.items()
    }


def _least_named(said: tuple[str, list[str]]) -> int:
    """What holds for many models first."""
    return -len(said[1])


def _of(models: list[str]) -> str:
    return f"{', '.join(models)}: " if len(models) <= MOST_NAMED else ""


def _compact(schema: dict[str, Any]) -> None:
    """Leave out what tells an LLM nothing: titles, "or null" of an optional argument, its default null."""
    for name, told in schema["properties"].items():
        kinds = [kind for kind in told.pop("anyOf", ()) if kind.get("type") != "null"]
        merged = kinds[0] if len(kinds) == 1 else _one_of(kinds)
        schema["properties"][name] = {
            key: value for key, value in {**merged, **told}.items() if key not in ("title", "default")
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
        last_runs: int | None
        members: list[str] | None
else:
    TrainingRequest = _request_model()


async def propose_training(ctx: RunContext[Desk], request: TrainingRequest) -> dict[str, Any]:
    """Make a training plan, or change the open one, and show it to the user as a card. Nothing starts.

    Give only what the user asked for; everything else has good defaults, some of them by the number of good images (see `because`
    in the result). Without a data set and a model, the open plan (or the latest run) is taken over with the changes given here.
    model="ensemble" puts finished runs together: name them in `members`, or leave it out to take the latest of different models.
    `backbone_run` takes a run id, or "latest" for the newest CutPaste run. The settings are checked; what is wrong comes back in
    words. After it, call start_training: that asks the user for the yes.
    """
    desk = ctx.deps
    asked = request.model_dump(exclude_none=True, exclude=set(WHAT))
    opened = await desk.proposals.latest_open(desk.conversation)
    runs = await desk.runs.list(conversation=desk.conversation, limit=1)
    before = opened or (runs[0] if runs else None)
    joins = request.members or request.last_runs
    model = request.model or ("ensemble" if joins else before.model if before else DEFAULT_MODEL)
    theirs = await _dataset_of(desk, request.members)
    dataset = request.dataset or theirs or (opened.dataset if opened else None)
    dataset = dataset or await _dataset_of_backbone(desk, asked.get("backbone_run"))
    dataset = dataset or (before.dataset if before else await _only_dataset(desk))
    names_another = request.dataset is not None or request.model is not None or (opened and opened.model != model)
    revised = None if names_another else opened
    kept = revised.chosen if revised else {}
    try:
        plan = await plan_training(
            desk, dataset=dataset, model=model, chosen={**kept, **asked}, last_runs=request.last_runs
        )
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    row = await _store(desk, plan, revised)
    return {
        "proposal": row.id,
        "dataset": plan.spec.dataset,
        "model": plan.spec.model.name,
        "changed": asked if revised else {},
        "settings": {setting.name: setting.value for setting in describe(plan.spec)},
        "because": _because(plan),
        "expected_seconds": round(plan.estimate.seconds),
        "notices": [notice.message for notice in plan.notices],
        "files_not_used": by_reason(plan.facts.get("left_out", [])),
    }


def _because(plan: Plan) -> list[dict[str, Any]]:
    """Settings that nobody asked for and that differ from the default, with the reason."""
    shown = {setting.name: setting.value for setting in describe(plan.spec)}
    return [
        {"setting": name, "value": shown[name], "code": why.code, "message": why.message, "values": why.values}
        for name, why in plan.because.items()
        if name in shown
    ]


async def _dataset_of(desk: Desk, members: list[str] | None) -> str | None:
    """The data set of the first run that is to be a member."""
    return (await desk.run(members[0])).dataset if members else None


async def _dataset_of_backbone(desk: Desk, run: str | None) -> str | None:
    """The data set of the run whose adapted backbone is to be taken, where one is."""
    try:
        return await dataset_of_backbone(desk.runs, run) if run else None
    except SpecError as error:
        raise desk.refuse_input(error) from None


async def _only_dataset(desk: Desk) -> str:
    names = await desk.datasets.names()
    if len(names) == 1:
        return names[0]
    if not names:
        how = "the user can drop a zip on the page, or use the Data page or 'murascope data add NAME PATH'"
        raise desk.refuse("no_datasets", f"there are no data sets yet: {how}")
    raise desk.refuse("which_dataset", f"which data set is meant? (have: {', '.join(names)})", known=list(names))


async def _store(desk: Desk, plan: Plan, opened: ProposalRow | None) -> ProposalRow:
    """Revise the open plan, or make a new one that takes the place of older open ones."""
    if opened is None:
        return await propose(desk, plan)
    try:
        row = await desk.proposals.revise(opened.id, opened.revision, plan)
    except StalePlan as error:
        raise desk.refuse("stale", str(error)) from None
    await show_plan(desk, row, plan)
    return row
