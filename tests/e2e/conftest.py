"""A server with the demo data set, and a real Chromium."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from assistant.offline.learned import learned
from tests.conftest import SHARED
from tests.serving import PROJECT, environment_of, serving

expect.set_options(timeout=30_000)  # a machine that is busy with other tests is no failure
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the demo data set, as a newcomer has it after `make run`."""
    learned()  # so that no server learns while a page waits for its first answer
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-c", "from assistant.cli import main; main()", "demo"]
    subprocess.run(command, env=environment_of(home), cwd=PROJECT, check=True)
    return home


@pytest.fixture(scope="session")
def server(demo_home: Path) -> Iterator[str]:
    """The address of a server in that home."""
    with serving(environment_of(demo_home) | {"MURASCOPE_WEIGHTS": str(SHARED / "weights")}) as address:
        yield address
