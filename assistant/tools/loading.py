"""Makes the folder's functions into the tools of an agent."""

from pydantic_ai import Tool

from assistant.tools import function_of, tool_names
from assistant.tools.desk import Desk


def load_tools() -> list[Tool[Desk]]:
    """Every tool of this folder."""
    return [Tool(function_of(name), takes_ctx=True, max_retries=3) for name in tool_names()]
