"""`murascope predict`: a picture, a folder, or a folder that is watched, judged by a model."""

import asyncio
import csv
import shutil
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from assistant.cli.common import JsonFlag, give_up, print_json, settings_here, tell
from prompts.figures import counted

if TYPE_CHECKING:
    from assistant.models.serving.not_judged import Reason
    from assistant.models.serving.predictions import Predictions

NOT_JUDGED = "not judged"
COLUMNS = (
    "name", "verdict", "score", "threshold", "threshold_version", "p_value", "confidence", "uncertainty", "regions", "sha256", "prediction",
    "problem",
)  # fmt: skip


def predict(
    reference: Annotated[str, typer.Argument(help="A finished run, such as r12, or a model: panels@champion.")],
    path: Annotated[Path, typer.Argument(help="A picture, or a folder of pictures.")],
    output: Annotated[Path | None, typer.Option(help="Folder for heatmaps, named after their pictures.")] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="File for a table of the verdicts; added to if it is there.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with pictures that come later, until Ctrl+C.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Judge pictures by a finished training or a registered model, at its threshold in force."""
    with ExitStack() as opened:
        table = None if csv_file is None else csv.DictWriter(opened.enter_context(_table(csv_file)), COLUMNS)
        told = asyncio.run(_predict(reference, path, output=output, table=table, watch=watch, as_json=as_json))
    if as_json and not watch:
        print_json(told)
    else:
        for each in told["not_judged"]:
            if not watch or each["count"] > len(each["names"]):  # the others were told as they came
                _say_reason(each)
        if any(each["count"] > len(each["names"]) for each in told["not_judged"]) and not (csv_file or as_json):
            tell("each of them stands in a table (--csv FILE) or in the answer as JSON (--json)")
        verdicts = ", ".join(f"{count:,} {what}" for what, count in told["counts"].items()) or "no pictures"
        tell(f"{verdicts} ({told['model']['label']})")
    if {*told["counts"]} == {NOT_JUDGED}:
        raise typer.Exit(1)


async def _predict(
    reference: str,
    path: Path,
    *,
    output: Path | None,
    table: "csv.DictWriter[str] | None",
    watch: bool,
    as_json: bool,
) -> dict[str, Any]:
    from assistant.models.serving.folder_job import FolderJob
    from assistant.models.serving.not_judged import NotJudged
    from assistant.workspace import Workspace

    counts: Counter[str] = Counter()
    not_judged = NotJudged()
    pictures: list[dict[str, Any]] = []
    async with Workspace.open(settings_here()) as workspace:
        model = await workspace.predictions.resolve(reference)
        job = FolderJob(
            workspace.predictions, reference, path, who="command line", draw=output is not None, watch=watch
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, job.stop)
        async for told in job.told():
            counts[told.get("verdict") or NOT_JUDGED] += 1
            reason = not_judged.add(told)
            if output is not None and told.get("heatmap") is not None:
                told["heatmap"] = await asyncio.to_thread(_keep, workspace.predictions, told, output)
            if table is not None:
                table.writerow(_row(told))
            if watch and as_json:
                print_json(told)
            elif as_json:
                pictures.append(told)
            elif reason is None:
                _say(told)
            elif watch:
                _say_watched(told, reason)
    facts = {"label": model.label, "run": model.run, "threshold_version": model.threshold_version}
    return {"model": facts, "counts": dict(counts), "not_judged": not_judged.told(), "pictures": pictures}


def _table(path: Path) -> TextIO:
    """The CSV file, with its heading.

    Raises:
        typer.Exit: it is there and has other columns.
    """
    heading = ",".join(COLUMNS)
    with suppress(FileNotFoundError), path.open(encoding="utf-8") as there:
        if (first := there.readline().strip()) and first != heading:
            give_up(f"{path} is there and has other columns than {heading}; name a new file")
        if first:
            return path.open("a", encoding="utf-8", newline="", buffering=1)
    table = path.open("w", encoding="utf-8", newline="", buffering=1)
    table.write(heading + "\n")
    return table


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: told.get(name) for name in COLUMNS}
    regions = len(told["regions"]) if "regions" in told else None
    problem = told.get("broken") or told.get("failed")
    return {**row, "regions": regions, "prediction": told.get("id"), "problem": problem}


def _keep(predictions: "Predictions", told: Mapping[str, Any], output: Path) -> str | None:
    """The heatmap, copied beside where it would be if the pictures lay there; its path, None where none was drawn."""
    drawn = predictions.kept.path(told["id"], "heatmap.jpg")
    target = output / f"{told['name']}.heatmap.jpg"
    if not target.resolve().is_relative_to(output.resolve()):
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(drawn, target)
    except FileNotFoundError:  # dropped meanwhile, as the oldest
        return None
    return str(target)


def _say(told: Mapping[str, Any]) -> None:
    measured = told["score"] if told["score"] is not None else told["confidence"]
    at = "" if told["threshold"] is None else f" (threshold {told['threshold']:.5g})"
    print(f"{told['verdict']}\t{measured:.5g}{at}\t{told['name']}", flush=True)


def _say_watched(told: Mapping[str, Any], reason: "Reason") -> None:
    """Where nobody may wait for the end: the first few of a reason by name, then the tenth, the hundredth and so on."""
    count = reason.count
    if told["name"] in reason.names:
        tell(f"not judged: {told['name']}: {told.get('broken') or told.get('failed')}")
    elif count == 10 ** (len(str(count)) - 1):
        tell(f"not judged: {counted(count, 'picture')} by now, the last of them {told['name']}: {reason.reason}")


def _say_reason(each: Mapping[str, Any]) -> None:
    names, more = ", ".join(each["names"]), each["count"] - len(each["names"])
    if more:
        tell(f"not judged: {counted(each['count'], 'picture')}: {each['reason']} ({names} and {more:,} more)")
        return
    for name in each["names"]:
        tell(f"not judged: {name}: {each['reason']}")
