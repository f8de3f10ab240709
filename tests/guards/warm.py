"""Runs tests in forks of itself, the libraries loaded already: most of the time of one small test is their import.

Reads lines of JSON, [folder of the tree, test], and answers each with a line [pytest's exit code, whether any test passed].
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from typing import IO

LIBRARIES = (
    "pytest",
    "hypothesis",
    "anyio",
    "numpy",
    "PIL.Image",
    "scipy.stats",
    "sklearn.metrics",
    "torch",
    "fastapi.testclient",
    "uvicorn",
    "sqlalchemy.ext.asyncio",
    "alembic.command",
    "pydantic_ai.models.function",
    "pydantic_ai.models.anthropic",
    "pydantic_ai.models.openai",
)
SECONDS = 300  # for one test; a fault may make it hang
FAILED = 1


def main() -> None:
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):  # a test that wants it says so itself
            importlib.import_module(name)
    for line in sys.stdin:
        tree, test = json.loads(line)
        print(json.dumps(run_apart(tree, test)), flush=True)


def run_apart(tree: str, test: str) -> tuple[int, bool]:
    """The exit code of one test in a tree, and whether anything passed; one that hangs has failed."""
    with tempfile.TemporaryFile("w+") as printed:
        child = os.fork()
        if child == 0:
            os._exit(_run_here(tree, test, printed))
        code = _wait(child)
        printed.seek(0)
        return code, " passed" in printed.read()


def _run_here(tree: str, test: str, printed: IO[str]) -> int:
    try:
        os.setsid()
        for descriptor in (1, 2):
            os.dup2(printed.fileno(), descriptor)
        os.chdir(tree)
        os.environ |= {"PYTHONPATH": tree, "PYTHONDONTWRITEBYTECODE": "1"}  # for the processes that the test starts
        sys.dont_write_bytecode = True
        sys.path[0] = tree
        import pytest

        return int(pytest.main(["-q", "-x", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", test]))
    finally:
        sys.stdout.flush()


def _wait(child: int) -> int:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _kill_group(child)  # what the test left running
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _kill_group(child)
    os.waitpid(child, 0)
    return FAILED


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


if __name__ == "__main__":
    main()
