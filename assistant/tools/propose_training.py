"""Tool: make or change a training plan and show it as a card. Starts nothing."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_ai import RunContext

from assistant.datasets import DatasetError
from assistant.plans import plan_key, plan_training, show_plan
from assistant.proposals import StalePlan
from assistant.specs import DEFAULT_MODEL, Plan, describe
from assistant.store.tables import ProposalRow
from assistant.tools import Desk
from engine.params import MODELS
from engine.spec import SpecError, TrainSpec, description_of


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
            text = description_of(field)
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
    revised = opened if request.dataset is None and request.model is None else None
    row = await _store(desk, plan, revised)
    return {
        "proposal": row.id,
        "dataset": plan.spec.dataset,
        "model": plan.spec.model.name,
        "changed": asked if revised else {},
        "settings": {setting.name: setting.value for setting in describe(plan.spec)},
        "expected_seconds": round(plan.estimate.seconds),
        "notices": [notice.message for notice in plan.notices],
    }


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
