"""The `murascope` command: one file per group of commands. Each verb imports what it needs, so that the help text comes at once."""

import os
import sys

import typer

from assistant.cli import cluster, data, runs
from assistant.cli.chat import chat
from assistant.cli.common import INVALID, tell
from assistant.cli.compare import compare
from assistant.cli.data import demo
from assistant.cli.doctor import doctor
from assistant.cli.mcp import mcp
from assistant.cli.recommend import recommend
from assistant.cli.serve import serve
from assistant.cli.sweep import sweep
from assistant.cli.threshold import judge, threshold
from assistant.cli.train import train
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
    sweep,
    recommend,
    compare,
    threshold,
    runs.delete,
    runs.restore,
    runs.report,
    understand,
    learn,
    demo,
    doctor,
):
    app.command()(command)
app.command("test")(judge)
app.add_typer(data.app, name="data")
app.add_typer(runs.app, name="runs")
app.add_typer(cluster.app, name="cluster")


def main() -> None:
    os.environ.setdefault("PYDANTIC_AI_NO_BANNER", "1")
    from assistant.machine.troubles import EXPECTED, explain
    from assistant.refused import Refused
    from assistant.settings import SettingError

    try:
        app()
    except Refused as error:
        tell(str(error))
        sys.exit(INVALID)
    except SettingError as error:
        tell(str(error))
        sys.exit(INVALID)
    except EXPECTED as error:
        trouble = explain(error)
        if trouble.code == "internal":
            raise
        tell(f"{trouble.message}; {trouble.hint}")
        sys.exit(INVALID)
