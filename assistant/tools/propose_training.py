"""Tool: make or change a training plan and show it as a card. Starts nothing."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_ai import RunContext

from assistant.datasets import DatasetError
from assistant.frames import ProposalItem
from assistant.proposals import StalePlan
from assistant.specs import DEFAULT_MODEL, Plan, describe, make_plan
from assistant.store.tables import ProposalRow
from assistant.tools import Desk
from engine.spec import MODELS, SpecError, TrainSpec, setting_names


def _request_model() -> type[BaseModel]:
    """Every setting of TrainSpec and of all Params as one flat set of optional arguments; `make_spec` checks the ranges."""
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
                json_schema_extra={"enum": [*MODELS, None]},
            ),
        ),
    }
    for name, field in TrainSpec.model_fields.items():
        if name not in fields:
            fields[name] = (field.annotation | None, Field(default=None, description=field.description))  # type: ignore[operator]
    for model, params in MODELS.items():
        for name, field in params.model_fields.items():
            if name == "name":
                continue
            earlier = fields[name][1].description + "; " if name in fields else ""
            text = field.description or next(
                (meta.description for meta in field.metadata if getattr(meta, "description", None)), ""
            )
            fields[name] = (field.annotation | None, Field(default=None, description=f"{earlier}{model}: {text}"))  # type: ignore[operator]
    return create_model("TrainingRequest", __config__=ConfigDict(extra="forbid"), **fields)


if TYPE_CHECKING:

    class TrainingRequest(BaseModel):
        dataset: str | None
        model: str | None
else:
    TrainingRequest = _request_model()


async def propose_training(ctx: RunContext[Desk], request: TrainingRequest) -> dict[str, Any]:
    """Make a training plan, or change the open one, and show it to the user as a card. Nothing starts.

    Give only what the user asked for; everything else has good defaults. Without a data set and a model, the open plan (or the
    latest run) is taken over with the changes given here. The settings are checked; what is wrong comes back in words. After it,
    call start_training: that asks the user for the yes.
    """
    desk = ctx.deps
    asked = request.model_dump(exclude_none=True, exclude={"dataset", "model"})
    opened = await desk.proposals.latest_open(desk.conversation)
    runs = await desk.runs.list(conversation=desk.conversation, limit=1)
    before = opened or (runs[0] if runs else None)
    model = request.model or (before.model if before else DEFAULT_MODEL)
    dataset = request.dataset or (before.dataset if before else await _only_dataset(desk))
    kept: dict[str, Any] = {}
    if request.dataset is None and request.model is None and opened:
        kept = opened.chosen
    try:
        plan = await plan_training(desk, dataset=dataset, model=model, chosen={**kept, **asked})
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    row = await _store(desk, plan, opened if request.dataset is None and request.model is None else None)
    return {
        "proposal": row.id,
        "dataset": plan.spec.dataset,
        "model": plan.spec.model.name,
        "settings": {setting.name: setting.value for setting in describe(plan.spec)},
        "expected_seconds": round(plan.estimate.seconds),
        "notices": [notice.message for notice in plan.notices],
    }


async def plan_training(desk: Desk, *, dataset: str, model: str, chosen: dict[str, Any]) -> Plan:
    """A valid plan from what was chosen.

    Raises:
        SpecError, DatasetError: what is wrong, in words.
    """
    facts = await desk.datasets.facts(dataset)
    known = {name for each in MODELS for name in setting_names(each)}
    if model in MODELS:  # settings that belong to another model are left behind when the model changes
        chosen = {name: value for name, value in chosen.items() if name in setting_names(model) or name not in known}
    return make_plan(
        desk.settings, facts, model, chosen, await desk.runs.list(state="succeeded", model=model, limit=20)
    )


async def show_plan(desk: Desk, row: ProposalRow, plan: Plan, *, problems: dict[str, str] | None = None) -> None:
    """Draw the plan's card anew."""
    await desk.show(plan_key(row.id), proposal_item(row, plan, problems=problems))


def plan_key(proposal: str) -> str:
    return f"plan-{proposal}"


def proposal_item(row: ProposalRow, plan: Plan, *, problems: dict[str, str] | None = None) -> ProposalItem:
    return ProposalItem.model_validate(
        {
            "proposal": row.id,
            "revision": row.revision,
            "state": row.state,
            "dataset": plan.spec.dataset,
            "dataset_facts": {key: value for key, value in plan.facts.items() if key not in ("path", "broken")}
            | {"broken": len(plan.facts["broken"])},
            "model": plan.spec.model.name,
            "model_title": MODELS[plan.spec.model.name].title,
            "settings": describe(plan.spec, problems=problems),
            "notices": plan.notices,
            "estimate": plan.estimate,
            "run": row.run,
            "problem": (problems or {}).get(""),
        }
    )


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
    if opened is not None:
        try:
            row = await desk.proposals.revise(opened.id, opened.revision, plan)
        except StalePlan as error:
            raise desk.refuse("stale", str(error)) from None
    else:
        row, superseded = await desk.proposals.add(plan, conversation=desk.conversation)
        for old in superseded:
            await desk.update(plan_key(old.id), state="superseded")
    await show_plan(desk, row, plan)
    return row
