"""Tool: put another threshold of a finished training in force."""

from typing import Any, Literal

from pydantic_ai import ApprovalRequired, RunContext

from assistant.runs.queue import version_in_force
from assistant.runs.results import NoResults
from assistant.runs.thresholds import ThresholdRefused, options, read_asked, would
from assistant.runs.thresholds import set_threshold as put_in_force
from assistant.store.tables import SUCCEEDED, RunRow
from assistant.tools import Traits
from assistant.tools.desk import Desk
from engine.contract.policy import percent

TRAITS = Traits(asks_on="card", rather=SUCCEEDED, needs_more=True)


async def set_threshold(
    ctx: RunContext[Desk],
    run: str | None = None,
    overkill_rate: float | None = None,
    escape_rate: float | None = None,
    escape_cost: float | None = None,
    value: float | None = None,
    to: Literal["promised", "f1", "stricter", "looser", "previous"] | None = None,
) -> dict[str, Any]:
    """Set the threshold above which an image is called defective, for a finished training that looks for defects. Nothing is trained: all
    verdicts, figures and heatmaps follow at once. The user is asked first, by a card that says what it costs. Give exactly one of
    overkill_rate, escape_rate, escape_cost, value and to.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
        overkill_rate: share of good images that may be called defective, such as 0.03; set from the good images kept for it.
        escape_rate: share of the tested defects that may pass as good; 0 lets none pass.
        escape_cost: overkilled good images that one missed defect is worth; the threshold of the least cost is taken.
        value: the threshold itself, a raw score.
        to: promised: that of the training; f1: the best F1 on the test images; stricter: one step lower, fewer missed defects;
            looser: one step higher, fewer false alarms; previous: undo the last setting.
    """
    desk = ctx.deps
    row = await desk.run(run, rather=SUCCEEDED)
    desk.folder(row)  # or it is refused
    wishes: dict[str, Any] = {
        "overkill_rate": _share(overkill_rate),
        "escape_rate": _share(escape_rate),
        "escape_cost": escape_cost,
    }
    wishes |= {"value": value, "to": to}
    if all(each is None for each in wishes.values()):
        raise desk.refuse(
            "which_threshold",
            "say which threshold: by overkill, escapes, cost, value or one step",
            **await _now(desk, row),
        )
    before = ctx.tool_call_metadata if ctx.tool_call_approved else None
    try:
        asked = read_asked(wishes)
        if not ctx.tool_call_approved:
            told = await would(desk.runs, row, asked)
            raise ApprovalRequired(metadata=_question(row, told))
        seen = before["seen"] if before else None  # what was approved is what was asked about
        told = await would(desk.runs, row, asked)
        row = await put_in_force(desk.runs, row, asked, who="chat", seen=seen, conversation=desk.conversation)
    except ThresholdRefused as error:
        raise desk.refuse("cannot_set", str(error), run=row.id, why=error.code) from None
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    return {"run": row.id, "version": version_in_force(row), **_change(told)}


async def _now(desk: Desk, row: RunRow) -> dict[str, Any]:
    """The threshold in force, which is told where none is named; nothing where the run has none to tell of."""
    try:
        now = (await options(desk.runs, row))["in_force"]
    except (ThresholdRefused, NoResults):
        return {}
    told = {name: now[name] for name in ("version", "missed", "defective", "good")}
    return {"run": row.id, "threshold": float(f"{now['value']:.4g}"), "alarms": now["false_alarms"], **told}


def _share(value: float | None) -> float | None:
    """3 is meant as 3 %."""
    return value / 100 if value is not None and 1 <= value < 100 else value


def _question(row: RunRow, told: dict[str, Any]) -> dict[str, Any]:
    """What the card says; `how` is by what the costs are known."""
    known = {"defects": told["now"]["missed"] is not None, "goods": told["now"]["false_alarms"] is not None}
    how = "both" if all(known.values()) else next((name for name, is_known in known.items() if is_known), "neither")
    return {"run": row.id, "seen": version_in_force(row), "how": how, **_change(told)}


def _change(told: dict[str, Any]) -> dict[str, Any]:
    now, then = told["now"], told["then"]
    return {
        "threshold": float(f"{then['value']:.4g}"),
        "instead_of": float(f"{now['value']:.4g}"),
        "missed": then["missed"],
        "missed_before": now["missed"],
        "defective": then["defective"],
        "alarms": then["false_alarms"],
        "alarms_before": now["false_alarms"],
        "good": then["good"],
        "promised": then["promised"],
        "promised_percent": None if then["promised"] is None else percent(then["promised"]),
        "images": then["calibration_images"],
        "oracle": then["oracle"],
    }
