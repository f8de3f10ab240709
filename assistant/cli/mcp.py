"""`murascope mcp`: the tools for another agent, over stdin and stdout."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.common import settings_here
from assistant.cli.languages import LanguageOption, as_language

if TYPE_CHECKING:
    from assistant.settings import Settings
    from prompts.languages import Language


def mcp(
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="Id of a conversation to call in; default: one of its own.")
    ] = None,
    language: LanguageOption = None,
) -> None:
    """Serve the assistant's tools to another agent (MCP) over stdin and stdout. What needs a yes is approved in the page."""
    settings = settings_here()
    asyncio.run(_serve(settings, conversation, as_language(language, settings)))


async def _serve(settings: "Settings", conversation: str | None, language: "Language") -> None:
    from mcp.server.stdio import stdio_server

    from assistant.mcp.rooms import Rooms, Session, address_of
    from assistant.mcp.server import Context, make_server
    from assistant.mcp.unreadable import Readable
    from assistant.workspace import Workspace

    def session(ctx: Context) -> Session:
        client = ctx.session.client_params
        name = client.client_info.name if client else ""
        return Session("stdio", client=name, conversation=conversation, language=language)

    async with Workspace.open(settings) as workspace:
        if conversation is not None:
            await workspace.conversations.get(conversation)  # an unknown one is refused at once
        server = make_server(Rooms(workspace), session=session, address=lambda _: address_of(settings))
        async with stdio_server() as (reading, writing):
            await server.run(Readable(reading, writing), writing, server.create_initialization_options())
