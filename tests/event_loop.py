"""Watches, while tests run, that no event loop waits for a file: what the product opens, lists, locks or deletes there is noted.

Python tells its audit hooks of every such call; one made in a thread whose event loop is running, by a function of ours, is one
that a full, slow or locked disk turns into a server that answers nobody. A look at a file's status is not told of; those, and
what else can be read off the source, are found by tests/test_event_loop.py.
"""

import asyncio
import inspect
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PRODUCT = tuple(str(PROJECT / folder) + os.sep for folder in ("assistant", "web"))
INSTALLED = (str(PROJECT) + os.sep, sys.prefix, sys.base_prefix, "/usr/", "/dev/")  # read once, then kept in memory
FILES = frozenset(
    (
        "open",
        "os.listdir",
        "os.scandir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.truncate",
        "shutil.rmtree",
    )
)
LOCKS = frozenset(("fcntl.flock", "fcntl.lockf", "time.sleep"))

blocked: list[str] = []  # what was noted since it was last asked for


def watch() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in FILES and event not in LOCKS:
        return
    if asyncio._get_running_loop() is None or (event in FILES and _is_installed(arguments[0])):
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_ours(frame):
        frame = frame.f_back
    if frame is not None:
        where = f"{Path(frame.f_code.co_filename).relative_to(PROJECT)}:{frame.f_lineno}"
        blocked.append(f"{where} in {frame.f_code.co_name}: {event} {arguments[:1]}")


def _is_ours(frame: FrameType) -> bool:
    """An async function of the product: what a test itself reads in its own loop is its own affair."""
    flags = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    return bool(frame.f_code.co_flags & flags) and frame.f_code.co_filename.startswith(PRODUCT)


def _is_installed(path: Any) -> bool:
    if not isinstance(path, str | os.PathLike):
        return isinstance(path, int)  # a descriptor that is open already
    return (os.path.abspath(os.fspath(path)) + os.sep).startswith(INSTALLED)  # the project's own folder too
