"""Conversations: their page, and making, renaming and deleting them."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, field_validator

from assistant.data.names import JOINERS, is_one_visible_line
from web.ids import Id
from web.routes.workspace import Drawn, Opened

router = APIRouter()


class Title(BaseModel):
    title: str = Field(min_length=1, max_length=200)

    @field_validator("title")
    @classmethod
    def _can_be_seen(cls, title: str) -> str:
        if not is_one_visible_line(title, allowed=JOINERS):
            raise ValueError("a title is one line, without characters that cannot be seen")
        return title


@router.get("/c/{conversation}")
async def show(request: Request, conversation: Id, workspace: Opened, renderer: Drawn) -> Response:
    """A conversation with all that was said, ready to go on."""
    opened = await workspace.conversations.get(conversation)
    items = await opened.items()
    return await renderer.page(
        request,
        "conversation",
        conversation=opened,
        cards=await renderer.cards(items, renderer.language(request)),
        revision=max((revision for _, revision, _ in items), default=0),
        working=opened.working,
        datasets=await workspace.datasets.list(),
    )


@router.post("/api/conversations", status_code=201)
async def create(request: Request, workspace: Opened, renderer: Drawn) -> dict[str, str]:
    return {"id": (await workspace.conversations.create(renderer.language(request))).id}


@router.patch("/api/conversations/{conversation}")
async def rename(conversation: Id, title: Title, workspace: Opened) -> dict[str, str]:
    await workspace.conversations.rename(conversation, title.title)
    return {"id": conversation, "title": title.title}


@router.delete("/api/conversations/{conversation}", status_code=204)
async def delete(conversation: Id, workspace: Opened) -> None:
    await workspace.conversations.delete(conversation)
