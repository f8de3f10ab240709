"""What a version must keep to be promoted, in the customer's terms: how many of each defect type may escape, how many good parts may fail,
measured on a named version of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

Share = tuple[int, int]  # how many of how many


class Gate(BaseModel):
    """Shares from 0 to 1; what is None is not asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_escape: float | None = Field(
        default=None, ge=0, le=1, description="share of each defect type that may be called good, such as 0.02"
    )
    max_escape_of: dict[str, float] = Field(
        default={}, description="another share for some defect types, by their names"
    )
    max_overkill: float | None = Field(
        default=None, ge=0, le=1, description="share of the good images that may be called defective, such as 0.01"
    )
    data: str | None = Field(
        default=None, description="data set that a version is measured on; left out: the one that it was tested with"
    )
    fingerprint: str | None = Field(default=None, description="of that data set when the gate was set: its version")

    @property
    def is_empty(self) -> bool:
        return self.max_escape is None and self.max_overkill is None and not self.max_escape_of


@dataclass(frozen=True)
class GateLine:
    """One limit and what was measured. `of` is the defect type, None for the overkill; `wrong` of `count` images, None where there are none
    of the type. `can_show`: whether so many images, none of them wrong, would show that the limit holds (the rule of three: 3 / limit)."""

    of: str | None
    limit: float
    wrong: int | None
    count: int

    @property
    def holds(self) -> bool:
        return self.wrong is not None and self.count > 0 and self.wrong <= self.limit * self.count + 1e-9

    @property
    def images_to_show(self) -> int | None:
        return None if self.limit <= 0 else round(3 / self.limit)

    @property
    def can_show(self) -> bool:
        return self.images_to_show is not None and self.count >= self.images_to_show


def judge(gate: Gate, escapes: Mapping[str, Share], overkill: Share | None) -> list[GateLine]:
    """Every limit of the gate beside what was measured, the failed ones first. A type that is named and was not measured does not hold."""
    lines = []
    for name in sorted({*escapes, *gate.max_escape_of}):
        limit = gate.max_escape_of.get(name, gate.max_escape)
        if limit is not None:
            wrong, count = escapes.get(name, (None, 0))
            lines.append(GateLine(name, limit, wrong, count))
    if gate.max_escape is not None and not escapes:
        lines.append(GateLine("", gate.max_escape, None, 0))
    if gate.max_overkill is not None:
        wrong, count = overkill or (None, 0)
        lines.append(GateLine(None, gate.max_overkill, wrong, count))
    return sorted(lines, key=lambda line: line.holds)
