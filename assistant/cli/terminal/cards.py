"""An item of a conversation as lines of text, in the reader's language: what the page draws as a card."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from assistant.cli.terminal.words import Words
from assistant.data.left_out import by_reason
from assistant.frames import (
    AssistantItem,
    ChoicesItem,
    ConfirmItem,
    ErrorItem,
    GroupItem,
    HeatmapsItem,
    Item,
    ProposalItem,
    RunItem,
    Setting,
    ToolItem,
    UserItem,
)
from assistant.tools.words import question_words
from prompts.durations import duration

SHOWN_IMAGES = 8
IDLE_SECONDS = 0.1  # a tool that took less says no time


def lines_of(item: Item, words: Words) -> list[str]:
    """What is shown of an item."""
    match item:
        case UserItem():
            return [f"> {line}" for line in item.text.splitlines()]
        case AssistantItem():
            return plain(item.text).splitlines()
        case ToolItem():
            return _tool(item, words)
        case ProposalItem():
            return _plan(item, words)
        case ConfirmItem():
            return _question(item, words)
        case ChoicesItem():
            return [*numbered(item.choices), words("choose")] if item.state == "open" else []
        case RunItem() | GroupItem():
            return []  # its progress and its end are told (progress.py)
        case HeatmapsItem():
            return _gallery(item, words)
        case ErrorItem():
            return _error(item, words)


def plain(markdown: str) -> str:
    """Markdown without its marks of emphasis."""
    return re.sub(r"\*+([^*\s](?:[^*\n]*[^*\s])?)\*+", r"\1", markdown)


def plain_so_far(markdown: str) -> str:
    """The same of a text that still grows, without the end of it that a mark to come may change."""
    shown = plain(markdown)
    line = shown.rfind("\n") + 1
    mark = shown.find("*", line)
    return shown if mark < 0 else shown[:mark]


def numbered(choices: Sequence[str]) -> list[str]:
    return [f"  {number}  {choice}" for number, choice in enumerate(choices, 1)]


def table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Rows of a name, a value and a remark, aligned by what the letters take on a screen."""
    widths = [max((width(row[place]) for row in rows), default=0) for place in (0, 1)]
    return [
        f"  {_padded(name, widths[0])}  {_padded(value, widths[1])}  {remark}".rstrip() for name, value, remark in rows
    ]


