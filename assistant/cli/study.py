"""`murascope study`: how often an inspection agrees with reference verdicts, and with itself."""

import asyncio
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.common import JsonFlag, give_up, print_json, settings_here, tell

if TYPE_CHECKING:
    from assistant.models.study import Measure, Study, Trial

SAID = {
    "effectiveness": "effectiveness (right verdicts)",
    "miss_rate": "miss rate",
    "false_alarm_rate": "false alarm rate",
    "kappa": "kappa against the reference",
    "repeatability": "parts judged alike every time",
    "against_reference": "parts judged rightly every time",
}


def study(
    reference: Annotated[
        str | None, typer.Argument(help="A finished run, such as r12, or a model: panels@champion.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Argument(help="good/PART/*.png and defective/PART/*.png, each part imaged several times.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Instead: a CSV with part,reference,verdict, of any inspection or inspector.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="New file for the verdicts, as --table takes it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Repeatability study of an inspection (attribute agreement, AIAG MSA): effectiveness, misses, false alarms and kappa with intervals and limits."""
    from assistant.models.study import read_table
    from assistant.models.study import study as studied

    if (table is None) == (reference is None or folder is None):
        give_up("name a model and a folder of parts, or a table of verdicts with --table")
    if table is not None:
        try:
            trials = read_table(table.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            give_up(f"{table} cannot be read: {error}")
    else:
        assert reference is not None and folder is not None
        trials = asyncio.run(_judged(reference, folder))
    if csv_file is not None:
        _write(csv_file, trials)
    found = studied(trials)
    if as_json:
        print_json(found.told())
        return
    _say(found)


async def _judged(reference: str, folder: Path) -> "list[Trial]":
    """Every picture of the folder, judged by the model."""
    from assistant.models.serving.folder_job import FolderJob
    from assistant.models.study import Trial, Verdict
    from assistant.workspace import Workspace

    trials = []
    async with Workspace.open(settings_here()) as workspace:
        job = FolderJob(workspace.predictions, reference, folder, who="command line", draw=False, watch=False)
        async for told in job.told():
            part, is_good = _part_of(str(told["name"]))
            if told.get("verdict") is None:
                tell(f"left out: {told['name']}: {told.get('broken') or told.get('failed')}")
                continue
            said: Verdict = "good" if told["verdict"] == "good" else "defective"
            trials.append(Trial(part, "good" if is_good else "defective", said))
    return trials


def _part_of(name: str) -> tuple[str, bool]:
    """The part that a picture is of, and whether it is a good one, by its folders."""
    folders = name.split("/")[:-1]
    if len(folders) < 2 or folders[0].casefold() not in ("good", "defective"):
        give_up(f"{name}: name the folders good/PART or defective/PART, so that the part and its reference are known")
    return "/".join(folders[:2]), folders[0].casefold() == "good"


def _write(path: Path, trials: "list[Trial]") -> None:
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("part", "reference", "verdict"))
            writer.writerows((each.part, each.reference, each.verdict) for each in trials)
    except OSError as error:
        give_up(f"{path} cannot be written: {error.strerror}")


def _say(found: "Study") -> None:
    few, many = found.trials
    times = f"{few} times" if few == many else f"{few} to {many} times"
    print(f"{found.parts} parts, {found.images} images, each part {times}: {found.judged}")
    for name, measure in found.measures.items():
        print(f"{SAID[name]}\t{_shown(name, measure)}")
    for what, parts in (("judged both ways", found.unsteady), ("never judged rightly", found.wrong)):
        if parts:
            print(f"{what}\t{', '.join(parts[:20])}{' ...' if len(parts) > 20 else ''}")
    for note in found.notes:
        tell(f"note: {note}")


def _shown(name: str, measure: "Measure") -> str:
    from assistant.models.study import AT_MOST, LIMITS
    from prompts.figures import percent

    if measure.value is None:
        return "cannot be measured"
    as_text: Any = (lambda value: f"{value:.3f}") if name == "kappa" else percent
    parts = [as_text(measure.value)]
    if measure.of is not None:
        parts.append(f"{measure.count} of {measure.of}")
    if measure.interval is not None:
        parts.append(f"95 %: {as_text(measure.interval[0])} to {as_text(measure.interval[1])}")
    if name in LIMITS:
        at = "at most" if name in AT_MOST else "at least"
        parts.append(
            f"{measure.judged} (acceptable {at} {as_text(LIMITS[name][0])}, marginal {at} {as_text(LIMITS[name][1])})"
        )
    return "\t".join(parts)
