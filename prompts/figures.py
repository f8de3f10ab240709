"""How a figure is rounded wherever it is told: one place, so that page, chat and terminal never give two values of one thing.

A `Figure` carries its value and the rounding that its kind deserves; `said` is the only way in which it becomes text.
"""

from dataclasses import dataclass
from typing import Literal

from prompts.durations import duration
from prompts.languages import Language

# count: whole, as it stands. share: percent with at most one decimal. promise: percent to three digits, as a threshold is promised.
# score: three decimals. change: the same with its sign. points: a difference of shares, in percentage points. seconds: as prompts/durations.py.
# times: a ratio, one decimal. chance: of a test's p-value, two digits. amount: of a unit, three digits. plain: a setting, as it was given.
Rounding = Literal[
    "count", "share", "promise", "score", "change", "points", "seconds", "times", "chance", "amount", "plain"
]
POINTS: dict[Language, str] = {"en": " points", "ko": " %p", "zh": " 个百分点"}
LEAST_CHANCE = 0.001  # a smaller p-value is told as less than this


@dataclass(frozen=True)
class Figure:
    """A number that is told, and how it is rounded. Shares are fractions here and become percent in `said`."""

    value: float
    rounding: Rounding

    def said(self, language: Language = "en") -> str:
        match self.rounding:
            case "count":
                return f"{round(self.value):,}"
            case "share":
                return percent(self.value)
            case "promise":
                return f"{float(f'{100 * self.value:.3g}'):g} %"
            case "score":
                return score(self.value)
            case "change":
                return f"{'-' if self.value < 0 else '+'}{score(abs(self.value))}"
            case "points":
                return (
                    f"{'-' if self.value < 0 else '+'}{percent(abs(self.value)).removesuffix(' %')}{POINTS[language]}"
                )
            case "seconds":
                return duration(self.value, language)
            case "times":
                return f"{self.value:.1f}"
            case "chance":
                return f"< {LEAST_CHANCE:g}" if self.value < LEAST_CHANCE else f"{self.value:.2g}"
            case "amount":
                return f"{float(f'{self.value:.3g}'):g}"
            case "plain":
                return f"{self.value:g}"


@dataclass(frozen=True)
class Within:
    """An interval of 95 %."""

    low: Figure
    high: Figure
    level: Figure = Figure(0.95, "share")


def percent(share: float) -> str:
    """A share as percent with at most one decimal, never rounded to 0 or 100 unless it is."""
    value = 100 * share
    digits = 1
    while digits < 6 and (round(value, digits) in (0.0, 100.0)) and value not in (0.0, 100.0):
        digits += 1
    return f"{round(value, digits):g} %"


def score(value: float) -> str:
    """A metric or score to three decimals, more where the size demands it."""
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:.3g}"


def count(value: float) -> Figure:
    return Figure(value, "count")


def share(value: float) -> Figure:
    return Figure(value, "share")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 picture`, `2 pictures`: for the English of terminals and errors, which stands in no table. `many`: where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
