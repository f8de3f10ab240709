"""Finished trainings of detectors on one data set: which does better at what, and whether that can be chance.

Each is told at the threshold that is in force for it. So that a looser threshold wins nothing, what each finds is counted at one overkill
too: the one that was promised, by the good images that each kept for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.kinds.beside import (
    Beside,
    Line,
    Picture,
    Seen,
    Tested,
    Value,
    by_difference,
    by_images,
    by_intervals,
    in_one_order,
    together,
)
from assistant.kinds.claims import About, Claim, Outline, plain_names, within
from assistant.kinds.detect.claims import rounding_of, worst_first
from assistant.kinds.pairs import CHANCE, auroc_difference, overlap, pair
from assistant.kinds.two_runs import Side, by_chance, found_by_name, have_same_images, on_figures
from engine.contract.policy import ROUNDING
from engine.contract.results.detect import DetectResults, OfType, ScoreRow
from prompts.figures import Figure, Within, count, share

COMPARED: Outline = (
    ("better", "same", "unclear", "image_auroc", "needed"),
    ("missed", "missed_at_one_overkill", "missed.*"),
    ("false_alarms",),
    ("other_images",),
    ("figure.*",),
)
FIGURES = ("aupro_30", "pixel_auroc", "image_aupr")
DECIDES = "image_auroc"  # it needs no threshold


@dataclass(frozen=True)
class Detector(Side[DetectResults]):
    """One of them; `rate` is the overkill that its training was asked for."""

    rate: float = 0.05


def beside(sides: Sequence[Detector]) -> Beside:
    """The facts of detectors whose data set is one; what is paired needs the same test images."""
    is_paired = have_same_images(sides)
    pictures = list(in_one_order([side.results for side in sides]))
    rows = {side.run: [each[i] for each in pictures] for i, side in enumerate(sides)}
    paired = rows if is_paired else None
    lines = [
        _judged("missed", sides, paired, label="defective"),
        *_at_one_overkill(sides, rows if is_paired else None),
        _judged("false_alarms", sides, paired, label="good"),
        Line.of(DECIDES, "score", _measured(sides, DECIDES), test=_by_scores(sides, paired)),
        _worst(sides),
        *(_by_figure(sides, name) for name in ("aupro_30", "pixel_auroc")),
        *_speed_and_memory(sides),
    ]
    found = Beside(
        runs=[side.run for side in sides],
        decides=DECIDES,
        same_images=is_paired,
        lines=[line for line in lines if any(value.value is not None for value in line.values)],
        types=together(_types(sides, paired), [side.run for side in sides]),
        pictures=[_picture(each) for each in pictures],
        drawn=[_drawn(side.results) for side in sides],
    )
    for i, first in enumerate(sides):
        for second in sides[i + 1 :]:
            found.claims[first.run, second.run] = claims_of_both(first, second, found)
    return found


def _judged(name: str, sides: Sequence[Detector], paired: "Rows | None", *, label: str) -> Line:
    """How many images of this label each run judges wrongly at its threshold."""
    rate = {"missed": "escape_rate", "false_alarms": "overkill"}[name]
    values = {}
    for side in sides:
        rows = [row for row in side.results.rows if row.label == label]
        wrong = sum(row.is_anomalous != (label == "defective") for row in rows)
        interval = side.results.metrics.intervals.get(rate)
        values[side.run] = Value(wrong, interval, of=len(rows)) if rows else Value()

    def test(first: str, second: str) -> Tested | None:
        if paired is None:
            return by_intervals(first, second, values, more_is_better=False)
        right = [
            [row.is_anomalous == (label == "defective") for row in paired[run] if row.label == label]
            for run in (first, second)
        ]
        return by_images(first, second, pair(*right)) if right[0] else None

    return Line.of(name, "count", values, test=test)


def _at_one_overkill(sides: Sequence[Detector], paired: "Rows | None") -> Iterator[Line]:
    """What each finds where all promise the same overkill, and the false alarms there."""
    rate = one_overkill(sides)
    if rate is None:
        return
    for name, label in (("found_at_one_overkill", "defective"), ("false_alarms_at_one_overkill", "good")):
        values = {}
        for side in sides:
            called = [is_above(row, rate) for row in side.results.rows if row.label == label]
            values[side.run] = Value(sum(called), of=len(called)) if called else Value()

        def test(first: str, second: str, label: str = label) -> Tested | None:
            if paired is None:
                return None
            right = [
                [is_above(row, rate) == (label == "defective") for row in paired[run] if row.label == label]
                for run in (first, second)
            ]
            return by_images(first, second, pair(*right)) if right[0] else None

        yield Line.of(name, "count", values, test=test, given={"rate": rate})


def one_overkill(sides: Sequence[Detector]) -> float | None:
    """The least overkill that was asked for of one of them and that the good images of each can promise; None where one keeps no p-values."""
    least = []
    for side in sides:
        known = [row.p_value for row in side.results.rows if row.p_value is not None]
        if len(known) < len(side.results.rows) or not known:
            return None
        least.append(side.results.metrics.threshold.smallest_promise or min(known))
    return max(min(side.rate for side in sides), *least)


def is_above(row: ScoreRow, rate: float) -> bool:
    """Whether it scores above the threshold that promises this overkill: just there its conformal p-value is no more than that."""
    return row.p_value is not None and row.p_value <= rate + ROUNDING


def _by_scores(sides: Sequence[Detector], paired: "Rows | None") -> Callable[[str, str], Tested | None]:
    """Of two of them, by DeLong's test on the scores of the same images."""
    values = _measured(sides, DECIDES)

    def test(first: str, second: str) -> Tested | None:
        if paired is None:
            return by_intervals(first, second, values)
        known = [[row for row in paired[run] if row.label in ("good", "defective")] for run in (first, second)]
        scores = [[row.score for row in each] for each in known]
        difference = auroc_difference(scores[0], scores[1], [row.label == "defective" for row in known[0]])
        return by_difference(first, second, difference) if difference is not None else None

    return test


