"""What every route needs: the open workspace, the renderer, and small pictures."""

from typing import Annotated

from fastapi import Depends, Request

from assistant.workspace import Workspace
from web.pictures import SmallPictures
from web.render import Renderer


def _workspace(request: Request) -> Workspace:
    opened: Workspace = request.app.state.workspace
    return opened


def _renderer(request: Request) -> Renderer:
    renderer: Renderer = request.app.state.renderer
    return renderer


def _pictures(request: Request) -> SmallPictures:
    pictures: SmallPictures = request.app.state.pictures
    return pictures


Opened = Annotated[Workspace, Depends(_workspace)]
Drawn = Annotated[Renderer, Depends(_renderer)]
Shown = Annotated[SmallPictures, Depends(_pictures)]
