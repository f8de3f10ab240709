"""What a kind of run gives to its report: values for its own template, how its heat is drawn, and figures rounded as its page rounds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from assistant.kinds.claims import Outline
from engine.contract.results import Interval, Metrics
from engine.contract.results.card import ModelCard


@dataclass(frozen=True)
class Heat:
    """How score maps are coloured: the pixel threshold, and the raw scores that 0 and 65535 of a stored map stand for."""

    pixel: float
    low: float
    high: float


@dataclass(frozen=True)
class FigureRow:
    """A figure of the table: the metric's name, its value and interval as text; of one that was not measured the reason."""

    name: str
    value: str
    interval: str
    reason: str = ""


@dataclass(frozen=True)
class Reported:
    """`values` are those of the kind's template (report.html.j2); `on_threshold` names the sentences that tell of the threshold."""

    figures: list[FigureRow]
    counts: Mapping[str, int]
    card: ModelCard | None
    values: Mapping[str, Any]
    heat: Heat | None = None
    on_threshold: Outline = ()


def figure_rows(metrics: Metrics, names: Iterable[str], shares: Iterable[str]) -> list[FigureRow]:
    """Of these metrics, those that the run knows of, in this order."""
    rows, of_share = [], set(shares)
    for name in names:
        if name not in metrics.metrics:
            continue
        value, interval = metrics.metrics[name], metrics.intervals.get(name)
        if value is None:
            rows.append(FigureRow(name, "–", "", metrics.reasons.get(name, "")))
        else:
            told = metrics.interval_notes.get(name) is None and interval is not None
            between = _between(interval, name in of_share) if told and interval is not None else ""
            rows.append(FigureRow(name, said(value, name in of_share), between))
    return rows


def said(value: float, is_share: bool) -> str:
    """As the page writes it (web/static/js/format.js): a share in percent with one decimal, any other figure with three."""
    return f"{fixed(100 * value, 1)} %" if is_share else fixed(value, 3)


def fixed(value: float, digits: int) -> str:
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def _between(interval: Interval, is_share: bool) -> str:
    return f"{said(interval[0], is_share)} – {said(interval[1], is_share)}"