def _measured(sides: Sequence[Detector], name: str) -> dict[str, Value]:
    metrics = {side.run: side.results.metrics for side in sides}
    return {run: Value(each.metrics.get(name), each.intervals.get(name)) for run, each in metrics.items()}


def _by_figure(sides: Sequence[Detector], name: str) -> Line:
    values = _measured(sides, name)
    return Line.of(name, rounding_of(name), values, test=lambda a, b: by_intervals(a, b, values))


def _worst(sides: Sequence[Detector]) -> Line:
    """The defect type of which the largest share is missed; of equal ones that which is told apart worst."""
    values = {}
    for side in sides:
        types = [(name, each) for name, each in worst_first(side.results.metrics) if each.count]
        name, worst = min(types, key=_badly_seen, default=("", None))
        values[side.run] = (
            Value(worst.found, worst.recall_interval, worst.count, name, worst.image_auroc) if worst else Value()
        )
    return Line.of("worst_type", "count", values)


def _badly_seen(named: tuple[str, OfType]) -> tuple[float, float]:
    _, of = named
    return of.found / of.count, 1.0 if of.image_auroc is None else of.image_auroc


def _speed_and_memory(sides: Sequence[Detector]) -> Iterator[Line]:
    """As it was measured once, on the machine that trained: no test tells of it."""
    for name in ("ms_per_image", "peak_memory_mb", "peak_gpu_memory_mb", "model_mb"):
        measured = {side.run: side.results.metrics.speed_and_memory for side in sides}
        values = {run: Value(getattr(each, name) if each else None) for run, each in measured.items()}
        yield Line.of(name, "plain", values)


def _types(sides: Sequence[Detector], paired: "Rows | None") -> list[Line]:
    """What each run finds of every defect type, the least found first."""
    names: dict[str, None] = {}
    for side in sides:
        names.update(dict.fromkeys(name for name, each in worst_first(side.results.metrics) if each.count))

    def found(side: Detector, name: str) -> Value:
        of = side.results.metrics.per_defect_type.get(name)
        return Value(of.found, of.recall_interval, of.count, beside=of.image_auroc) if of and of.count else Value()

    def right(run: str, name: str) -> list[bool]:
        return [row.is_anomalous for row in paired[run] if row.defect_type == name] if paired else []

    return sorted(found_by_name(list(names), sides, found=found, right=right), key=_found_in_all)


def _found_in_all(line: Line) -> float:
    found, of = (sum(getattr(value, name) or 0 for value in line.values) for name in ("value", "of"))
    return found / of if of else 1.0


def _picture(rows: Sequence[ScoreRow]) -> Picture:
    first = rows[0]

    def seen(row: ScoreRow) -> Seen:
        right = row.is_anomalous == (row.label == "defective") if row.label in ("good", "defective") else None
        return Seen(row.index, row.score, "defective" if row.is_anomalous else "good", right)

    return Picture(first.name, first.label, first.defect_type, first.has_truth, [seen(row) for row in rows])


def _drawn(results: DetectResults) -> dict[str, Any]:
    """The scale of its heat, and the thresholds in force."""
    metrics = results.metrics
    low, high = metrics.map_scale
    return {"low": low, "high": high, "threshold": metrics.threshold.pixel, "image": metrics.threshold.image}


Rows = Mapping[str, Sequence[ScoreRow]]


