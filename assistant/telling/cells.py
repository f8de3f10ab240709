"""A figure of one run as a table shows it, on the page and in a terminal alike."""

from dataclasses import dataclass

from assistant.kinds.beside import Line, Mark, Value
from prompts.figures import Figure
from prompts.languages import Language
from prompts.page_texts import filled, page_texts

UNITS = {"ms_per_image": " ms", "peak_memory_mb": " MB", "peak_gpu_memory_mb": " MB", "model_mb": " MB"}


@dataclass(frozen=True)
class Cell:
    """`text` is the figure, `within` its interval, `label` what it is the figure of, `beside` a second one; each may be empty."""

    text: str
    within: str = ""
    label: str = ""
    beside: str = ""
    mark: Mark | None = None


def cell(line: Line, value: Value, language: Language) -> Cell:
    """A number of images with how many there are, and the interval of its share; any other figure as it is rounded."""
    if value.value is None:
        return Cell("–")
    rounding = "share" if value.of else line.rounding
    low_high = [Figure(each, rounding).said(language) for each in value.interval or ()]
    within = f"{low_high[0].removesuffix(' %')}–{low_high[1]}" if low_high else ""
    return Cell(
        text=_said(line, value, language),
        within=within,
        label=value.label or "",
        beside=Figure(value.beside, "score").said(language) if value.beside is not None else "",
        mark=value.mark,
    )


def name_of(line: Line, language: Language) -> str:
    """What a line is called; a defect type or a class by its own name."""
    texts = page_texts(language)
    text = texts.get(f"compare.line.{line.name}", texts.get(f"metric.{line.name}", line.name))
    return filled(text, {name: Figure(value, "share").said(language) for name, value in line.given.items()})


def _said(line: Line, value: Value, language: Language) -> str:
    assert value.value is not None
    if line.name in UNITS:
        return f"{value.value:.3g}{UNITS[line.name]}"
    said = Figure(value.value, line.rounding).said(language)
    return f"{said} / {value.of:,}" if value.of else said
