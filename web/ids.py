"""What an id in an address may look like. Anything else is not looked up at all."""

import re
from typing import Annotated

from fastapi import Path

ID = r"^[A-Za-z0-9_-]{1,64}$"
Id = Annotated[str, Path(pattern=ID)]
Name = Annotated[str, Path(min_length=1, max_length=200)]


def is_id(text: str) -> bool:
    return re.fullmatch(ID.strip("^$"), text) is not None
