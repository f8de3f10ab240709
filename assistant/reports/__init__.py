"""The report of a finished run: one HTML file that needs nothing beside itself, to be kept, sent and printed.

It tells what the run's page tells, at the threshold in force, in our own sentences and the reader's language; pictures are data: URIs,
curves are SVG, and no script runs in it.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from assistant.kinds import kind_of
from assistant.kinds.reported import fixed, said
from assistant.kinds.summary import title_of
from assistant.reports.charts import HEIGHT, WIDTH, histogram, roc
from assistant.reports.pictures import pictures_of
from assistant.runs.queue import Queue
from assistant.runs.took import took
from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.telling import composed, outlined, told
from assistant.telling.runs import sentences_of_run, summary_of
from assistant.tools.wording import wording
from prompts.durations import duration
from prompts.languages import Language
from prompts.reasons import reason_in

MOST_PICTURES = 24
HERE = Path(__file__).resolve().parent
KINDS = HERE.parent / "kinds"
MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(["image", "link", "autolink"])


def name_of(row: RunRow) -> str:
    """What the file is called."""
    return f"murascope-{row.id}.html"


async def report_of(settings: Settings, runs: Queue, row: RunRow, language: Language) -> str:
    """The report as HTML.

    Raises:
        RunElsewhere, NoResults: there is nothing to report, in words.
    """
    folder, kind = runs.folder_of(row), kind_of(row.kind)
    reported = await asyncio.to_thread(kind.report, row, folder)
    shown = await asyncio.to_thread(lambda: kind.gallery(row, folder, count=MOST_PICTURES))
    sentences = await asyncio.to_thread(sentences_of_run, row, folder, language)
    summary = summary_of(row.kind, sentences, language).text
    on_threshold = composed(told(sentences, outlined(sentences, reported.on_threshold)), language)
    page = environment(language).get_template("report.html.j2")
    return page.render(
        run=row,
        title=title_of(row),
        summary=Markup(MARKDOWN.render(summary)),
        on_threshold=Markup(MARKDOWN.render(on_threshold)),
        setting=row.threshold,
        reported=reported,
        shown=shown,
        pictures=await pictures_of(settings, folder, shown, reported.heat),
        settings=settings_of(row),
        took=took(row, folder),
        made=datetime.now(UTC),
        **reported.values,
    )


def settings_of(row: RunRow) -> Mapping[str, Any]:
    """What was asked for, flat, without what was left open."""
    model = row.spec.get("model")
    flat = {**row.spec, **(model if isinstance(model, dict) else {})}
    apart = ("kind", "dataset", "model", "name")
    return {name: value for name, value in flat.items() if name not in apart and value is not None}


@cache
def environment(language: Language) -> Environment:
    words = wording(language)
    jinja = Environment(
        loader=ChoiceLoader([FileSystemLoader(HERE), PrefixLoader({"kinds": FileSystemLoader(KINDS)})]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals.update(
        t=words,
        coded=words.coded,
        choice=words.choice,
        lang=language,
        histogram=histogram,
        roc=roc,
        WIDTH=WIDTH,
        HEIGHT=HEIGHT,
    )
    jinja.filters.update(
        share=lambda value: said(value, True),
        percent=lambda value: f"{fixed(100 * value, 0)} %",
        figure=lambda value: said(value, False),
        short=lambda value: f"{value:.4g}",
        count=lambda number: f"{number:,}",
        duration=lambda seconds: duration(seconds, language),
        plain=plain,
        reason=lambda reason: reason_in(language, reason),
    )
    return jinja


def plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(plain(each) for each in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
