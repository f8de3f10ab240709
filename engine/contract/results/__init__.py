"""What every kind of run leaves behind of its measuring, typed: figures of the whole, and one row for each test image.

Each kind of run has its own in the file of its name (engine/contract/results/detect.py), as subclasses of these. Who writes and who
reads go by the same fields: a name that only one of them knows cannot come about. How they lie in a folder is told in
engine/contract/folder.py. Loads no torch.

A field without a default is always written. One with a default may be absent, in a file of an older version or where there is
nothing to tell; what a writer does not set is not written.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Interval = tuple[FiniteFloat, FiniteFloat]


class Written(BaseModel):
    """Something that a run writes as JSON. Fields of other versions are kept as they stand."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def facts(self) -> dict[str, Any]:
        """As JSON types, with what was set and nothing else."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class WeightsUsed(Written):
    """Where a backbone's weights came from; all empty in a model without a backbone."""

    backbone: str | None = None
    source: str | None = None
    tag: str | None = None
    licence: str | None = None
    lineage: list[dict[str, Any]] = Field(default=[], description="what the backbone was adapted on, oldest first")


class Metrics(Written):
    """The figures of a run, whatever its kind. One that cannot be measured is null, and `reasons` tells why."""

    metrics: dict[str, FiniteFloat | None]
    reasons: dict[str, str] = {}
    intervals: dict[str, Interval | None] = Field(default={}, description="95 %, by metric")
    interval_notes: dict[str, str] = Field(default={}, description="why a metric that was measured has no interval")
    counts: dict[str, int] = Field(default={}, description="images by what was done with them")
    weights: WeightsUsed = WeightsUsed()
    synthetic: bool = Field(default=False, description="whether the data set was made, not photographed")


class Row(BaseModel):
    """One test image: a line of scores.csv, whose columns are the fields, by their aliases."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    index: int = Field(ge=0, description="its place among the test images, which its pictures are named by")
    name: str = Field(description="path in the data set's folder")


MetricsT = TypeVar("MetricsT", bound=Metrics)
RowT = TypeVar("RowT", bound=Row)
WrittenT = TypeVar("WrittenT", bound=Written)


class Results(BaseModel, Generic[MetricsT, RowT]):
    """All that one kind of run measures; subclasses say by which types, and which sorts of pictures lie beside them."""

    model_config = ConfigDict(frozen=True)

    pictures: ClassVar[tuple[str, ...]] = ()

    metrics: MetricsT
    rows: list[RowT]

    @classmethod
    def types(cls) -> tuple[type[Metrics], type[Row]]:
        """Of its figures and of its rows."""
        metrics, rows = (cls.model_fields[name].annotation for name in ("metrics", "rows"))
        row = get_args(rows)[0]
        assert isinstance(metrics, type) and issubclass(metrics, Metrics) and issubclass(row, Row)
        return metrics, row

    def counted(self) -> Iterator[tuple[str, int, int]]:
        """What stands in the figures and in the rows alike: of what, how many by the figures, how many by the rows."""
        yield from ()

    def contradiction(self) -> str | None:
        """Why these rows are not those that the figures were counted from; None where they agree."""
        if len({row.index for row in self.rows}) < len(self.rows):
            return "names an image twice"
        for what, figures, rows in self.counted():
            if figures != rows:
                return f"does not agree with the figures: they count {figures} {what}, it has {rows}"
        return None


def as_json(written: Written, *, indent: int | None = None) -> str:
    """The contents of its file.

    Raises:
        ValueError: a figure is not finite.
    """
    return json.dumps(written.facts(), indent=indent, ensure_ascii=False, allow_nan=False)


def from_json(content: bytes, kind: type[WrittenT]) -> WrittenT:
    """What `as_json` wrote.

    Raises:
        ValueError: it is no JSON object, lacks a field, or holds a figure that is none.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no figure")

    try:
        read = json.loads(content.decode("utf-8"), parse_constant=refuse)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    if not isinstance(read, dict):
        raise ValueError("it is no JSON object")
    return kind.model_validate(read)


def as_csv(rows: Sequence[Row], kind: type[Row]) -> str:
    """A heading and a line for each row; empty where there is nothing to tell, 1 or 0 for yes or no."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(field.alias or name for name, field in kind.model_fields.items())
    for row in rows:
        writer.writerow(_cell(getattr(row, name)) for name in kind.model_fields)
    return text.getvalue()


def from_csv(content: bytes, kind: type[RowT]) -> list[RowT]:
    """The rows that `as_csv` wrote; columns that nobody knows are passed over.

    Raises:
        ValueError: it breaks off, a column is missing, a line is longer or shorter than the heading, or a figure is none.
    """
    if content and not content.endswith(b"\n"):
        raise ValueError("its last line breaks off")
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    heading = lines[0] if lines else []
    needed = {field.alias or name for name, field in kind.model_fields.items() if field.is_required()}
    if missing := needed - set(heading):
        raise ValueError(f"it lacks the columns {', '.join(sorted(missing))}")
    return [
        kind.model_validate({name: cell for name, cell in zip(heading, line, strict=True) if cell != ""})
        for line in lines[1:]
    ]


def _cell(value: object) -> object:
    if isinstance(value, tuple):  # of tuples of figures
        return " ".join(":".join(map(str, each)) for each in value)
    return "" if value is None else int(value) if isinstance(value, bool) else value
