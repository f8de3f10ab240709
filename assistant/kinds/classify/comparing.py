"""Two finished trainings of classifiers on one data set: which does better at what, and whether that can be chance."""

from collections.abc import Iterator
from dataclasses import dataclass

from assistant.kinds.claims import About, Claim, Outline, plain_names, within
from assistant.kinds.classify.claims import rounding_of
from assistant.kinds.pairs import CHANCE, overlap, pair
from engine.contract.results.classify import ClassifyResults
from prompts.figures import Figure, count

COMPARED: Outline = (
    ("better", "same", "unclear"),
    ("figure.*",),
    ("found.*",),
    ("other_images",),
)
FIGURES = ("balanced_accuracy", "macro_f1")


@dataclass(frozen=True)
class Side:
    """One of the two."""

    run: str
    results: ClassifyResults


def compared(first: Side, second: Side) -> list[Claim]:
    """Claims about the two, whose data set is one; what is paired needs the same test images."""
    about = About(f"{first.run}-{second.run}", "classify", {"first": first.run, "second": second.run})
    labels = [{row.name: row.label for row in side.results.rows} for side in (first, second)]
    is_paired = bool(labels[0]) and labels[0] == labels[1]
    claims = [*_on_the_whole(about, first, second, is_paired=is_paired)]
    claims += _on_figures(about, first, second)
    claims += _on_classes(about, first, second)
    if not is_paired:
        claims.append(about.claim("other_images", "other_images"))
    return claims


def _on_the_whole(about: About, first: Side, second: Side, *, is_paired: bool) -> Iterator[Claim]:
    """How many are classed right."""
    correct = [{row.name: row.correct for row in side.results.rows} for side in (first, second)]
    told = {"a": count(sum(correct[0].values())), "b": count(sum(correct[1].values()))}
    if not is_paired:
        yield about.claim(
            "unclear", "right_apart", total_a=count(len(correct[0])), total_b=count(len(correct[1])), **told
        )
        return
    split = pair([*correct[0].values()], [correct[1][name] for name in correct[0]])
    told |= {"total": count(len(correct[0])), "only_a": count(split.only_first), "only_b": count(split.only_second)}
    if not split.only_first and not split.only_second:
        yield about.claim("same", "right_same", **told)
        return
    tested = {"chance": Figure(split.chance, "chance"), "limit": Figure(CHANCE, "plain")}
    if split.chance >= CHANCE:
        yield about.claim("unclear", "right_unclear", **told, **tested)
    else:
        better = first.run if split.only_first > split.only_second else second.run
        yield about.claim("better", "right_better", better=better, **told, **tested)


def _on_figures(about: About, first: Side, second: Side) -> Iterator[Claim]:
    """Other figures, of which only intervals tell how sure the difference is."""
    for name in FIGURES:
        sides = [side.results.metrics for side in (first, second)]
        a, b = (each.metrics.get(name) for each in sides)
        if a is None or b is None:
            continue
        rounding, both = rounding_of(name), [each.intervals.get(name) for each in sides]
        do = overlap(both[0], both[1])
        what = "figure_alone" if do is None else "figure_overlaps" if do else "figure_apart"
        difference = Figure(a - b, "points" if rounding == "share" else "change")
        told = {"a": Figure(a, rounding), "b": Figure(b, rounding), "difference": difference}
        intervals = {"within_a": within(both[0], rounding), "within_b": within(both[1], rounding)}
        yield about.claim(f"figure.{name}", what, metric=name, **told, **intervals)


def _on_classes(about: About, first: Side, second: Side) -> Iterator[Claim]:
    classes = [side.results.metrics.per_class for side in (first, second)]
    ids = plain_names([*classes[0], *classes[1]])
    for name, a in classes[0].items():
        b = classes[1].get(name)
        if b is not None and a.count and b.count:
            told = {"a": count(a.found), "b": count(b.found), "total_a": count(a.count), "total_b": count(b.count)}
            yield about.claim(f"found.{ids[name]}", "found_of_class_by_both", label=name, **told)
