"""Repeatability studies of models: begun from a folder of parts, listed, and each as a report."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from assistant.models.studies import told_of
from assistant.reports.study import study_page
from web.guard import REPORT_HEADERS
from web.ids import Id, Name
from web.routes.workspace import Drawn, Opened

router = APIRouter()


class Wish(BaseModel):
    """Where the parts lie: a folder of the machine that serves, or a registered data set; `good/PART/*.png` and `defective/PART/*.png`."""

    model_config = ConfigDict(extra="forbid")

    folder: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    dataset: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    who: str = Field(default="", max_length=80)

    @model_validator(mode="after")
    def _one_of_both(self) -> "Wish":
        if (self.folder is None) == (self.dataset is None):
            raise ValueError("name a folder or a dataset")
        return self


@router.get("/api/models/{name}/studies")
async def list_studies(name: Name, workspace: Opened) -> dict[str, Any]:
    """Those on record, the latest first, and the one that is being made, or why it was refused."""
    under_way = await workspace.studies.under_way(name)  # first: one that ends meanwhile is told as one of the two
    rows = await workspace.studies.of(name)
    return {
        "studies": [told_of(row) for row in rows],
        "under_way": None if under_way is None else under_way.told(),
    }


@router.post("/api/models/{name}/studies", status_code=202)
async def begin_study(name: Name, wish: Wish, workspace: Opened) -> dict[str, Any]:
    """Answers at once; `GET /api/models/{name}/studies` tells how far it is."""
    who = f"{wish.who.strip()}, page" if wish.who.strip() else "page"
    await workspace.studies.begin(name, folder=wish.folder, dataset=wish.dataset, who=who)
    return await list_studies(name, workspace)


@router.get("/api/models/{name}/studies/{study}")
async def describe_study(name: Name, study: Id, workspace: Opened) -> dict[str, Any]:
    return told_of(await workspace.studies.get(name, study))


@router.get("/api/models/{name}/studies/{study}/report.html")
async def study_report(request: Request, name: Name, study: Id, workspace: Opened, renderer: Drawn) -> Response:
    """As one file to keep, send or print, in the language of the page."""
    told = told_of(await workspace.studies.get(name, study))
    return HTMLResponse(study_page(told, renderer.language(request)), headers=REPORT_HEADERS)
