"""The models that were registered, and the catalogue of those that can be trained, read from engine.contract.jobs, with the weights that lie
on this machine."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from assistant.kinds.installed_weights import installed_weights
from web.routes.workspace import Drawn, Opened

router = APIRouter()


@router.get("/models")
async def show_models(request: Request, workspace: Opened, renderer: Drawn) -> Response:
    weights = await asyncio.to_thread(installed_weights, workspace.settings)
    return await renderer.page(request, "models", weights=weights, registered=await workspace.models.registry.list())
