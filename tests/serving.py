"""A real server as `murascope serve` starts it."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


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
