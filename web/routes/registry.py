"""Models by name: their pages, and what a person does with them there."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from assistant.models.acts import told_of, told_of_version
from assistant.models.gate import Gate
from assistant.models.registry import Model
from assistant.reports.study import figures_of
from engine.contract.jobs import KINDS
from engine.contract.joining import extended_models
from web.ids import Name
from web.routes.workspace import Drawn, Opened

router = APIRouter()
Who = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class Decision(BaseModel):
    """Who decides, and why. `seen` is the revision of the model that he has seen."""

    model_config = ConfigDict(extra="forbid")

    who: Who = ""
    why: Why = ""
    seen: int | None = None

    @property
    def signed(self) -> str:
        return f"{self.who}, page" if self.who else "page"


class Registration(Decision):
    run: str = Field(max_length=64)
    note: str = ""
    tags: list[str] = []


class OfVersion(Decision):
    version: int | None = Field(default=None, ge=1)


class GateSet(Decision):
    gate: Gate | None


@router.get("/models/{name}")
async def show_model(request: Request, name: Name, workspace: Opened, renderer: Drawn) -> Response:
    model = await workspace.models.registry.get(name)
    champion = model.with_alias("champion")
    history, false = await workspace.models.registry.history(model.row.name)
    studies = await workspace.studies.of(model.row.name)
    return await renderer.page(
        request,
        "model",
        model=model,
        champion=champion,
        extended=champion or (model.versions[0] if model.versions else None),
        extended_models=extended_models(),
        history=list(reversed(history)),
        first_false=false,
        types=_types(model),
        has_threshold=KINDS[model.row.kind].has_threshold,
        datasets=await workspace.datasets.names(),
        studies=studies,
        figures=figures_of(studies[0].told, renderer.language(request)) if studies else [],
    )


@router.get("/api/models")
async def describe_models(workspace: Opened) -> list[dict[str, Any]]:
    return [told_of(model) for model in await workspace.models.registry.list()]


@router.get("/api/models/{name}")
async def describe_model(name: Name, workspace: Opened) -> dict[str, Any]:
    return told_of(await workspace.models.registry.get(name))


@router.get("/api/models/{name}/history")
async def describe_history(name: Name, workspace: Opened) -> dict[str, Any]:
    """What was done, the oldest first; `first_false` is the number of the first act that is not what was signed."""
    acts, false = await workspace.models.registry.history(name)
    named = ("number", "act", "version", "who", "why", "told", "signature")
    told = [{**{each: getattr(act, each) for each in named}, "when": act.created_at.isoformat()} for act in acts]
    return {"acts": told, "first_false": false}


@router.get("/api/models/{name}/drift")
async def describe_drift(name: Name, workspace: Opened) -> dict[str, Any]:
    """Of a model by its name, NAME@3, or the run of one: whether what it is shown lately still looks like its good images."""
    return (await workspace.models.drift(name)).told()


@router.post("/api/models/{name}/versions", status_code=201)
async def register(name: Name, asked: Registration, workspace: Opened) -> dict[str, Any]:
    version = await workspace.models.register(
        name, asked.run, who=asked.signed, why=asked.why, note=asked.note, tags=asked.tags
    )
    return told_of_version(version)


@router.post("/api/models/{name}/assess")
async def assess(request: Request, name: Name, asked: OfVersion, workspace: Opened, renderer: Drawn) -> dict[str, Any]:
    """Whether a version may be promoted, as facts and as the page draws them. The model is loaded for it: it takes seconds or more."""
    assessment = await workspace.models.assess(name, asked.version)
    html = renderer.part(renderer.language(request), "checks", assessment=assessment)
    return {**assessment.told(), "html": html}


@router.post("/api/models/{name}/promote")
async def promote(name: Name, asked: OfVersion, workspace: Opened) -> dict[str, Any]:
    promotion = await workspace.models.promote(name, asked.version, who=asked.signed, why=asked.why, seen=asked.seen)
    return {**promotion.assessment.told(), "model": told_of(promotion.model)}


@router.post("/api/models/{name}/rollback")
async def roll_back(name: Name, asked: Decision, workspace: Opened) -> dict[str, Any]:
    return told_of(await workspace.models.roll_back(name, who=asked.signed, why=asked.why, seen=asked.seen))


@router.put("/api/models/{name}/gate")
async def set_gate(name: Name, asked: GateSet, workspace: Opened) -> dict[str, Any]:
    return told_of(await workspace.models.set_gate(name, asked.gate, who=asked.signed, why=asked.why))


@router.delete("/api/models/{name}/versions/{version}")
async def delete_version(name: Name, version: int, workspace: Opened) -> dict[str, Any]:
    return told_of(await workspace.models.registry.delete(name, version, who="page"))


def _types(model: Model) -> list[str]:
    """Every defect type or class that a version was tested with."""
    return sorted({name for version in model.versions for name in version.facts.escapes})
