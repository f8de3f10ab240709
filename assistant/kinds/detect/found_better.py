"""Another finished run on the same test images that found the worst type better: the best evidence for what to do next.

Only what was really trained is told of, and only where that it found more is more than chance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.kinds.claims import About, Claim, Offer
from assistant.kinds.detect.claims import CHANCE, worst_first
from assistant.kinds.pairs import holm, pair
from assistant.kinds.summary import title_of
from assistant.kinds.two_runs import Side, have_same_images
from assistant.store.tables import RunRow
from engine.contract.jobs import flat_settings, read_job
from engine.contract.results.detect import DetectResults
from prompts.figures import Figure, count

NO_MATTER = ("seed", "device", "time_limit_min", "batch_size", "overkill_rate", "calibration_share", "escape_cost")


@dataclass(frozen=True)
class Finished:
    """A run and what it measured."""

    row: RunRow
    results: DetectResults


def found_better(about: About, run: Finished, others: Sequence[Finished]) -> Iterator[Claim]:
    """The run among the others that misses least of the type that this one misses most, and no more in all; none where none does."""
    worst = next(((name, each) for name, each in worst_first(run.results.metrics) if each.missed), None)
    if worst is None:
        return
    name, of_type = worst
    paired = [each for each in others if have_same_images([_side(run), _side(each)])]
    chances = holm([_chance(run, each, name) for each in paired])  # the best of many is better by chance alone
    better = [
        (each, chance)
        for each, chance in zip(paired, chances, strict=True)
        if chance < CHANCE and _is_better(each, run, name)
    ]
    if not better:
        return
    other, chance = min(better, key=lambda each: (_missed(each[0], name), _missed(each[0]), -each[0].row.number))
    differs = _differences(run, other)
    alarms = [each.results.metrics.metrics.get("false_alarms") or 0 for each in (run, other)]
    claim = about.claim(
        "next.other_run",
        "next_other_run",
        type=name,
        missed=count(of_type.missed),
        total=count(of_type.count),
        other=other.row.id,
        model=title_of(other.row),
        settings=[(setting, _told(value)) for setting, value in differs.items()],
        fewer=count(_missed(other, name)),
        in_all=count(_missed(run)),
        in_all_other=count(_missed(other)),
        alarms=count(alarms[0]),
        alarms_other=count(alarms[1]),
        chance=Figure(chance, "chance"),
        limit=Figure(CHANCE, "plain"),
    )
    yield replace(claim, offers=tuple(_offers(run, other, differs)))


def _side(run: Finished) -> Side[DetectResults]:
    return Side(run.row.id, run.results)


def _chance(run: Finished, other: Finished, defect_type: str) -> float:
    """How often chance alone would have one find so much more of the type's images than the other, were both equally good."""
    found = {row.name: row.is_anomalous for row in other.results.rows}
    of_type = [row for row in run.results.rows if row.defect_type == defect_type]
    return pair([row.is_anomalous for row in of_type], [found[row.name] for row in of_type]).chance


def _is_better(other: Finished, run: Finished, defect_type: str) -> bool:
    return _missed(other, defect_type) < _missed(run, defect_type) and _missed(other) <= _missed(run)


def _missed(run: Finished, defect_type: str | None = None) -> int:
    return sum(
        row.label == "defective" and not row.is_anomalous and defect_type in (None, row.defect_type)
        for row in run.results.rows
    )


def _differences(run: Finished, other: Finished) -> dict[str, Any]:
    """The other's settings that this run has too, with another value."""
    own, theirs = (flat_settings(read_job(each.row.spec)) for each in (run, other))
    return {
        name: value
        for name, value in theirs.items()
        if name in own and own[name] != value and name not in NO_MATTER and value is not None
    }


def _offers(run: Finished, other: Finished, differs: dict[str, Any]) -> Iterator[Offer]:
    runs = [run.row.id, other.row.id]
    yield Offer("offer_compare", "compare_runs", {"runs": runs}, {"runs": runs})
    if run.row.subject == other.row.subject and differs:
        settings = [(name, _told(value)) for name, value in differs.items()]
        like = {"run": run.row.id, "settings": settings}
        yield Offer("offer_train_like", "propose_training", {"like": run.row.id, **differs}, like)
    else:
        yield Offer("offer_results", "summarize_results", {"run": other.row.id}, {"run": other.row.id})


def _told(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Figure(value, "plain")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
