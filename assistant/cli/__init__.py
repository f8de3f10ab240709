"""The `murascope` command. Each verb imports what it needs, so that the help text comes at once."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.data.left_out import lines_of
from assistant.kinds import DEFAULT_KIND, kind_names
from engine.contract.jobs import KINDS

if TYPE_CHECKING:
    from assistant.settings import Settings

app = typer.Typer(
    help="Train visual inspection models by talking in plain language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(help="Register, list, rename and remove data sets.", no_args_is_help=True)
runs_app = typer.Typer(help="List, show, stop and continue trainings.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(runs_app, name="runs")


def _models_by_kind() -> str:
    named = {name: ", ".join(KINDS[name].models()) for name in kind_names()}
    if len(named) == 1:
        return f"One of {named[DEFAULT_KIND]}"
    return "; ".join(f"for {name}: {models}" for name, models in named.items())


def _known_task(task: str) -> str:
    if task not in kind_names():
        raise typer.BadParameter(f"{task!r} is not one of {', '.join(kind_names())}")
    return task


JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
INVALID = 2
LONGEST_FRAME_BYTES = 1 << 20  # over a socket; a page never sends as much


def main() -> None:
    os.environ.setdefault("PYDANTIC_AI_NO_BANNER", "1")
    from assistant.machine.troubles import EXPECTED, explain
    from assistant.settings import SettingError

    try:
        app()
    except SettingError as error:
        _tell(str(error))
        sys.exit(INVALID)
    except EXPECTED as error:
        trouble = explain(error)
        if trouble.code == "internal":
            raise
        _tell(f"{trouble.message}; {trouble.hint}")
        sys.exit(INVALID)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (MURASCOPE_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (MURASCOPE_PORT).")] = None,
) -> None:
    """Start the server and print its address."""
    import socket

    import uvicorn

    settings = _settings(host=host, port=port)
    for name, value in (("HOME", settings.home), ("HOST", settings.host), ("PORT", settings.port)):
        os.environ[f"MURASCOPE_{name}"] = str(value)  # the application reads its settings from the environment
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(128)  # from here on a browser waits instead of being refused
    except OSError as error:
        _refuse(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}): is Murascope running already? MURASCOPE_PORT chooses another port"
        )
    asyncio.run(_open_once(settings))  # what hinders it is said here, in words, and the schema is brought up to date
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    _tell(f"Murascope is at http://{shown}:{listening.getsockname()[1]}  (Ctrl+C ends the server; trainings go on)")
    # Named, not imported: the assistant knows nothing of the web. A frame over the limit closes its socket with code 1009.
    config = uvicorn.Config(
        "web.app:app_from_environment",
        factory=True,
        log_level="warning",
        server_header=False,
        ws_max_size=LONGEST_FRAME_BYTES,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])


async def _open_once(settings: "Settings") -> None:
    from assistant.workspace import Workspace

    async with Workspace.open(settings):
        pass


@app.command()
def train(
    data: Annotated[str, typer.Option("--data", help="A registered data set, or a folder.")],
    task: Annotated[
        str, typer.Option("--task", callback=_known_task, help=f"What is to be learnt: {', '.join(kind_names())}.")
    ] = DEFAULT_KIND,
    model: Annotated[str | None, typer.Option("--model", help=f"{_models_by_kind()}.", show_default=False)] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as image_size=256; as often as needed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train without a server. Progress goes to stderr; Ctrl+C stops the run cleanly."""
    from assistant.cli.train import train_here

    def confirmed() -> bool:
        return yes or (sys.stdin.isatty() and typer.confirm("Start?", err=True))

    raise typer.Exit(
        asyncio.run(
            train_here(_settings(), data, changes or [], kind=task, model=model, confirmed=confirmed, as_json=as_json)
        )
    )


