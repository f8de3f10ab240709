"""A real server as `murascope serve` starts it, in an environment where nothing is set but what a test sets."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


# Variables that set Murascope up, or let it talk to a provider: none of the machine that the tests run on counts.
OURS = ("MURASCOPE_", "ANTHROPIC_", "OPENAI_")


def nothing_set() -> dict[str, str]:
    """The environment of this process without any of our variables."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def environment_of(home: Path) -> dict[str, str]:
    """An environment with this home folder, a free port, no way to the hub, and no MLflow beside it."""
    return (
        nothing_set()
        | {"MURASCOPE_HOME": str(home), "MURASCOPE_PORT": "0"}
        | {"MURASCOPE_HUB": "off", "MURASCOPE_TRACKING": "off"}
    )


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
