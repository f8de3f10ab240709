"""The threshold of a finished run: which is in force, what others would cost, and setting another. None of it trains.

Each setting is a version with who, when, how it was asked for and why; version 1 is the promised one of the training. All results are
told at the one in force (assistant/runs/results.py). From Python:

    async with Workspace.open(Settings()) as workspace:
        runs = workspace.runs
        row = await runs.get("r12")
        print(await would(runs, row, Asked(overkill_rate=0.03)))  # what it would cost, and nothing is set
        await set_threshold(runs, row, Asked(overkill_rate=0.03), who="python", why="the line agreed to 3 %")
        await set_threshold(runs, row, Asked(to="previous"), who="python")  # undone
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from pydantic import ValidationError

from assistant.refused import Refused
from assistant.runs.queue import Queue, version_in_force
from assistant.runs.results import NoResults, evaluation_of, told_by_file
from assistant.store.tables import RunRow, ThresholdRow, now
from engine.contract.folder import RunFolder
from engine.contract.jobs import KINDS

if TYPE_CHECKING:
    from engine.contract.another_threshold import Asked, Kept, ThresholdTold

Who = Literal["page", "chat", "command line", "python"]


class ThresholdSet(TypedDict):
    """A version as it stands in the database. `told` are the facts of a ThresholdTold, `before` is the version that undoing goes back to;
    0 where there is none."""

    version: int
    told: dict[str, Any]
    asked: dict[str, Any]
    who: Who
    when: str
    why: str | None
    before: int


class ThresholdRefused(Refused):
    """A threshold that cannot be set. `code` is no_threshold, stale_threshold, bad_threshold, or one of `CannotSet`."""

    def __init__(self, code: str, message: str, hint: str = "", *, status: int = 422, **values: Any):
        super().__init__(code, message, hint, **values)
        self.status = status


async def options(runs: Queue, row: RunRow) -> dict[str, Any]:
    """The threshold in force, all versions, what is offered with what each costs, and the knots of the pixel threshold.

    Raises:
        ThresholdRefused, NoResults, RunElsewhere: the run has none to tell of.
    """
    history_of, kept = await runs.thresholds(row.id), await _kept(runs, row)

    def told() -> dict[str, Any]:
        from engine.contract.another_threshold import costs, presets, promises

        force = _in_force(row, kept)
        return {
            "run": row.id,
            "in_force": _version(row.threshold, kept),
            "versions": [_version(setting, kept) for setting in (None, *(each.setting for each in history_of))],
            "presets": [
                {"name": name, "asked": asked.facts(), **costs(kept, threshold)}
                for name, asked, threshold in presets(kept, in_force=force)
            ],
            "can_undo": row.threshold is not None and bool(row.threshold["before"]),
            "pixel_knots": [list(knot) for knot in kept.knots],
            **promises(kept),
        }

    return await asyncio.to_thread(told)


async def would(runs: Queue, row: RunRow, asked: "Asked") -> dict[str, Any]:
    """What an asked threshold would change: `now` and `then`, each with its costs. Nothing is set.

    Raises:
        ThresholdRefused, NoResults, RunElsewhere: it cannot be set, in words.
    """
    kept = await _kept(runs, row)
    before = await _before(runs, row, asked, kept)

    def told() -> dict[str, Any]:
        from engine.contract.another_threshold import costs

        now_, then = _in_force(row, kept), _chosen(asked, row, kept, before)
        return {"run": row.id, "asked": asked.facts(), "now": costs(kept, now_), "then": costs(kept, then)}

    return await asyncio.to_thread(told)


async def set_threshold(
    runs: Queue,
    row: RunRow,
    asked: "Asked",
    *,
    who: Who,
    seen: int | None = None,
    why: str | None = None,
    conversation: str | None = None,
) -> RunRow:
    """Put a threshold in force; the run with its metrics at it. `Asked(to="previous")` undoes the last setting.

    Args:
        seen: the version that whoever asks has seen in force; None is that of `row`.

    Raises:
        ThresholdRefused: `stale_threshold` where another is in force by now; or it cannot be set, in words.
        NoResults, RunElsewhere: the run has no results, or they are in another home.
    """
    kept = await _kept(runs, row)
    seen = version_in_force(row) if seen is None else seen
    before = await _before(runs, row, asked, kept)
    chosen = await asyncio.to_thread(_chosen, asked, row, kept, before)
    setting = ThresholdSet(
        version=seen + 1,
        told=chosen.facts(),
        asked=asked.facts(),
        who=who,
        when=now().isoformat(),
        why=why,
        before=seen if before is None else before[0],
    )
    metrics = await asyncio.to_thread(_metrics_at, kept, chosen)
    made = ThresholdRow(
        run=row.id,
        version=seen + 1,
        value=chosen.image,
        pixel=chosen.pixel,
        setting=dict(setting),
        conversation=conversation,
    )
    changed = await runs.set_threshold(made, seen=seen, metrics=metrics)
    if changed is None:
        current = version_in_force(await runs.get(row.id))
        raise ThresholdRefused(
            "stale_threshold",
            f"the threshold of {row.id} was set meanwhile: version {current} is in force, not {seen}",
            "look at it and set it again",
            status=409,
            run=row.id,
            version=current,
            seen=seen,
        )
    return changed


def read_asked(asked: Mapping[str, Any]) -> "Asked":
    """What is asked for, from its parts; those that are None count as not given.

    Raises:
        ThresholdRefused: it is not exactly one, or out of range.
    """
    from engine.contract.another_threshold import Asked

    try:
        return Asked.model_validate({name: value for name, value in asked.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        where, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        if (field := Asked.model_fields.get(where)) is not None:
            allowed = said.removeprefix("Input ")
            said = f"{where.replace('_', ' ')} cannot be {first['input']}: it {allowed} ({field.description})"
        raise ThresholdRefused("bad_threshold", said) from None


def said_when(setting: Mapping[str, Any]) -> str:
    """When a version was set, to the minute."""
    return f"{setting['when'][:16].replace('T', ' ')} UTC"


async def _kept(runs: Queue, row: RunRow) -> "Kept":
    if not KINDS[row.kind].has_threshold:
        raise ThresholdRefused("no_threshold", f"run {row.id} has no threshold: it looks for no defects", run=row.id)
    folder = runs.folder_of(row)
    if row.state == "running":  # its log may have ended, but its metrics are still to be noted
        raise NoResults("unfinished", f"run {row.id} has no results yet: it is {row.state}", row)

    def read() -> "Kept":
        evaluation_of(row, folder)
        with told_by_file(row, folder):
            return _read(RunFolder(folder), _stamps(RunFolder(folder)))

    return await asyncio.to_thread(read)


@lru_cache(
    maxsize=2
)  # who moves a threshold does it several times, and reading ten thousand rows takes most of the time
def _read(folder: RunFolder, stamps: tuple[tuple[int, int], ...]) -> "Kept":
    from engine.contract.another_threshold import Kept

    return Kept.read(folder)


def _stamps(folder: RunFolder) -> tuple[tuple[int, int], ...]:
    """What tells that a file is another one than it was."""
    files = (folder.evaluation.metrics, folder.evaluation.scores, folder.model.card)
    return tuple((found.st_mtime_ns, found.st_size) for found in (path.stat() for path in files))


async def _before(runs: Queue, row: RunRow, asked: "Asked", kept: "Kept") -> "tuple[int, ThresholdTold] | None":
    """What undoing goes back to: its thresholds, and the version before it. None where nothing is to be undone."""
    if asked.to != "previous" or row.threshold is None or not row.threshold["before"]:
        return None
    versions = {each.version: each.setting for each in await runs.thresholds(row.id)}
    back = versions.get(int(row.threshold["before"]))
    return (0, kept.promised) if back is None else (int(back["before"]), _told(back))


def _chosen(asked: "Asked", row: RunRow, kept: "Kept", before: "tuple[int, ThresholdTold] | None") -> "ThresholdTold":
    from engine.contract.another_threshold import CannotSet, choose

    try:
        return choose(asked, kept, in_force=_in_force(row, kept), before=None if before is None else before[1])
    except CannotSet as error:
        raise ThresholdRefused(error.code, str(error), run=row.id, **error.values) from None


def _metrics_at(kept: "Kept", threshold: "ThresholdTold") -> dict[str, float | None]:
    from engine.contract.verdicts import metrics_at

    return metrics_at(kept.results, threshold).metrics


def _in_force(row: RunRow, kept: "Kept") -> "ThresholdTold":
    return kept.promised if row.threshold is None else _told(row.threshold)


def _told(setting: Mapping[str, Any]) -> "ThresholdTold":
    from engine.contract.another_threshold import ThresholdTold

    return ThresholdTold.model_validate(setting["told"])


def _version(setting: Mapping[str, Any] | None, kept: "Kept") -> dict[str, Any]:
    """A version with what it costs; None is the promised one."""
    from engine.contract.another_threshold import costs

    if setting is None:
        return {"version": 1, "asked": {"to": "promised"}, "who": "training", **costs(kept, kept.promised)}
    facts = {name: setting[name] for name in ("version", "asked", "who", "when", "why")}
    return {**facts, **costs(kept, _told(setting))}
