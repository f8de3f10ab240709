"""The two sockets: a conversation, and the events of a run. Both replay what the browser missed, then go on live."""

import asyncio
import contextlib
import logging
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from pydantic_core import to_json

from assistant.chat.conversation import Conversation
from assistant.chat.frame_refused import FrameRefused
from assistant.chat.histories import UnknownConversation
from assistant.frames import IN_FRAME, DeltaFrame, ItemFrame, OutFrame, Say, TurnFrame
from assistant.machine.troubles import EXPECTED, report
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import UnknownRun
from assistant.workspace import Workspace
from engine.contract.events import DamagedLog
from prompts.languages import Language
from web import markdown
from web.ids import is_id
from web.pace import paced
from web.render import Renderer
from web.wording import choose_language

logger = logging.getLogger(__name__)
router = APIRouter()
GONE = 4404  # close code: there is no such conversation or run; do not try again
COME_BACK = 1013  # close code: connect again and ask for what was missed
LONGEST_FRAME = 200_000  # characters; a message of 20,000 fits, however its letters are escaped
DRAFT_SECONDS = 0.08  # between two drawings of an answer that is being written
# What sending raises when the page left; RuntimeError when its goodbye was answered already. Receiving is told of it too.
LEFT = (WebSocketDisconnect, RuntimeError)


@router.websocket("/ws/c/{conversation}")
async def talk(socket: WebSocket, conversation: str, after: int = 0) -> None:
    """Items with `revision > after`, then live frames; takes what the user says, approves, edits, declines, stops."""
    workspace: Workspace = socket.app.state.workspace
    await socket.accept()
    try:
        opened = await workspace.conversations.get(conversation)
    except UnknownConversation:
        await _close(socket, GONE)
        return
    language = choose_language(socket, workspace.settings.language)
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send(socket, opened, after, language))
        await _receive(socket, opened, language)
        sending.cancel()


async def _receive(socket: WebSocket, conversation: Conversation, language: Language) -> None:
    """Hands on what the page sends until it leaves. Whatever goes wrong with one frame is answered, and the next one is taken."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        text = message.get("text") or ""
        if len(text) > LONGEST_FRAME:  # looked at before it is read: reading takes time and room
            await _refuse(
                socket, "too_long", f"this frame has {len(text)} characters; at most {LONGEST_FRAME} are taken"
            )
            continue
        try:
            frame = IN_FRAME.validate_json(text)
        except ValidationError as error:
            why = error.errors(include_input=False, include_url=False)[0]
            await _refuse(socket, "too_long" if why["type"] == "string_too_long" else "bad_frame", why["msg"])
            continue
        key = frame.key if isinstance(frame, Say) else ""
        try:
            await conversation.receive(frame, language)
        except FrameRefused as refused:
            await _refuse(socket, refused.code, refused.message, key)
        except UnknownConversation:  # deleted from another page
            await _close(socket, GONE)
        except EXPECTED as error:
            trouble = report(error, what=f"a {frame.type} frame in conversation {conversation.id}")
            await _refuse(socket, trouble.code, f"{trouble.message}; {trouble.hint}", key)
        except Exception:
            logger.exception("a %s frame in conversation %s failed", frame.type, conversation.id)
            await _refuse(socket, "internal", "something went wrong on our side; try again", key)


async def _refuse(socket: WebSocket, code: str, message: str, key: str = "") -> None:
    """`key` names the message that was refused, so that the page can give it back to who wrote it."""
    with contextlib.suppress(*LEFT):
        await socket.send_json({"type": "refused", "code": code, "message": message, "key": key})


async def _send(socket: WebSocket, conversation: Conversation, after: int, language: Language) -> None:
    """Replay, then live, until the page leaves. When it cannot go on for another reason, the page is told to come back."""
    try:
        async with conversation.subscribe() as live:
            for key, revision, item in await conversation.items(after=after):
                await _send_frame(socket, ItemFrame(key=key, revision=revision, item=item), language)
            await _send_frame(socket, TurnFrame(state="working" if conversation.working else "idle"), language)
            async for frame in live:
                await _send_frame(socket, frame, language)
                if isinstance(frame, DeltaFrame):
                    await asyncio.sleep(DRAFT_SECONDS)  # meanwhile newer text takes the place of what waits
    except Exception:
        logger.exception("nothing more can be sent to a page of conversation %s", conversation.id)
    await _close(socket, COME_BACK)


async def _send_frame(socket: WebSocket, frame: OutFrame, language: Language) -> None:
    """One frame, with what the page shows of it as HTML."""
    renderer: Renderer = socket.app.state.renderer
    body: dict[str, Any] = frame.model_dump(mode="json")
    match frame:
        case ItemFrame():
            body["html"] = await renderer.card(frame.key, frame.item, language)
        case DeltaFrame():
            body["html"] = markdown.to_html(frame.text)
    with contextlib.suppress(*LEFT):
        await socket.send_text(to_json(body, inf_nan_mode="null").decode())  # JSON has no nan


@router.websocket("/ws/runs/{run}")
async def watch(socket: WebSocket, run: str, after: int = 0) -> None:
    """The run's events with `seq > after`, as they stand in its log; closes after the last one.

    Of an ended run whose log is damaged the last frame is of type "damaged": what is wrong, and the state on record.
    """
    workspace: Workspace = socket.app.state.workspace
    await socket.accept()
    try:
        row = await workspace.runs.get(run if is_id(run) else "")
    except UnknownRun:
        await _close(socket, GONE)
        return
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send_events(socket, workspace, row.id, after))
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass  # the page says nothing here; this notices that it left
        sending.cancel()


async def _send_events(socket: WebSocket, workspace: Workspace, run: str, after: int) -> None:
    code = COME_BACK
    try:
        async for event in paced(workspace.runs.follow(run, after, thinned=True)):
            with contextlib.suppress(*LEFT):
                await socket.send_text(event.model_dump_json())
        code = 1000
    except RunElsewhere:  # the page asks for the state on record from time to time
        code = GONE
    except DamagedLog as damage:
        row = await workspace.runs.get(run)
        end = {"type": "damaged", "message": str(damage), "state": row.state, "reason": row.reason, "hint": row.hint}
        with contextlib.suppress(*LEFT):
            await socket.send_json(end)
        code = 1000
    except Exception:
        logger.exception("no more events of run %s can be sent", run)
    await _close(socket, code)


async def _close(socket: WebSocket, code: int) -> None:
    with contextlib.suppress(*LEFT):
        await socket.close(code)
