"""Short questions to the engine, each answered by a process of its own: a hostile image can kill that process, never the server."""

import json
from typing import Any

from assistant.machine.engine_environment import engine_environment
from assistant.machine.own_process import NoAnswer, ask, engine_command
from assistant.settings import Settings


class EngineError(RuntimeError):
    """The engine could not answer; the message holds the last line it printed."""


async def ask_engine(settings: Settings, *arguments: str, timeout_s: float = 600) -> Any:
    """Run `python -m engine ARGUMENTS` and return the JSON it prints.

    Raises:
        EngineError: the process failed, printed no JSON, or took longer than `timeout_s` seconds.
    """
    command = engine_command("--asked", *arguments)
    try:
        answer = await ask(command, engine_environment(settings), timeout_s=timeout_s)
    except NoAnswer:
        raise EngineError(f"the engine gave no answer to {arguments[0]!r} within {timeout_s:.0f} s") from None
    try:
        return json.loads(answer.out)
    except ValueError:
        raise EngineError(f"the engine could not {arguments[0]}: {answer.last_words}") from None
