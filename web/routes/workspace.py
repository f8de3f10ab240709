"""What every route needs: the open workspace and the renderer."""

from typing import Annotated

from fastapi import Depends, Request

from assistant.workspace import Workspace
from web.render import Renderer


def _workspace(request: Request) -> Workspace:
    opened: Workspace = request.app.state.workspace
    return opened


def _renderer(request: Request) -> Renderer:
    renderer: Renderer = request.app.state.renderer
    return renderer


Opened = Annotated[Workspace, Depends(_workspace)]
Drawn = Annotated[Renderer, Depends(_renderer)]
