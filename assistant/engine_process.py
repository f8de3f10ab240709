"""Short questions to the engine, each answered by a process of its own: a hostile image can kill that process, never the server."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from assistant.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent


class EngineError(RuntimeError):
    """The engine could not answer; the message holds the last line it printed."""


async def ask_engine(settings: Settings, *arguments: str, timeout_s: float = 600) -> Any:
    """Run `python -m engine ARGUMENTS` and return the JSON it prints.

    Raises:
        EngineError: the process failed, printed no JSON, or took longer than `timeout_s` seconds.
    """
    process = await asyncio.create_subprocess_exec(
        *engine_command(*arguments),
        cwd=PROJECT,
        env=settings.engine_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        raise EngineError(f"the engine gave no answer to {arguments[0]!r} within {timeout_s:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return json.loads(out)
    except ValueError:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        raise EngineError(f"the engine could not {arguments[0]}: {last[0]}") from None


def engine_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "engine", *arguments]
