"""The catalogue of models, read from engine.contract.jobs."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from web.routes.workspace import Drawn

router = APIRouter()


@router.get("/models")
async def show_models(request: Request, renderer: Drawn) -> Response:
    return await renderer.page(request, "models")
