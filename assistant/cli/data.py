"""`murascope data` and `murascope demo`: data sets, registered and looked into."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.common import INVALID, JsonFlag, print_json, settings_here, tell
from assistant.data.left_out import lines_of
from engine.contract.data import DataFacts
from prompts.figures import counted

if TYPE_CHECKING:
    from assistant.store.tables import DatasetRow

app = typer.Typer(help="Register, list, rename and remove data sets.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the data set.")]


@app.command("add")
def data_add(
    name: Name,
    path: Annotated[Path, typer.Argument(help="A folder, or a zip.")],
) -> None:
    """Check a folder (or unpack a zip) and register it."""
    asyncio.run(_data_add(name, path))


@app.command("check")
def data_check(path: Annotated[Path, typer.Argument(help="A folder.")], as_json: JsonFlag = False) -> None:
    """Say what would be made of a folder, and what is left out and why; nothing is registered."""
    raise typer.Exit(asyncio.run(_data_check(path, as_json=as_json)))


@app.command("list")
def data_list(as_json: JsonFlag = False) -> None:
    """List the registered data sets."""
    asyncio.run(_data_list(as_json=as_json))


@app.command("rename")
def data_rename(
    name: Name,
    new: Annotated[str, typer.Argument(help="What it is to be called.")],
) -> None:
    """Call a data set otherwise. Its runs are listed under the new name."""
    asyncio.run(_data_rename(name, new))


@app.command("remove")
def data_remove(name: Name) -> None:
    """Forget a data set. A registered folder is left alone; an uploaded one is deleted."""
    asyncio.run(_data_remove(name))


def demo() -> None:
    """Make the demo data set "oled" (computer-made panel images) and register it; done once."""
    raise typer.Exit(asyncio.run(_demo()))


async def _data_add(name: str, path: Path) -> None:
    from assistant.data.uploads import under_way
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        if path.is_file():
            async with under_way(workspace.settings) as upload:
                row = await workspace.datasets.add_archive(name, path, upload)
        else:
            row = await workspace.datasets.add(name, path)
    _print_added(row)


def _print_added(row: "DatasetRow") -> None:
    facts = row.facts
    print(
        f"{row.name}: {counted(facts.train_good, 'good image')} to learn from; to test with, {facts.test_good} good and {facts.test_defective} defective ({row.layout})"
    )
    for line in lines_of(facts):
        print(f"  {line}")


async def _data_check(path: Path, *, as_json: bool) -> int:
    from assistant.data.datasets import DatasetError
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        try:
            facts = await workspace.datasets.look_into(path)
        except DatasetError as error:
            if as_json:
                problem = {"code": error.code, "message": error.message, "hint": error.hint, "values": error.values}
                print_json({"path": str(path), "problems": [problem]})
            raise
    if as_json:
        print_json(facts.without_images().told())
    else:
        _print_check(facts)
    return INVALID if facts.problems else 0


def _print_check(facts: DataFacts) -> None:
    """What a data set is read as, then what a person should know before it is trained on."""
    print(
        f"{counted(facts.train_good, 'good image')} to learn from; to test with, {facts.test_good} good and {facts.test_defective} defective, "
        f"{facts.masks} with a mask ({facts.layout})"
    )
    for kind, count in facts.defect_types.items():
        print(f"  {kind}: {count}")
    for line in lines_of(facts):
        print(f"  {line}")
    for problem in facts.problems:
        print(f"  cannot be trained on: {problem.message}; {problem.hint}")


async def _data_list(*, as_json: bool) -> None:
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        rows = await workspace.datasets.list()
    if as_json:
        print_json([{"name": row.name, "path": row.path, **row.facts.told()} for row in rows])
    for row in rows if not as_json else []:
        print(
            f"{row.name}\t{row.facts.train_good} good, tests {row.facts.test_good} good and {row.facts.test_defective} defective\t{row.path}"
        )
    if not rows and not as_json:
        tell("no data sets yet: murascope data add NAME PATH")


async def _data_rename(name: str, new: str) -> None:
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        row = await workspace.rename_dataset(name, new)
    print(f"{row.name}: {row.path}")


async def _data_remove(name: str) -> None:
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        await workspace.datasets.remove(name)


async def _demo() -> int:
    from assistant.data.datasets import DatasetError
    from assistant.machine.engine_process import EngineError, ask_engine

    settings = settings_here()
    folder, done = settings.home / "demo" / "oled", settings.home / "demo" / "registered"
    from assistant.workspace import Workspace

    if done.exists():  # it stays away when the user has removed it
        async with Workspace.open(settings) as workspace:
            is_there = "oled" in await workspace.datasets.names()
        print(
            f"oled: made before, in {folder}"
            if is_there
            else "oled is not registered any more, and is not made a second time"
        )
        return 0
    try:
        await ask_engine(settings, "demo", str(folder))
        async with Workspace.open(settings) as workspace:
            row = await workspace.datasets.add("oled", folder, origin="demo")
        done.touch()
    except (EngineError, DatasetError) as error:
        tell(f"the demo data set could not be made: {error}")
        return 1
    _print_added(row)
    print(f"  computer-made images of panels, in {folder}")
    print("next: murascope serve, and say there: train PatchCore on oled")
    print("or without a page: murascope train --data oled --model patchcore")
    return 0
