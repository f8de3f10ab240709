"""The server's log: lines for a terminal, or one JSON object a line, each with the run and the conversation that it is about.

Who works on a run or in a conversation says so once, with `about`; every line that is logged meanwhile, by whatever library, carries the
ids. Secrets are taken out before a line is made (masking.py). What a training prints stands in its run's own log, not here.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

OURS = ("assistant", "web")  # that tell more than what goes wrong

_run: ContextVar[str | None] = ContextVar("run", default=None)
_conversation: ContextVar[str | None] = ContextVar("conversation", default=None)


def set_up(form: Literal["text", "json"]) -> None:
    """Write every line of this process to stderr in this form, warnings of Python included; of libraries only what goes wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)


@contextmanager
def about(*, run: str | None = None, conversation: str | None = None) -> Iterator[None]:
    """What is logged in the block, and in the tasks and threads that it starts, is about this run, this conversation."""
    before = [(each, each.set(name)) for each, name in ((_run, run), (_conversation, conversation)) if name is not None]
    try:
        yield
    finally:
        for each, token in before:
            each.reset(token)


def go_on_about(*, run: str | None = None, conversation: str | None = None) -> None:
    """The same to the end of the present task."""
    for each, name in ((_run, run), (_conversation, conversation)):
        if name is not None:
            each.set(name)


def subject() -> dict[str, str]:
    """The ids that lines carry now."""
    ids = {"run": _run.get(), "conversation": _conversation.get()}
    return {name: each for name, each in ids.items() if each is not None}


class JsonLines(logging.Formatter):
    """time (UTC), level, logger, message; run and conversation where it is about one; error: the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **subject(),
        }
        if error := self.formatException(record.exc_info) if record.exc_info else record.exc_text:
            told["error"] = error
        return json.dumps(told, ensure_ascii=False, allow_nan=False)


class Lines(logging.Formatter):
    """2026-11-27 05:01:12 warning assistant.chat.turn [r12, 1f0c]: what happened."""

    def format(self, record: logging.LogRecord) -> str:
        time, ids = self.formatTime(record, "%Y-%m-%d %H:%M:%S"), ", ".join(subject().values())
        line = f"{time} {record.levelname.lower()} {record.name}{f' [{ids}]' if ids else ''}: {record.getMessage()}"
        error = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        return f"{line}\n{error}" if error else line