@app.command()
def understand(
    text: Annotated[str | None, typer.Argument(help="One sentence.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help='Lines {"id", "language", "text"}.')] = None,
    datasets: Annotated[
        str | None,
        typer.Option("--datasets", help="Names of the data sets, separated by commas; default: the registered ones."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="en, ko or zh; default: read off the text.")
    ] = None,
) -> None:
    """Print the tool call that the built-in assistant would make of a sentence. Nothing is called."""
    from assistant.offline.understand import understand as read

    names = datasets.split(",") if datasets is not None else _registered_names()
    names = [name.strip() for name in names if name.strip()]

    def answer(sentence: str, spoken: Any) -> dict[str, Any]:
        call = read(sentence, datasets=names, language=spoken if spoken in ("en", "ko", "zh") else None)
        return {"tool": call.tool, "arguments": call.arguments} if call else {"tool": None, "arguments": {}}

    if file is not None:
        if not file.is_file():
            _refuse(f"there is no file {file}")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                try:
                    asked = json.loads(line)
                    said = {"id": asked["id"], **answer(asked["text"], asked.get("language", language))}
                except (ValueError, KeyError, TypeError) as error:
                    _refuse(f'{file}, line {number}: expected {{"id", "language", "text"}} as JSON ({error})')
                print(json.dumps(said, ensure_ascii=False, allow_nan=False))
    elif text is not None:
        print(json.dumps(answer(text, language), ensure_ascii=False, allow_nan=False))
    else:
        _refuse("give a sentence or --file")


@app.command()
def demo() -> None:
    """Make the demo data set "oled" (computer-made panel images) and register it; done once."""
    raise typer.Exit(asyncio.run(_demo()))


@app.command()
def doctor() -> None:
    """Say what this installation has: folders, weights, the LLM (asked for a real tool call), the engine's libraries."""
    raise typer.Exit(asyncio.run(_doctor()))


@data_app.command("add")
def data_add(
    name: Annotated[str, typer.Argument(help="Name of the data set.")],
    path: Annotated[Path, typer.Argument(help="A folder, or a zip.")],
) -> None:
    """Check a folder (or unpack a zip) and register it."""
    raise typer.Exit(asyncio.run(_data_add(name, path)))


@data_app.command("check")
def data_check(path: Annotated[Path, typer.Argument(help="A folder.")], as_json: JsonFlag = False) -> None:
    """Say what would be made of a folder, and what is left out and why; nothing is registered."""
    raise typer.Exit(asyncio.run(_data_check(path, as_json=as_json)))


@data_app.command("list")
def data_list(as_json: JsonFlag = False) -> None:
    """List the registered data sets."""
    raise typer.Exit(asyncio.run(_data_list(as_json=as_json)))


@data_app.command("rename")
def data_rename(
    name: Annotated[str, typer.Argument(help="Name of the data set.")],
    new: Annotated[str, typer.Argument(help="What it is to be called.")],
) -> None:
    """Call a data set otherwise. Its runs are listed under the new name."""
    raise typer.Exit(asyncio.run(_data_rename(name, new)))


@data_app.command("remove")
def data_remove(name: Annotated[str, typer.Argument(help="Name of the data set.")]) -> None:
    """Forget a data set. A registered folder is left alone; an uploaded one is deleted."""
    raise typer.Exit(asyncio.run(_data_remove(name)))


@runs_app.command("list")
def runs_list(as_json: JsonFlag = False) -> None:
    """List the trainings, the newest first."""
    raise typer.Exit(asyncio.run(_runs_list(as_json=as_json)))


@runs_app.command("show")
def runs_show(
    run: Annotated[str, typer.Argument(help="Id, such as r12.")],
    language: Annotated[str, typer.Option(help="en, ko or zh.")] = "en",
) -> None:
    """Print the summary of a training."""
    raise typer.Exit(asyncio.run(_runs_show(run, language)))


@runs_app.command("stop")
def runs_stop(run: Annotated[str, typer.Argument(help="Id, such as r12.")]) -> None:
    """Stop a training that waits or runs under a server."""
    raise typer.Exit(asyncio.run(_runs_stop(run)))


@runs_app.command("continue")
def runs_continue(run: Annotated[str, typer.Argument(help="Id, such as r12.")], as_json: JsonFlag = False) -> None:
    """Take up a failed or stopped training: from its checkpoint where there is one, else from its beginning. Runs here, as train does."""
    from assistant.cli.train import continue_here

    raise typer.Exit(asyncio.run(continue_here(_settings(), run, as_json=as_json)))


# ---- data, runs, doctor ----


async def _demo() -> int:
    from assistant.data.datasets import DatasetError
    from assistant.machine.engine_process import EngineError, ask_engine

    settings = _settings()
    folder, done = settings.home / "demo" / "oled", settings.home / "demo" / "registered"
    if done.exists():  # it stays away when the user has removed it
        return 0
    from assistant.workspace import Workspace

    try:
        await ask_engine(settings, "demo", str(folder))
        async with Workspace.open(settings) as workspace:
            await workspace.datasets.add("oled", folder, origin="demo")
        done.touch()
    except (EngineError, DatasetError) as error:
        _tell(f"the demo data set could not be made: {error}")
        return 1
    return 0


async def _data_add(name: str, path: Path) -> int:
    from assistant.data.datasets import DatasetError
    from assistant.data.uploads import under_way
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        try:
            if path.is_file():
                async with under_way(workspace.settings) as upload:
                    row = await workspace.datasets.add_archive(name, path, upload)
            else:
                row = await workspace.datasets.add(name, path)
        except DatasetError as error:
            _tell(str(error))
            return INVALID
    facts = row.facts
    print(
        f"{row.name}: {facts['train_good']} good images to learn from; to test with, {facts['test_good']} good and {facts['test_defective']} defective ({row.layout})"
    )
    for line in lines_of(facts):
        print(f"  {line}")
    return 0


async def _data_check(path: Path, *, as_json: bool) -> int:
    from assistant.data.datasets import DatasetError
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        try:
            facts = await workspace.datasets.look_into(path)
        except DatasetError as error:
            if as_json:
                problem = {"code": error.code, "message": error.message, "hint": error.hint, "values": error.values}
                print(json.dumps({"path": str(path), "problems": [problem]}, ensure_ascii=False, allow_nan=False))
            _tell(str(error))
            return INVALID
    if as_json:
        print(
            json.dumps(
                {name: value for name, value in facts.items() if name != "images"}, ensure_ascii=False, allow_nan=False
            )
        )
    else:
        _print_check(facts)
    return INVALID if facts["problems"] else 0


def _print_check(facts: dict[str, Any]) -> None:
    """What a data set is read as, then what a person should know before it is trained on."""
    print(
        f"{facts['train_good']} good images to learn from; to test with, {facts['test_good']} good and {facts['test_defective']} defective, "
        f"{facts['masks']} with a mask ({facts['layout']})"
    )
    for kind, count in facts["defect_types"].items():
        print(f"  {kind}: {count}")
    for line in lines_of(facts):
        print(f"  {line}")
    for problem in facts["problems"]:
        print(f"  cannot be trained on: {problem['message']}; {problem['hint']}")


async def _data_list(*, as_json: bool) -> int:
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        rows = await workspace.datasets.list()
    if as_json:
        print(
            json.dumps(
                [{"name": row.name, "path": row.path, **row.facts} for row in rows], ensure_ascii=False, allow_nan=False
            )
        )
    for row in rows if not as_json else []:
        print(
            f"{row.name}\t{row.facts['train_good']} good, tests {row.facts['test_good']} good and {row.facts['test_defective']} defective\t{row.path}"
        )
    if not rows and not as_json:
        _tell("no data sets yet: murascope data add NAME PATH")
    return 0


async def _data_rename(name: str, new: str) -> int:
    from assistant.data.datasets import DatasetError
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        try:
            row = await workspace.rename_dataset(name, new)
        except DatasetError as error:
            _tell(str(error))
            return INVALID
    print(f"{row.name}: {row.path}")
    return 0


async def _data_remove(name: str) -> int:
    from assistant.data.datasets import DatasetError
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        try:
            await workspace.datasets.remove(name)
        except DatasetError as error:
            _tell(str(error))
            return INVALID
    return 0


async def _runs_list(*, as_json: bool) -> int:
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        rows = await workspace.runs.list()
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "run": row.id,
                        "status": row.state,
                        "dataset": row.dataset,
                        "model": row.subject,
                        "metrics": row.metrics or {},
                    }
                    for row in rows
                ],
                ensure_ascii=False,
                allow_nan=False,
            )
        )
    for row in rows if not as_json else []:
        auroc = (row.metrics or {}).get("image_auroc")
        print(
            f"{row.id}\t{row.state}\t{row.subject} on {row.dataset}"
            + (f"\timage AUROC {auroc:.3f}" if auroc is not None else "")
        )
    if not rows and not as_json:
        _tell("no runs yet: murascope train --data NAME")
    return 0


