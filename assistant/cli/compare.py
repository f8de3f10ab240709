"""`murascope compare`: two to six finished trainings beside each other."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.common import JsonFlag, give_up, print_json, settings_here

if TYPE_CHECKING:
    from assistant.telling.side_by_side import SideBySide


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN ...", help="Ids of two to six finished trainings.")],
    as_json: JsonFlag = False,
) -> None:
    """Compare finished trainings: figures, which is better and how sure that is, what differs."""
    found = asyncio.run(_compared(list(dict.fromkeys(runs))))
    if as_json:
        print_json(found.facts())
    else:
        for line in _lines(found):
            print(line)
    if found.beside is None:
        give_up("fewer than two of them can be compared")


async def _compared(ids: list[str]) -> "SideBySide":
    """The runs of these ids beside each other."""
    from assistant.telling.side_by_side import check_number, side_by_side
    from assistant.workspace import Workspace

    check_number(len(ids))
    async with Workspace.open(settings_here()) as workspace:
        rows = [await workspace.runs.get(run) for run in ids]
        return await asyncio.to_thread(side_by_side, rows, workspace.runs.folder_of)


def _lines(found: "SideBySide") -> Iterator[str]:
    """What is said of them in short, then the figures as a table: * is better than each other by more than chance, - worse than one."""
    from assistant.cli.training import plain
    from assistant.telling.cells import cell, name_of
    from assistant.telling.comparisons import verdict_sentences
    from prompts.page_texts import filled, page_texts

    texts = page_texts("en")
    for each in found.left_out:
        told = {"state": texts[f"state.{each.state}"], "data": each.dataset, "file": each.file, "host": each.host}
        why = filled(texts[f"compare.left_out.{each.why}"], told)
        yield filled(texts["compare.left_out"], {"run": each.run, "why": why})
    if found.beside is None:
        return
    for sentence in verdict_sentences(found.beside, "en"):
        yield plain(sentence.text)
    rows = [["", *(each.run for each in found.runs)], ["model", *(each.title for each in found.runs)]]
    marks = {"best": " *", "worse": " -", None: ""}
    for line in [*found.beside.lines, *found.beside.types]:
        cells = [cell(line, value, "en") for value in line.values]
        rows.append([name_of(line, "en"), *(f"{each.label} {each.text}{marks[each.mark]}".strip() for each in cells)])
    for setting in found.settings:
        name = texts.get(f"setting.{setting.name}", setting.name)
        rows.append([str(name), *(_told(value) for value in setting.values)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    yield ""
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _told(value: object) -> str:
    return "-" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
