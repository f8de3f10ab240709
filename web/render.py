"""Draws pages and cards with Jinja2, in the reader's language. A card is one macro, for the first page and for live updates."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from assistant.data.left_out import by_reason
from assistant.frames import GroupItem, Item, RunItem
from assistant.groups.told import GroupTold, group_told
from assistant.kinds import kind_for, kind_names, kind_of
from assistant.kinds.summary import title_of
from assistant.runs.took import took
from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.tools.wording import wording
from assistant.workspace import Workspace
from engine.contract.jobs import KINDS, description_of
from prompts.durations import duration
from prompts.figures import Figure, percent, score
from prompts.languages import LANGUAGES, Language
from prompts.reasons import english_reasons, reason_in
from web import markdown
from web.kinds import FOLDER as KINDS_FOLDER
from web.versions import STATIC, static_url
from web.wording import choose_language

TEMPLATES = Path(__file__).parent / "templates"


class Renderer:
    """Draws for one workspace."""

    def __init__(self, settings: Settings, workspace: Workspace):
        self._settings, self._workspace = settings, workspace

    def language(self, request: Request) -> Language:
        return choose_language(request, self._settings.language)

    async def page(self, request: Request, name: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A whole page: `templates/pages/<name>.html` inside the frame that all pages share."""
        language = self.language(request)
        opened = getattr(context.get("conversation"), "id", None)
        shell = {
            "path": request.url.path,
            "theme": request.cookies.get("murascope_theme", "system"),
            "provider": self._workspace.provider,
            "conversations": group_by_day(await self._workspace.conversations.list(also=opened)),
            "active_runs": await self._workspace.runs.active(),
        }
        html = environment(language).get_template(f"pages/{name}.html").render({**shell, **context})
        response = HTMLResponse(html, status, headers={"cache-control": "no-store", "content-language": language})
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie("murascope_language", language, max_age=365 * 86400, samesite="lax", path="/")
        return response

    def part(self, language: str, name: str, **context: Any) -> str:
        """A piece of a page: `templates/parts/<name>.html`."""
        return environment(language).get_template(f"parts/{name}.html").render(context)

    async def card(self, key: str, item: Item, language: str) -> str:
        """One item of a conversation, drawn by the macro of its kind."""
        subject = await self._subject(item)
        template = environment(language).get_template(f"cards/{item.kind}.html")
        return str(template.module.card(key, item, subject))  # type: ignore[attr-defined]

    async def cards(self, items: Iterable[tuple[str, int, Item]], language: str) -> list[Markup]:
        return [Markup(await self.card(key, item, language)) for key, _, item in items]

    async def _subject(self, item: Item) -> RunRow | GroupTold | None:
        """The run, or the group of runs, that an item stands for; None of any other, and of one that is gone."""
        try:
            match item:
                case RunItem():
                    return await self._workspace.runs.get(item.run)
                case GroupItem():
                    return await group_told(self._workspace.runs, await self._workspace.groups.get(item.group))
        except LookupError:
            pass
        return None


@cache
def environment(language: str) -> Environment:
    """The Jinja2 environment of one language; everything is escaped, an unknown name is an error."""
    words = wording(language)
    jinja = Environment(
        loader=ChoiceLoader([FileSystemLoader(TEMPLATES), PrefixLoader({"kinds": FileSystemLoader(KINDS_FOLDER)})]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False, "allow_nan": False}
    jinja.globals.update(
        t=words, texts=words.texts, lang=language, languages=LANGUAGES, static=static_url, coded=words.coded,
        setting_help=words.setting_help, choice=words.choice, subject_of=words.subject, model_summary=words.model_summary, description_of=description_of,
        took=took, kinds=kind_names(), kind_sheets=sorted(path.name for path in (STATIC / "css" / "kinds").glob("*.css")), title_of=title_of,
        models_of=lambda kind: KINDS[kind].models(), headline_metric=lambda kind: KINDS[kind].headline,
        english_reasons=english_reasons() if language != "en" else {},
        kind_for=kind_for, usual_model=lambda kind: KINDS[kind].models()[kind_of(kind).default_model].title,
    )  # fmt: skip
    jinja.filters.update(
        markdown=lambda text, can_be_said=False: Markup(markdown.to_html(text, can_be_said=can_be_said)),
        duration=lambda seconds: duration(seconds, words.language),
        count=lambda number: f"{number:,}",
        percent=percent,
        score=lambda value: "–" if value is None else score(value),
        change=lambda value: Figure(value, "change").said(words.language),
        limit=lambda share: f"{float(f'{100 * share:.4g}'):g}",
        plain=plain,
        by_reason=by_reason,
        reason=lambda reason: reason_in(words.language, reason),
        field=field_text,
        bound=lambda number: f"{number:.10g}",
        pretty=lambda value: json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False),
    )
    return jinja


def plain(value: Any) -> str:
    """A value of a tool's input or output in one line."""
    match value:
        case None:
            return "–"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.6g}"
        case str():
            return value
        case list() if all(isinstance(each, (str, int, float)) for each in value):
            return ", ".join(plain(each) for each in value)
        case _:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)


def field_text(value: Any) -> str:
    """A setting's value as it stands in its input: 0.5, 2, "1, 2, 3", or nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:.10g}"
        case list():
            return ", ".join(field_text(each) for each in value)
        case _:
            return str(value)


def group_by_day(conversations: Iterable[Any]) -> dict[str, list[Any]]:
    """Conversations as today, yesterday and earlier, the newest first."""
    groups: dict[str, list[Any]] = {"today": [], "yesterday": [], "earlier": []}
    today = datetime.now().astimezone().date()
    for row in sorted(conversations, key=lambda row: row.updated_at, reverse=True):
        moment = row.updated_at if row.updated_at.tzinfo else row.updated_at.replace(tzinfo=UTC)
        days = (today - moment.astimezone().date()).days
        groups["today" if days <= 0 else "yesterday" if days == 1 else "earlier"].append(row)
    return groups
