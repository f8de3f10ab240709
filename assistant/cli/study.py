"""`murascope study`: how often an inspection agrees with reference verdicts, and with itself."""

import asyncio
import csv
import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.common import JsonFlag, give_up, print_json, settings_here, tell, who
from assistant.cli.languages import LanguageOption, as_language
from prompts.figures import counted

if TYPE_CHECKING:
    from prompts.languages import Language


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
    report: Annotated[Path | None, typer.Option(help="New HTML file for the report.")] = None,
    language: LanguageOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Repeatability study of an inspection (attribute agreement, AIAG MSA): effectiveness, misses, false alarms and kappa with intervals and limits.

    With a model alone: its earlier studies.
    """
    if table is None and reference is not None and folder is None and csv_file is None and report is None:
        asyncio.run(_earlier(reference, as_json=as_json))
        return
    if (table is None) == (reference is None or folder is None):
        give_up("name a model and a folder of parts, or a table of verdicts with --table")
    if table is not None:
        told = _of_table(table)
    else:
        assert reference is not None and folder is not None
        told = asyncio.run(_made(reference, folder))
    if csv_file is not None:
        _write(csv_file, _as_csv(told["parts"]))
    if report is not None:
        from assistant.reports.study import study_page

        _write(report, study_page(told, as_language(language, settings_here())))
    if as_json:
        print_json({**told["study"], "on_record": told["id"], "left_out": told["left_out"]})
        return
    _say(told, as_language(language, settings_here()))


async def _made(reference: str, folder: Path) -> dict[str, Any]:
    """Every picture of the folder, judged by the model, and what that shows, on record."""
    from assistant.models.studies import told_of
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        return told_of(await workspace.studies.make(reference, folder, who=who()))


def _of_table(table: Path) -> dict[str, Any]:
    """A study of the verdicts of a table, as one of a model is told; it is not put on record."""
    from assistant.models.studies import parts_of
    from assistant.models.study import read_table
    from assistant.models.study import study as studied

    try:
        content = table.read_bytes()
        trials = read_table(content.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        give_up(f"{table} cannot be read: {error}")
    names = ("id", "model", "version", "run", "threshold_version", "threshold")
    return {
        **dict.fromkeys(names),
        "reference": table.name,
        "folder": str(table),
        "data": hashlib.sha256(content).hexdigest(),
        "who": who(),
        "when": datetime.now(UTC).isoformat(),
        "study": studied(trials).told(),
        "parts": parts_of(trials),
        "left_out": [],
    }


async def _earlier(reference: str, *, as_json: bool) -> None:
    from assistant.models.studies import told_of
    from assistant.workspace import Workspace

    async with Workspace.open(settings_here()) as workspace:
        found = [told_of(row) for row in await workspace.studies.of(reference)]
    if as_json:
        print_json(found)
        return
    for each in found:
        studied = each["study"]
        print(
            f"{each['id']}\t{each['when'][:16]}\t{each['reference']}\t{studied['judged']}\t{counted(studied['parts'], 'part')}\t{each['who']}"
        )
    if not found:
        tell(f"no studies of {reference} yet: murascope study {reference} FOLDER")


def _as_csv(parts: list[dict[str, Any]]) -> str:
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(("part", "reference", "verdict"))
    for each in parts:
        for verdict in ("good", "defective"):
            writer.writerows([(each["part"], each["reference"], verdict)] * each[verdict])
    return written.getvalue()


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        give_up(f"{path} cannot be written: {error.strerror}")


def _say(told: dict[str, Any], language: "Language") -> None:
    from assistant.models.serving.not_judged import NotJudged
    from assistant.reports.study import figures_of
    from assistant.tools.wording import wording
    from prompts.reasons import reason_in

    t, found = wording(language), told["study"]
    times = "–".join(map(str, sorted(set(found["trials"]))))
    imaged = t("study.imaged", parts=found["parts"], images=found["images"], times=times)
    print(f"{imaged} {t('study.judged.' + found['judged'])}")
    for each in figures_of(found, language):
        judged = f"{t('study.judged.' + each.judged)} ({each.limit})" if each.judged is not None else ""
        cells = [t(f"study.figure.{each.name}"), each.value, each.counted, each.interval, judged]
        print("\t".join(cell for cell in cells if cell))
    for words, parts in ((t("study.unsteady"), found["unsteady"]), (t("study.wrong"), found["wrong"])):
        if parts:
            print(f"{words}\t{', '.join(parts[:20])}{' ...' if len(parts) > 20 else ''}")
    not_judged = NotJudged()
    for each in told["left_out"]:
        not_judged.add({"name": each["name"], "failed": each["why"]})
    for reason in not_judged.reasons:
        names = ", ".join(reason.names) + (", ..." if reason.count > len(reason.names) else "")
        tell(f"{t('study.left_out')}: {reason.count:,}: {reason_in(language, reason.reason)} ({names})")
    for note in found["notes"]:
        tell(reason_in(language, note))
    if told["id"] is not None:
        tell(t("study.on_record", id=told["id"]))
