"""What the server lists, calls and answers. The tools are those of assistant/tools, with the schemas that an LLM gets."""

from collections.abc import Callable, Mapping
from typing import Any

from mcp.server import Server, ServerRequestContext
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent, Tool
from pydantic_core import to_json, to_jsonable_python

from assistant.chat.calls import Called
from assistant.machine.troubles import EXPECTED, report
from assistant.mcp.rooms import Rooms, Session
from assistant.refused import Refused
from assistant.tools.loading import load_tools
from prompts.rendering import render

Context = ServerRequestContext[Any, Any]


def make_server(
    rooms: Rooms, *, session: Callable[[Context], Session], address: Callable[[Context], str]
) -> Server[Any]:
    """The server of these rooms. `session` says who calls, `address` where people find the pages."""

    async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(each.tool_def) for each in load_tools()])

    async def call_tool(ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        who = session(ctx)
        try:
            room = await rooms.room(who)
            called = await room.call(params.name, params.arguments or {}, who.language)
        except Refused as error:
            return _result({"status": "refused", "code": error.code, "message": str(error)}, is_error=True)
        except EXPECTED as error:
            trouble = report(error, what=f"a call of {params.name}")
            told = {"status": "refused", "code": trouble.code, "message": trouble.message, "hint": trouble.hint}
            return _result(told, is_error=True)
        return _answer(called, page=f"{address(ctx)}/c/{room.id}")

    return Server(
        "murascope",
        title="Murascope",
        instructions=render("agent/mcp.md.j2"),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _tool(described: Any) -> Tool:
    return Tool(
        name=described.name,
        description=described.description,
        input_schema=described.parameters_json_schema,
    )


def _answer(called: Called, *, page: str) -> CallToolResult:
    """What a tool returned, with where it stands; of what waits for a yes, that it does, and where a person gives it."""
    about: dict[str, Any] = {"status": called.status, "page": page}
    if called.status == "needs_approval":
        about |= {"approve_at": page, "how": render("agent/needs_approval.md.j2", page=page)}
    return _result({**called.facts, **about}, is_error=called.status in ("refused", "invalid"))


def _result(facts: Mapping[str, Any], *, is_error: bool = False) -> CallToolResult:
    written = to_json(facts, inf_nan_mode="null").decode()
    return CallToolResult(
        content=[TextContent(text=written)],
        structured_content=to_jsonable_python(facts, inf_nan_mode="null"),
        is_error=is_error,
    )
