"""`murascope threshold`: the threshold of a finished training, shown with what others would cost, and set. `murascope test`: other
pictures, judged by the one in force."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli.common import JsonFlag, print_json, settings_here
from prompts.figures import counted

Run = Annotated[str, typer.Argument(help="Id, such as r12.")]


def threshold(
    run: Run,
    overkill: Annotated[float | None, typer.Option(help="Share of good images that may fail, such as 0.03.")] = None,
    escapes: Annotated[float | None, typer.Option(help="Share of tested defects that may pass; 0 is none.")] = None,
    cost: Annotated[float | None, typer.Option(help="Overkilled good images that a missed defect is worth.")] = None,
    value: Annotated[float | None, typer.Option(help="The threshold itself, a raw score.")] = None,
    promised: Annotated[bool, typer.Option("--promised", help="Back to that of the training.")] = False,
    f1: Annotated[bool, typer.Option("--f1", help="The best F1 on the test images.")] = False,
    stricter: Annotated[bool, typer.Option("--stricter", help="One step towards fewer missed defects.")] = False,
    looser: Annotated[bool, typer.Option("--looser", help="One step towards fewer false alarms.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Back to the one before.")] = False,
    why: Annotated[str, typer.Option(help="A reason to be kept with it.")] = "",
    try_only: Annotated[bool, typer.Option("--try", help="Only tell what it would cost.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="All that were ever in force, with who, when and why.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the threshold in force with what others would cost, or set another. Nothing is trained."""
    steps = {"promised": promised, "f1": f1, "stricter": stricter, "looser": looser, "previous": undo}
    to = [name for name, is_asked in steps.items() if is_asked]
    asked: dict[str, Any] = {"overkill_rate": overkill, "escape_rate": escapes, "escape_cost": cost, "value": value}
    asked |= {"to": " and ".join(to) or None}  # two at once are no step that there is
    told = asyncio.run(_told(run, asked, why=why, try_only=try_only))
    if as_json:
        print_json(told)
        return
    for line in _lines(told, history=history):
        print(line)


def judge(
    run: Run,
    data: Annotated[Path, typer.Option(help="Folder of pictures, or of a data set.")],
    output: Annotated[Path, typer.Option(help="New folder for heatmaps and verdicts.")],
    as_json: JsonFlag = False,
) -> None:
    """Judge other pictures by a finished training, at its threshold in force."""
    told = asyncio.run(_test(run, data, output))
    if as_json:
        print_json(told)
        return
    print(f"{counted(told['images'], 'picture')} judged, written to {told['folder']}")
    if "anomalous" in told:
        version = told.get("threshold_version", 1)
        print(f"{told['anomalous']} called defective, at threshold {told['threshold']:.5g} (version {version})")
    for name, reason in told["broken"].items():
        print(f"left out: {name}: {reason}")


async def _told(run: str, asked: Mapping[str, Any], *, why: str, try_only: bool) -> dict[str, Any]:
    from assistant.runs.thresholds import options, read_asked, set_threshold, would
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        row = await workspace.runs.get(run)
        if all(each is None for each in asked.values()):
            return await options(workspace.runs, row)
        wish = read_asked(asked)
        change = await would(workspace.runs, row, wish)
        if try_only:
            return change
        row = await set_threshold(workspace.runs, row, wish, who="command line", why=why or None)
        return {**await options(workspace.runs, row), "change": change, "metrics": row.metrics}


async def _test(run: str, data: Path, output: Path) -> dict[str, Any]:
    from assistant.runs import judging
    from assistant.workspace import Workspace

    settings = settings_here()
    async with Workspace.open(settings) as workspace:
        return await judging.judge(settings, workspace.runs, await workspace.runs.get(run), data=data, output=output)


def _lines(told: Mapping[str, Any], *, history: bool) -> Iterator[str]:
    if "then" in told:
        yield f"now\t{_costs(told['now'])}"
        yield f"then\t{_costs(told['then'])}"
        return
    if "change" in told:
        yield f"before\t{_costs(told['change']['now'])}"
    force = told["in_force"]
    yield f"in force\t{_costs(force)}\t{_origin(force)}"
    if history:
        for version in told["versions"]:
            yield f"{version['version']}\t{_costs(version)}\t{_origin(version)}"
    elif "change" not in told:
        for preset in told["presets"]:
            yield f"{preset['name']}\t{_costs(preset)}"


def _costs(costs: Mapping[str, Any]) -> str:
    """A threshold with what it costs on the tested images, and what the good images that set the promised one say of it."""
    from engine.contract.policy import percent

    parts = [f"{costs['value']:.5g}"]
    for what, of, said in (("missed", "defective", "missed"), ("false_alarms", "good", "false alarms")):
        if costs[what] is not None:
            parts.append(f"{costs[what]} of {costs[of]} {said}")
    if costs["promised"] is not None:
        parts.append(f"at most {percent(costs['promised'])} % of new good images, by {costs['calibration_images']}")
    if costs["oracle"]:
        parts.append("chosen on the test images: new ones will do worse")
    return "\t".join(parts)


def _origin(version: Mapping[str, Any]) -> str:
    asked = ", ".join(f"{name} {value}" for name, value in version["asked"].items())
    from assistant.runs.thresholds import said_when

    when = f" on {said_when(version)}" if "when" in version else ""
    why = f" ({version['why']})" if version.get("why") else ""
    return f"version {version['version']}: {asked}, by {version['who']}{when}{why}"
