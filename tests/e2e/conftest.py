"""A real server as `murascope serve` starts it, and a real Chromium."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    quiet = [
        "--disable-quic",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
    ]
    return {"executable_path": CHROMIUM, "args": quiet, "headless": True}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the demo data set, as a newcomer has it after `make run`."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MURASCOPE_", "ANTHROPIC_", "OPENAI_"))
    }
    environment |= {
        "MURASCOPE_HOME": str(home),
        "MURASCOPE_PORT": "0",
        "MURASCOPE_HUB": "off",
        "MURASCOPE_WEIGHTS": str(SHARED / "weights"),
    }
    command = [sys.executable, "-c", "from assistant.cli import main; main()"]
    subprocess.run([*command, "demo"], env=environment, cwd=PROJECT, check=True)
    with serving(environment) as address:
        yield address


@contextmanager
def serving(environment: dict[str, str], *, under: Sequence[str] = ()) -> Iterator[str]:
    """A server as `murascope serve` starts it, in this environment, `under` a command such as nice; gives its address."""
    command = [*under, sys.executable, "-c", "from assistant.cli import main; main()", "serve"]
    process = subprocess.Popen(command, env=environment, cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait(20)
        assert process.stderr is not None
        process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"http://\S+", line):
            return found.group()
    raise AssertionError("the server did not start:\n" + "".join(said))
