"""Two finished trainings of detectors on one data set: which does better at what, and whether that can be chance."""

from collections.abc import Iterator

from assistant.kinds.claims import About, Claim, Outline, plain_names, within
from assistant.kinds.detect.claims import rounding_of, worst_first
from assistant.kinds.pairs import auroc_difference, overlap, pair
from assistant.kinds.two_runs import Side, by_chance, have_same_images, on_figures
from engine.contract.results.detect import DetectResults
from prompts.figures import Figure, Within, count

COMPARED: Outline = (
    ("better", "same", "unclear", "image_auroc"),
    ("missed", "missed.*"),
    ("false_alarms",),
    ("other_images",),
    ("figure.*",),
)
FIGURES = ("aupro_30", "pixel_auroc", "image_aupr")


Detector = Side[DetectResults]


def compared(first: Detector, second: Detector) -> list[Claim]:
    """Claims about the two, whose data set is one; what is paired needs the same test images."""
    about = About(f"{first.run}-{second.run}", "detect", {"first": first.run, "second": second.run})
    is_paired = have_same_images(first, second)
    if is_paired:
        order = {row.name: place for place, row in enumerate(first.results.rows)}
        second = Side(
            second.run,
            second.results.model_copy(update={"rows": sorted(second.results.rows, key=lambda row: order[row.name])}),
        )
    claims = [*_on_auroc(about, first, second, is_paired=is_paired)]
    for label, what in (("defective", "missed"), ("good", "false_alarms")):
        claims += _on_verdicts(about, first, second, label=label, what=what, is_paired=is_paired)
    claims += _on_types(about, first, second)
    claims += on_figures(about, FIGURES, (first, second), rounding_of=rounding_of)
    if not is_paired:
        claims.append(about.claim("other_images", "other_images"))
    return claims


def _on_auroc(about: About, first: Detector, second: Detector, *, is_paired: bool) -> Iterator[Claim]:
    a, b = (side.results.metrics.metrics.get("image_auroc") for side in (first, second))
    if a is None or b is None:
        yield about.claim("unclear", "auroc_unknown")
        return
    told = {"a": Figure(a, "score"), "b": Figure(b, "score"), "difference": Figure(a - b, "change")}
    if is_paired:
        scores = [[row.score for row in side.results.rows] for side in (first, second)]
        known = [i for i, row in enumerate(first.results.rows) if row.label in ("good", "defective")]
        interval = auroc_difference(
            [scores[0][i] for i in known],
            [scores[1][i] for i in known],
            [first.results.rows[i].label == "defective" for i in known],
        )
        if interval is not None:
            spread = Within(Figure(interval[0], "change"), Figure(interval[1], "change"))
            if interval[0] <= 0 <= interval[1]:
                yield about.claim("unclear", "auroc_unclear", spread=spread, **told)
            else:
                better = first.run if interval[0] > 0 else second.run
                yield about.claim("better", "auroc_better", better=better, spread=spread, **told)
            return
    both = [side.results.metrics.intervals.get("image_auroc") for side in (first, second)]
    do = overlap(*both)
    intervals = {name: within(each, "score") for name, each in zip(("within_a", "within_b"), both, strict=True)}
    what = "auroc_alone" if do is None else "auroc_overlap" if do else "auroc_apart"
    yield about.claim("unclear" if what != "auroc_apart" else "better", what, **told, **intervals)


def _on_verdicts(
    about: About, first: Detector, second: Detector, *, label: str, what: str, is_paired: bool
) -> Iterator[Claim]:
    """Of the defective images those missed, of the good ones the false alarms."""
    rows = [[row for row in side.results.rows if row.label == label] for side in (first, second)]
    if not rows[0] or not rows[1]:
        return
    right = [[row.is_anomalous == (label == "defective") for row in each] for each in rows]
    wrong = [len(each) - sum(each) for each in right]
    told = {"a": count(wrong[0]), "b": count(wrong[1])}
    if not is_paired:
        yield about.claim(what, f"{what}_apart", total_a=count(len(rows[0])), total_b=count(len(rows[1])), **told)
        return
    split = pair(right[0], right[1])
    told |= {"total": count(len(rows[0])), "only_a": count(split.only_second), "only_b": count(split.only_first)}
    yield by_chance(about, split, (first.run, second.run), ids=(what, what, what), what=what, told=told)


def _on_types(about: About, first: Detector, second: Detector) -> Iterator[Claim]:
    types = [dict(worst_first(side.results.metrics)) for side in (first, second)]
    ids = plain_names([*types[0], *types[1]])
    for name, a in types[0].items():
        b = types[1].get(name)
        if b is not None and a.count and b.count:
            told = {"a": count(a.missed), "b": count(b.missed), "total_a": count(a.count), "total_b": count(b.count)}
            yield about.claim(f"missed.{ids[name]}", "missed_of_type_by_both", type=name, **told)
