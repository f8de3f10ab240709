"""Tool: make a version of a registered model the champion, the one at work."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.models.acts import NotPromoted
from assistant.models.aliases import NoSuchChange
from assistant.models.assessing import Assessment
from assistant.models.registry import Model, ModelRefused, UnknownModel
from assistant.runs.results import NoResults
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.registered import model_meant
from prompts.page_texts import filled, page_texts

TRAITS = Traits(asks_on="card")


async def promote_model(
    ctx: RunContext[Desk], run: str | None = None, registered: str | None = None, version: int | None = None
) -> dict[str, Any]:
    """Put a version of a registered model to work: it becomes the champion, and the champion before it is what rollback_model goes back to.
    Its model is loaded again first and must give its scores and keep the model's gate; what gives pause is told on the card that asks for the
    user's yes. A training that is not registered yet has to be, with register_model.

    Args:
        run: id of the training whose version is meant, such as r12.
        registered: name of the registered model, such as panels; left out: the only one there is.
        version: number of the version; left out: the candidate.
    """
    desk = ctx.deps
    model, number = await _meant(desk, run, registered, version)
    name = model.row.name
    try:
        if ctx.tool_call_approved:
            before = ctx.tool_call_metadata or {}
            why = f"yes in the conversation to: {before['warned']}" if before.get("warned") else ""
            promotion = await desk.models.promote(name, number, who="chat", why=why, seen=before.get("seen"))
            former = promotion.model.aliases.rollback
            promoted = promotion.model.version(promotion.assessment.version)
            return {"run": promoted.row.run, "name": name, "version": promoted.row.version, "before": former}
        assessment = await desk.models.assess(name, number)
    except NoSuchChange as error:
        raise desk.refuse("no_change", str(error), name=name, why=error.code, version=number) from None
    except (UnknownModel, ModelRefused, NotPromoted) as error:
        raise desk.refuse("cannot_promote", str(error), name=name, why=str(error)) from None
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    if assessment.refusals:
        said = _said(desk, assessment, "refuses")
        raise desk.refuse(
            "must_not", str(assessment.refusals[0].message), name=name, version=assessment.version, said=said
        )
    pause = _said(desk, assessment, "warns")
    asked = {
        "name": name,
        "version": assessment.version,
        "seen": assessment.revision,
        "how": "pause" if pause else "fine",
    }
    warned = "; ".join(check.message for check in assessment.warnings)
    raise ApprovalRequired(metadata={**asked, "pause": "; ".join(pause), "warned": warned})


async def _meant(desk: Desk, run: str | None, registered: str | None, version: int | None) -> tuple[Model, int | None]:
    """The model, and the number of the version where one is named."""
    if run is None:
        return await model_meant(desk, registered), version
    row = await desk.run(run)
    for model in await desk.models.registry.list():
        for each in model.versions:
            if each.row.run == row.id:
                return model, each.row.version
    raise desk.refuse("not_registered", f"run {row.id} is not registered: call register_model first", run=row.id)


def _said(desk: Desk, assessment: Assessment, outcome: str) -> list[str]:
    """What came out of the checks, in the person's language."""
    texts = page_texts(desk.language)
    return [
        filled(texts[f"check.{each.code}"], dict(each.values)) for each in assessment.checks if each.outcome == outcome
    ]
