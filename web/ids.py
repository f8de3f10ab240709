"""What an id in an address may look like. Anything else is not looked up at all, and never logged as one."""

import re
from typing import Annotated

from fastapi import Path
from starlette.requests import HTTPConnection

from assistant.machine import logs

ID = r"^[A-Za-z0-9_-]{1,64}$"
Id = Annotated[str, Path(pattern=ID)]
Name = Annotated[str, Path(min_length=1, max_length=200)]


def is_id(text: str) -> bool:
    return re.fullmatch(ID.strip("^$"), text) is not None


async def log_ids(connection: HTTPConnection) -> None:
    """What is logged while a route is served is about the run or the conversation of its address."""
    ids = connection.path_params
    run, conversation = (name if is_id(name) else None for name in (ids.get("run", ""), ids.get("conversation", "")))
    logs.go_on_about(run=run, conversation=conversation)
