"""The engine in processes of their own: `python -m engine run RUN --data PATH`, without the wait for torch."""

from pathlib import Path

from engine.contract.events import Event, read_events
from tests.forks import Fork, Loaded
from tests.serving import nothing_set

ENGINE = Loaded(
    "engine.tasks.detect.run", "engine.tasks.classify.run", "torch._dynamo"
)  # the last: optimisers ask for it
ENVIRONMENT = nothing_set() | {"MURASCOPE_HUB": "off", "OMP_NUM_THREADS": "1"}
RUN_MODULE = "import runpy\nrunpy.run_module('engine', run_name='__main__', alter_sys=True)"


def start_engine(*arguments: str, prepare: str = "") -> Fork:
    """`prepare`: lines of Python that the process begins with."""
    return ENGINE.start("-c", f"{prepare}\n{RUN_MODULE}", *arguments, environment=ENVIRONMENT)


def start(run: Path, data: Path, *, prepare: str = "") -> Fork:
    return start_engine("run", str(run), "--data", str(data), prepare=prepare)


def train(run: Path, data: Path, *, prepare: str = "") -> tuple[int, list[Event], str]:
    """Exit code, what was reported, and what was written as errors."""
    ended = start(run, data, prepare=prepare).complete()
    return ended.returncode, read_events(run) if run.is_dir() else [], ended.stderr
