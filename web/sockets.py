"""The two sockets: a conversation, and the events of a run. Both replay what the browser missed, then go on live."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from assistant.conversation import Conversation, FrameRefused
from assistant.frames import IN_FRAME, AssistantItem, DeltaFrame, ItemFrame, Language, OutFrame, TurnFrame
from assistant.workspace import Workspace
from web import markdown
from web.ids import is_id
from web.pace import paced
from web.render import Renderer
from web.wording import choose_language

router = APIRouter()
GONE = 4404  # close code: there is no such conversation or run; do not try again
DRAFT_SECONDS = 0.08
LEFT = (WebSocketDisconnect, RuntimeError)  # what sending raises when the page went away in the meantime


@router.websocket("/ws/c/{conversation}")
async def talk(socket: WebSocket, conversation: str, after: int = 0) -> None:
    """Items with `revision > after`, then live frames; takes what the user says, approves, edits, declines, stops."""
    workspace: Workspace = socket.app.state.workspace
    await socket.accept()
    try:
        opened = await workspace.conversations.get(conversation)
    except LookupError:
        await socket.close(GONE)
        return
    language = choose_language(socket, workspace.settings.language)
    with contextlib.suppress(WebSocketDisconnect):
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send(socket, opened, after, language))
            try:
                await _receive(socket, opened, language)
            finally:
                sending.cancel()


async def _receive(socket: WebSocket, conversation: Conversation, language: Language) -> None:
    """Hands on what the page sends until it disconnects. A frame that cannot be taken is answered, not fatal."""
    while True:
        try:
            message = await socket.receive_text()
        except WebSocketDisconnect:
            return
        try:
            await conversation.receive(IN_FRAME.validate_json(message), language)
        except ValidationError as error:
            await socket.send_json({"type": "refused", "code": "bad_frame", "message": str(error.errors()[0]["msg"])})
        except FrameRefused as refused:
            await socket.send_json({"type": "refused", "code": refused.code, "message": refused.message})


async def _send(socket: WebSocket, conversation: Conversation, after: int, language: Language) -> None:
    """Replay, then live. Text that is being written goes out as HTML of all of it so far, at a pace an eye can follow."""
    renderer: Renderer = socket.app.state.renderer
    drafts: dict[str, str] = {}

    async def send(frame: OutFrame) -> None:
        body: dict[str, Any] = frame.model_dump(mode="json")
        match frame:
            case ItemFrame():
                if isinstance(frame.item, AssistantItem):
                    drafts[frame.key] = frame.item.text
                body["html"] = await renderer.card(frame.key, frame.item, language)
            case DeltaFrame():
                drafts[frame.key] = drafts.get(frame.key, "") + frame.text
                body["html"] = markdown.to_html(drafts[frame.key])
        await socket.send_json(body)

    with contextlib.suppress(*LEFT):
        async with conversation.subscribe() as live:
            for key, revision, item in await conversation.items(after=after):
                await send(ItemFrame(key=key, revision=revision, item=item))
            await send(TurnFrame(state="working" if conversation.working else "idle"))
            async for frame in gathered(live):
                await send(frame)


async def gathered(frames: AsyncIterator[OutFrame], *, seconds: float = DRAFT_SECONDS) -> AsyncIterator[OutFrame]:
    """The frames, with words that come in quick succession put together to one delta."""
    draft: DeltaFrame | None = None
    upcoming = asyncio.ensure_future(anext(frames, None))
    deadline = 0.0
    clock = asyncio.get_running_loop().time
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=max(0.0, deadline - clock()) if draft else None)
            frame = upcoming.result() if done else None
            if done and draft and isinstance(frame, DeltaFrame) and frame.key == draft.key and clock() < deadline:
                draft = DeltaFrame(key=draft.key, text=draft.text + frame.text)
            else:
                if draft:
                    yield draft
                    draft = None
                if done and frame is None:
                    return
                if isinstance(frame, DeltaFrame):
                    draft, deadline = frame, clock() + seconds
                elif frame is not None:
                    yield frame
            if done:
                upcoming = asyncio.ensure_future(anext(frames, None))
    finally:
        upcoming.cancel()


@router.websocket("/ws/runs/{run}")
async def watch(socket: WebSocket, run: str, after: int = 0) -> None:
    """The run's events with `seq > after`, as they stand in its log; closes after the last one."""
    workspace: Workspace = socket.app.state.workspace
    await socket.accept()
    try:
        row = await workspace.runs.get(run if is_id(run) else "")
    except LookupError:
        await socket.close(GONE)
        return
    with contextlib.suppress(*LEFT):
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send_events(socket, workspace, row.id, after))
            try:
                while not sending.done():
                    await socket.receive_text()  # the page says nothing here; this notices that it left
            except WebSocketDisconnect:
                pass
            finally:
                sending.cancel()


async def _send_events(socket: WebSocket, workspace: Workspace, run: str, after: int) -> None:
    with contextlib.suppress(*LEFT):
        async for event in paced(workspace.runs.follow(run, after)):
            await socket.send_text(event.model_dump_json())
        await socket.close()