def width(text: str) -> int:
    """Columns that a text takes: two for a letter of Korean or Chinese."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def _tool(item: ToolItem, words: Words) -> list[str]:
    """One line, and why where it could not be done."""
    page = words.page
    what = "running" if item.state == "running" else "done"
    line = f"  · {page.coded('tool', f'{item.tool}.{what}', {}, item.tool)}"
    subject = page.subject(item.arguments)
    line += f" {subject}" if subject else ""
    if item.state in ("asks", "failed"):
        line += f" ({page(f'tool.{item.state}')})"
    elif item.seconds is not None and item.seconds >= IDLE_SECONDS:
        line += f" ({duration(item.seconds, words.language)})"
    return [line, *([f"    {item.error}"] if item.error and item.state == "failed" else [])]


def _plan(item: ProposalItem, words: Words) -> list[str]:
    page = words.page
    title = page("plan.title", model=item.model_title, dataset=item.dataset)
    if item.group is not None:
        title = f"{page(f'plan.group.{item.group.sort}')}: {title}"
    if item.state != "open":
        run = f" · {page('run.name', run=item.run)}" if item.run else ""
        return [f"{title}: {page(f'plan.state.{item.state}')}{run}"]
    basis = page("plan.basis", count=item.estimate.basis) if item.estimate.basis else page("plan.guess")
    rows = [(page(f"facts.{each.name}"), f"{each.count:,}", "") for each in item.figures]
    rows += [(each.name, " · ".join(_portions(each.counts, words)), "") for each in item.portions]
    rows.append((page("plan.estimate"), duration(item.estimate.seconds, words.language), basis))
    rows += [_setting(each, words) for each in item.settings if _is_worth_saying(each)]
    rows += _trials(item, words)
    rows += [(page("setting.members"), each.run, each.model_title) for each in item.members]
    lines = [f"{title} · {page(f'plan.state.{item.state}')}", *table(rows)]
    lines += [
        f"  {'!' if each.grave else '-'} {page.coded('notice', each.code, each.values, each.message)}"
        for each in item.notices
    ]
    lines += [f"  ! {each}" for each in _left_out(item, words)]
    if item.problem:
        lines.append(f"  ! {page.coded('problem', item.problem_kind or 'other', item.problem_values, item.problem)}")
    return [*lines, words("decide")]


def _trials(item: ProposalItem, words: Words) -> list[tuple[str, str, str]]:
    """What a plan of several runs tries, each with how long it takes or why it is left out."""
    page, rows = words.page, []
    for each in item.group.trials if item.group is not None else []:
        what = ", ".join(
            f"{page.coded('setting', name, {}, name)} {page.choice(name, value)}"
            for name, value in each.differs.items()
        )
        took = duration(each.seconds, words.language) if each.seconds is not None else "–"
        out = each.left_out
        why = page("plan.group.left_out", reason=page.coded("notice", out.code, out.values, out.message)) if out else ""
        rows.append((what, took, why))
    for name, (low, high) in (item.group.search if item.group is not None else {}).items():
        values = {"setting": page.coded("setting", name, {}, name), "low": f"{low:g}", "high": f"{high:g}"}
        rows.append((page("plan.group.search", count=item.group.most if item.group else 0, **values), "", ""))
    return rows


def _portions(counts: dict[str, int], words: Words) -> list[str]:
    return [f"{words.page(f'portion.{part}')} {count:,}" for part, count in counts.items()]


def _is_worth_saying(setting: Setting) -> bool:
    return (
        setting.main or setting.because is not None or setting.problem is not None or setting.value != setting.default
    )


def _setting(setting: Setting, words: Words) -> tuple[str, str, str]:
    page, because = words.page, setting.because
    name = page.coded("setting", setting.name, {}, setting.name)
    if setting.problem:
        problem = page.coded("problem", setting.problem_kind or "other", setting.problem_values, setting.problem)
        return name, _value(setting, words), f"! {problem}"
    remark = page.coded("because", because.code, because.values, because.message) if because else ""
    return name, _value(setting, words), remark


def _value(setting: Setting, words: Words) -> str:
    match setting.value:
        case None:
            return "–"
        case bool():
            return words.page.choice(setting.name, "true" if setting.value else "false")
        case float():
            return f"{setting.value:.6g}"
        case list():
            return ", ".join(map(str, setting.value))
        case _:
            return words.page.choice(setting.name, setting.value)


def _left_out(item: ProposalItem, words: Words) -> list[str]:
    lines = []
    for each in by_reason(item.dataset_facts.left_out):
        values = {"count": each["count"]}
        said = words.page.coded("left_out", each["reason"], values, f"{each['count']} ({each['reason']})")
        lines.append(f"{said} {' '.join(each['endings'])} {', '.join(each['folders'])}")
    return lines


def _question(item: ConfirmItem, words: Words) -> list[str]:
    asked = question_words(item.action, item.values, words.language)
    if item.state != "open":
        return [f"  {words.page(f'confirm.state.{item.state}')}"]
    return [asked, *numbered([words.page("confirm.yes"), words.page("confirm.no")])]


def _gallery(item: HeatmapsItem, words: Words) -> list[str]:
    page = words.page
    which = page.coded("told.gallery", f"{item.task}.{item.which}", {}, item.which)
    shown = item.images[:SHOWN_IMAGES]
    rows = [
        (image.name, f"{image.score:.3g}", page.coded("outcome", image.outcome, {}, image.outcome)) for image in shown
    ]
    more = item.total - len(shown)
    title = f"{page('run.name', run=item.run)} · {which}{f' · {item.defect_type}' if item.defect_type else ''}"
    return [title, *table(rows), *([f"  {words('more.images', count=more)}"] if more > 0 else [])]


def _error(item: ErrorItem, words: Words) -> list[str]:
    problems: list[dict[str, Any]] = item.values.get("problems") or [item.model_dump()]
    lines = []
    for each in problems:
        lines.append(f"! {words.page.coded('error', each['code'], each.get('values', {}), each['message'])}")
        lines.append(f"  {words.page.coded('error', each['code'] + '.hint', {}, each['hint'])}")
    return lines