async def _runs_show(run: str, language: str) -> int:
    from assistant.cli.train import plain
    from assistant.kinds.summary import run_facts, word
    from assistant.runs.queue import UnknownRun
    from assistant.runs.results import NoResults
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        try:
            row = await workspace.runs.get(run)
            print(
                plain(
                    word(
                        run_facts(row, workspace.runs.folder(row.id)),
                        "ko" if language == "ko" else "zh" if language == "zh" else "en",
                    )
                )
            )
        except UnknownRun as error:
            _tell(str(error))
            return INVALID
        except NoResults as error:
            _tell(str(error))
            return 1
    return 0


async def _runs_stop(run: str) -> int:
    from assistant.runs.queue import UnknownRun
    from assistant.store.tables import ACTIVE
    from assistant.workspace import Workspace

    async with Workspace.open(_settings()) as workspace:
        try:
            before = await workspace.runs.get(run)
            after = await workspace.runs.stop(before.id)
        except UnknownRun as error:
            _tell(str(error))
            return INVALID
    if before.state not in ACTIVE:
        _tell(f"{before.id} has ended already: {before.state}")
        return INVALID
    print(f"{after.id} {'is being stopped' if after.state == 'running' else 'was stopped'}")
    return 0


async def _doctor() -> int:
    from assistant.kinds.weights import local_backbones
    from assistant.llm.providers import choose, open_model, probe
    from assistant.machine.engine_process import EngineError, ask_engine
    from assistant.machine.masking import Mask, secrets_of

    settings = _settings()
    provider = choose(settings)
    print(f"home      {settings.home}")
    print(f"database  {settings.database_url.split('@')[-1]}")
    print(f"weights   {settings.weights_folder}: {', '.join(local_backbones(settings)) or 'none'}; hub {settings.hub}")
    fine = True
    try:
        found = await ask_engine(settings, "catalog")
        print(f"engine    models: {', '.join(each['name'] for each in found)}")
    except EngineError as error:
        fine = False
        print(f"engine    {error}")
    if provider.name == "built-in":
        print("assistant built-in: no key is set, nothing leaves this machine")
        return 0 if fine else 1
    async with open_model(provider, settings) as model:
        result = await probe(model)
    said = Mask(secrets_of(settings)).text(f"{result.message} {result.hint}".strip())
    print(f"assistant {provider.label} (text goes to {provider.sends_data_to}): {said}")
    return 0 if fine and result.ok else 1


# ---- small things ----


def _settings(*, host: str | None = None, port: int | None = None) -> "Settings":
    from pydantic import ValidationError

    from assistant.settings import Settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = [
            f"MURASCOPE_{str(each['loc'][0]).upper()} is {each['input']!r}: {each['msg'].lower()}"
            for each in error.errors()
        ]
        _refuse("; ".join(problems))
        raise
    try:
        settings.home = settings.home.expanduser().absolute()
    except RuntimeError:
        _refuse(f"MURASCOPE_HOME is {str(settings.home)!r}: there is no such user here; give the whole path")
    return settings


def _registered_names() -> list[str]:
    from assistant.workspace import Workspace

    async def names() -> list[str]:
        async with Workspace.open(_settings()) as workspace:
            return list(await workspace.datasets.names())

    return asyncio.run(names())


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _refuse(message: str) -> None:
    _tell(message)
    raise typer.Exit(INVALID)
