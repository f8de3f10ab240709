"""Finished trainings of classifiers on one data set: which does better at what, and whether that can be chance."""

from collections.abc import Iterator, Mapping, Sequence

from assistant.kinds.beside import (
    Beside,
    Line,
    Picture,
    Seen,
    Tested,
    Value,
    by_images,
    by_intervals,
    in_one_order,
    together,
)
from assistant.kinds.claims import About, Claim, Outline, plain_names
from assistant.kinds.classify.claims import rounding_of
from assistant.kinds.pairs import pair
from assistant.kinds.two_runs import Side, by_chance, found_by_name, have_same_images, on_figures
from engine.contract.results.classify import ClassifyResults, ClassRow
from prompts.figures import count

COMPARED: Outline = (
    ("better", "same", "unclear", "needed"),
    ("figure.*",),
    ("found.*",),
    ("other_images",),
)
FIGURES = ("balanced_accuracy", "macro_f1")
DECIDES = "right"

Classifier = Side[ClassifyResults]
Rows = Mapping[str, Sequence[ClassRow]]


def beside(sides: Sequence[Classifier]) -> Beside:
    """The facts of classifiers whose data set is one; what is paired needs the same test images."""
    is_paired = have_same_images(sides)
    pictures = list(in_one_order([side.results for side in sides]))
    paired = {side.run: [each[i] for each in pictures] for i, side in enumerate(sides)} if is_paired else None
    lines = [_right(sides, paired), *(_by_figure(sides, name) for name in FIGURES), _worst(sides)]
    found = Beside(
        runs=[side.run for side in sides],
        decides=DECIDES,
        same_images=is_paired,
        lines=[line for line in lines if any(value.value is not None for value in line.values)],
        types=together(_classes(sides, paired), [side.run for side in sides]),
        pictures=[_picture(each) for each in pictures],
        drawn=[{} for _ in sides],
    )
    for i, first in enumerate(sides):
        for second in sides[i + 1 :]:
            found.claims[first.run, second.run] = claims_of_both(first, second, found)
    return found


def _right(sides: Sequence[Classifier], paired: Rows | None) -> Line:
    """How many are classed right."""
    values = {}
    for side in sides:
        rows, accuracy = side.results.rows, side.results.metrics.intervals.get("accuracy")
        values[side.run] = Value(sum(row.correct for row in rows), accuracy, of=len(rows)) if rows else Value()

    def test(first: str, second: str) -> Tested | None:
        if paired is None:
            return by_intervals(first, second, values)
        return by_images(first, second, pair(*([row.correct for row in paired[run]] for run in (first, second))))

    return Line.of(DECIDES, "count", values, test=test)


def _by_figure(sides: Sequence[Classifier], name: str) -> Line:
    metrics = {side.run: side.results.metrics for side in sides}
    values = {run: Value(each.metrics.get(name), each.intervals.get(name)) for run, each in metrics.items()}
    return Line.of(name, rounding_of(name), values, test=lambda a, b: by_intervals(a, b, values))


def _worst(sides: Sequence[Classifier]) -> Line:
    """The class of which the least share is found."""
    values = {}
    for side in sides:
        classes = [
            (each.found / each.count, name) for name, each in side.results.metrics.per_class.items() if each.count
        ]
        name = min(classes, default=(0.0, ""))[1]
        of = side.results.metrics.per_class.get(name)
        values[side.run] = Value(of.found, of.recall_interval, of.count, name, of.f1) if of else Value()
    return Line.of("worst_class", "count", values)


def _classes(sides: Sequence[Classifier], paired: Rows | None) -> list[Line]:
    """What each run finds of every class."""
    names = list(dict.fromkeys(name for side in sides for name in side.results.metrics.per_class))

    def found(side: Classifier, name: str) -> Value:
        of = side.results.metrics.per_class.get(name)
        return Value(of.found, of.recall_interval, of.count, beside=of.f1) if of and of.count else Value()

    def right(run: str, name: str) -> list[bool]:
        return [row.correct for row in paired[run] if row.label == name] if paired else []

    return found_by_name(names, sides, found=found, right=right)


def _picture(rows: Sequence[ClassRow]) -> Picture:
    seen = [Seen(row.index, row.probability, row.predicted, row.correct) for row in rows]
    return Picture(rows[0].name, rows[0].label, None, False, seen)


def claims_of_both(first: Classifier, second: Classifier, facts: Beside) -> list[Claim]:
    """Claims about two of them, by their facts."""
    about = About(f"{first.run}-{second.run}", "classify", {"first": first.run, "second": second.run})
    claims = [*_on_the_whole(about, first, second, facts)]
    claims += on_figures(about, FIGURES, (first, second), rounding_of=rounding_of)
    claims += _on_classes(about, first, second)
    if not facts.same_images:
        claims.append(about.claim("other_images", "other_images"))
    return claims


def _on_the_whole(about: About, first: Classifier, second: Classifier, facts: Beside) -> Iterator[Claim]:
    """How many are classed right."""
    right = [sum(row.correct for row in side.results.rows) for side in (first, second)]
    total = [len(side.results.rows) for side in (first, second)]
    told = {"a": count(right[0]), "b": count(right[1])}
    line = facts.line(DECIDES)
    tested = line.between(first.run, second.run) if line is not None else None
    if tested is None or tested.only_first is None or tested.only_second is None:
        yield about.claim("unclear", "right_apart", total_a=count(total[0]), total_b=count(total[1]), **told)
        return
    told |= {"total": count(total[0]), "only_a": count(tested.only_first), "only_b": count(tested.only_second)}
    yield by_chance(about, tested, ids=("same", "unclear", "better"), what="right", told=told)


def _on_classes(about: About, first: Classifier, second: Classifier) -> Iterator[Claim]:
    classes = [side.results.metrics.per_class for side in (first, second)]
    ids = plain_names([*classes[0], *classes[1]])
    for name, a in classes[0].items():
        b = classes[1].get(name)
        if b is not None and a.count and b.count:
            told = {"a": count(a.found), "b": count(b.found), "total_a": count(a.count), "total_b": count(b.count)}
            yield about.claim(f"found.{ids[name]}", "found_of_class_by_both", label=name, **told)
