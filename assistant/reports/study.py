"""The report of a repeatability study: one HTML file that needs nothing beside itself, with every figure beside its limits, every part, and what was
studied, by whom, at which threshold. Its figures are drawn on the model's page too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assistant.models.study import AT_MOST, Judged
from assistant.reports import environment
from assistant.tools.wording import wording
from prompts.figures import percent, score
from prompts.languages import Language


@dataclass(frozen=True)
class FigureRow:
    """A figure in words; empty where it has no such part."""

    name: str
    value: str
    counted: str
    interval: str
    limit: str
    judged: Judged | None  # None: it has no limit


def figures_of(told: Mapping[str, Any], language: Language) -> list[FigureRow]:
    """The figures of a study (Study.told) as they are shown, each beside its limits."""
    return [_row(name, measure, told["limits"].get(name), language) for name, measure in told["measures"].items()]


def study_page(told: Mapping[str, Any], language: Language) -> str:
    """The report as HTML, from a study as it is told (`told_of` of assistant/models/studies.py)."""
    page = environment(language).get_template("study.html.j2")
    return page.render(**told, figures=figures_of(told["study"], language), made=datetime.now(UTC))


def _row(name: str, measure: Mapping[str, Any], limits: tuple[float, float] | None, language: Language) -> FigureRow:
    t, as_text = wording(language), score if name == "kappa" else percent
    value = t("study.unmeasured") if measure["value"] is None else as_text(measure["value"])
    counted = "" if measure["count"] is None else t("study.counted", count=measure["count"], of=measure["of"])
    interval = "" if measure["interval"] is None else t("study.interval", low=as_text(measure["interval"][0]), high=as_text(measure["interval"][1]))  # fmt: skip
    limit = ""
    if limits is not None:
        key = "study.at_most" if name in AT_MOST else "study.at_least"
        limit = t(key, acceptable=as_text(limits[0]), marginal=as_text(limits[1]))
    return FigureRow(name, value, counted, interval, limit, None if limits is None else measure["judged"])
