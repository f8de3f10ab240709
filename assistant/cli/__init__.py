"""The `murascope` command: one file per group of commands. Each verb imports what it needs, so that the help text comes at once."""

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from assistant.cli import cluster, data, models, queue, runs
from assistant.cli.bundle import bundle
from assistant.cli.chat import chat
from assistant.cli.common import INVALID, tell
from assistant.cli.compare import compare
from assistant.cli.data import demo
from assistant.cli.doctor import doctor
from assistant.cli.export import export
from assistant.cli.feedback import feedback
from assistant.cli.mcp import mcp
from assistant.cli.predict import predict
from assistant.cli.recommend import recommend
from assistant.cli.serve import serve
from assistant.cli.study import study
from assistant.cli.sweep import sweep
from assistant.cli.threshold import judge, threshold
from assistant.cli.track import track
from assistant.cli.train import adapt, extend, train
from assistant.cli.understand import learn, understand

app = typer.Typer(
    help="Train visual inspection models by talking in plain language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    serve,
    chat,
    mcp,
    train,
    extend,
    adapt,
    sweep,
    recommend,
    compare,
    threshold,
    export,
    predict,
    bundle,
    runs.delete,
    runs.restore,
    runs.report,
    models.register,
    models.promote,
    models.rollback,
    models.gate,
    models.drift,
    feedback,
    models.models,
    study,
    track,
    understand,
    learn,
    demo,
    doctor,
):
    app.command()(command)
app.command("test")(judge)
app.add_typer(data.app, name="data")
app.add_typer(runs.app, name="runs")
app.add_typer(queue.app, name="queue")
app.add_typer(models.app, name="list")
app.add_typer(cluster.app, name="cluster")


def main() -> NoReturn:
    os.environ.setdefault("PYDANTIC_AI_NO_BANNER", "1")
    gc.set_threshold(
        100_000, 10, 10
    )  # modules that are loaded are no garbage; looking through them each time costs a tenth of it
    try:
        app()
        code: int | str | None = 0
    except SystemExit as ended:
        code = ended.code
    except Exception as error:  # noqa: BLE001  (the command line's door)
        code = _told(error)
    _end_at_once(code)


def _told(error: Exception) -> int:
    """The exit code for what was expected, which is told in words; all else is raised again."""
    from assistant.machine.troubles import EXPECTED, explain
    from assistant.refused import Refused
    from assistant.settings import SettingError

    if isinstance(error, Refused | SettingError):
        tell(str(error))
        return INVALID
    if not isinstance(error, EXPECTED):
        raise error
    trouble = explain(error)
    if trouble.code == "internal":
        raise error
    tell(f"{trouble.message}; {trouble.hint}")
    return INVALID


def _end_at_once(code: int | str | None) -> NoReturn:
    """Everything is written by now, and Python would take half a second to put away what was loaded."""
    if isinstance(code, str):
        tell(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads any more
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