def claims_of_both(first: Detector, second: Detector, facts: Beside) -> list[Claim]:
    """Claims about two of them, by their facts."""
    about = About(f"{first.run}-{second.run}", "detect", {"first": first.run, "second": second.run})
    claims = [*_on_auroc(about, first, second, facts)]
    claims += _on_verdicts(about, first, second, facts)
    claims += _on_one_overkill(about, first, second, facts)
    claims += _on_types(about, first, second)
    claims += on_figures(about, FIGURES, (first, second), rounding_of=rounding_of)
    if not facts.same_images:
        claims.append(about.claim("other_images", "other_images"))
    return claims


def _on_auroc(about: About, first: Detector, second: Detector, facts: Beside) -> Iterator[Claim]:
    a, b = (side.results.metrics.metrics.get(DECIDES) for side in (first, second))
    if a is None or b is None:
        yield about.claim("unclear", "auroc_unknown")
        return
    told = {"a": Figure(a, "score"), "b": Figure(b, "score"), "difference": Figure(a - b, "change")}
    tested = _between(facts, DECIDES, first, second)
    if facts.same_images and tested is not None and tested.interval is not None:
        spread = Within(Figure(tested.interval[0], "change"), Figure(tested.interval[1], "change"))
        holds_zero = tested.interval[0] <= 0 <= tested.interval[1]
        if tested.better is not None:
            yield about.claim("better", "auroc_better", better=tested.better, spread=spread, **told)
        elif holds_zero:
            yield about.claim("unclear", "auroc_unclear", spread=spread, **told)
        else:
            chance = {"chance": Figure(tested.corrected, "chance"), "limit": Figure(CHANCE, "plain")}
            yield about.claim("unclear", "auroc_unclear_of_many", **chance, **told)
        return
    both = [side.results.metrics.intervals.get(DECIDES) for side in (first, second)]
    do = overlap(*both)
    intervals = {name: within(each, "score") for name, each in zip(("within_a", "within_b"), both, strict=True)}
    what = "auroc_alone" if do is None else "auroc_overlap" if do else "auroc_apart"
    yield about.claim("unclear" if what != "auroc_apart" else "better", what, **told, **intervals)


def _on_verdicts(about: About, first: Detector, second: Detector, facts: Beside) -> Iterator[Claim]:
    """Of the defective images those missed, of the good ones the false alarms."""
    for what in ("missed", "false_alarms"):
        line = facts.line(what)
        if line is None:
            continue
        of = dict(zip(facts.runs, line.values, strict=True))
        a, b = of[first.run], of[second.run]
        if a.value is None or b.value is None or not a.of or not b.of:
            continue
        told = {"a": count(a.value), "b": count(b.value)}
        tested = line.between(first.run, second.run)
        if tested is None or tested.only_first is None or tested.only_second is None:
            yield about.claim(what, f"{what}_apart", total_a=count(a.of), total_b=count(b.of), **told)
            continue
        told |= {"total": count(a.of), "only_a": count(tested.only_second), "only_b": count(tested.only_first)}
        yield by_chance(about, tested, ids=(what, what, what), what=what, told=told)


def _on_one_overkill(about: About, first: Detector, second: Detector, facts: Beside) -> Iterator[Claim]:
    """What each misses where both promise the same overkill: so no looser threshold wins."""
    line = facts.line("found_at_one_overkill")
    tested = line.between(first.run, second.run) if line is not None else None
    if line is None or tested is None:
        return
    of = dict(zip(facts.runs, line.values, strict=True))
    a, b = of[first.run], of[second.run]
    if a.value is None or b.value is None or not a.of or not b.of:
        return
    told = {"rate": share(line.given["rate"]), "total": count(a.of)}
    told |= {"a": count(a.of - a.value), "b": count(b.of - b.value)}
    chance = {"chance": Figure(tested.corrected, "chance"), "limit": Figure(CHANCE, "plain")}
    if tested.better is None:
        yield about.claim("missed_at_one_overkill", "at_one_overkill_unclear", **told, **chance)
    else:
        yield about.claim("missed_at_one_overkill", "at_one_overkill_better", better=tested.better, **told, **chance)


def _on_types(about: About, first: Detector, second: Detector) -> Iterator[Claim]:
    types = [dict(worst_first(side.results.metrics)) for side in (first, second)]
    ids = plain_names([*types[0], *types[1]])
    for name, a in types[0].items():
        b = types[1].get(name)
        if b is not None and a.count and b.count:
            told = {"a": count(a.missed), "b": count(b.missed), "total_a": count(a.count), "total_b": count(b.count)}
            yield about.claim(f"missed.{ids[name]}", "missed_of_type_by_both", type=name, **told)


def _between(facts: Beside, name: str, first: Detector, second: Detector) -> Tested | None:
    line = facts.line(name)
    return line.between(first.run, second.run) if line is not None else None
