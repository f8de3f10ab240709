"""What is so about a finished training of a classifier, from its typed figures alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistant.kinds.claims import About, Claim, Outline, on_what_it_rests, plain_names, within
from engine.contract.events import Epoch
from engine.contract.results.classify import ClassifyMetrics, Learnt, OfClass
from prompts.figures import Figure, Rounding, count, share

SHARES = ("balanced_accuracy", "accuracy", "ece", "chance", "majority_share")
TOLD_APART = ("balanced_accuracy", "accuracy", "ece")  # each has a sentence of its own
MOST_CONFUSED = 3
WIDE = 0.3  # an interval of a share that is wider says little
MOST_MISSED = 0.5  # of a class: beyond it the run is of no use for the class

OUTLINES: dict[str, Outline] = {
    "summary": (
        ("missed_whole",),
        ("balanced_accuracy", "missed.*"),
        ("accuracy",),
        ("perhaps_guessing",),
        ("taken.*",),
        ("ece", "confidence"),
        ("learning",),
        ("left_out.*",),
        ("broken",),
        ("random_weights",),
        ("synthetic",),
        ("took",),
    ),
    "good": (
        ("missed_whole",),
        ("balanced_accuracy", "missed.*"),
        ("perhaps_guessing", "above_guessing"),
        ("accuracy",),
        ("unusable.*",),
        ("random_weights", "synthetic"),
        ("next.*",),
    ),
    "trust": (
        ("tested", "balanced_accuracy", "perhaps_guessing", "above_guessing"),
        ("few_of_class.*",),
        ("ece", "confidence"),
        ("left_out.*",),
        ("random_weights",),
        ("synthetic",),
        ("broken",),
    ),
    "overfit": (
        ("learning", "curve", "gap"),
        ("accuracy_gap",),
        ("confidence",),
    ),
    "why": (
        ("missed_whole", "balanced_accuracy", "missed.*"),
        ("taken.*",),
        ("few_of_class.*",),
        ("random_weights",),
        ("next.*",),
    ),
    "worst": (
        ("worst_type",),
        ("found.*",),
        ("taken.*",),
        ("unusable.*",),
    ),
}


def claims_of(
    run: str,
    metrics: ClassifyMetrics,
    *,
    confidence: Mapping[str, Any] | None,
    model: str,
    data: str,
    seconds: float | None,
) -> list[Claim]:
    """All that may be said of its figures; `model` is the title people know it by, `confidence` as telling.py has it."""
    about, named = About(run, "classify"), {"model": model, "data": data}
    broken = metrics.counts.get("broken", 0)
    return [
        *_on_the_whole(about, metrics, named),
        *_on_classes(about, metrics),
        *_on_confusion(about, metrics),
        *_on_figures(about, metrics),
        *_on_confidence(about, confidence),
        *_on_learning(about, metrics.learning),
        *on_what_it_rests(about, weights=metrics.weights, synthetic=metrics.synthetic, broken=broken),
        *([about.claim("took", "took", took=Figure(seconds, "seconds"), **named)] if seconds is not None else []),
    ]


def worst_first(metrics: ClassifyMetrics) -> list[tuple[str, OfClass]]:
    """The classes that were tested, that of which the smallest share is found first; of equal ones that with more images."""
    tested = [(name, each) for name, each in metrics.per_class.items() if each.count]
    return sorted(tested, key=lambda each: (each[1].found / each[1].count, -each[1].count, each[0]))


def _on_the_whole(about: About, metrics: ClassifyMetrics, named: dict[str, str]) -> Iterator[Claim]:
    figures = metrics.metrics
    balanced, accuracy, chance = (figures.get(name) for name in ("balanced_accuracy", "accuracy", "chance"))
    told = {"classes": count(len(metrics.classes)), **named}
    whole = [(name, count(each.count)) for name, each in worst_first(metrics) if not each.found]
    if whole:
        yield about.claim("missed_whole", "missed_whole", classes=whole)
    if balanced is None:
        absent = [name for name, each in metrics.per_class.items() if not each.count]
        yield about.claim("balanced_accuracy", "balanced_accuracy_unknown", absent=absent, **told)
    else:
        interval = metrics.intervals.get("balanced_accuracy")
        least = 1 / len(metrics.classes) if chance is None else chance
        told |= {"value": share(balanced), "chance": share(least)}
        yield about.claim("balanced_accuracy", "balanced_accuracy", interval=within(interval, "share"), **told)
        if interval is not None:
            what = "perhaps_guessing" if interval[0] <= least else "above_guessing"
            yield about.claim(what, what, low=share(interval[0]), chance=share(least))
    if accuracy is not None:
        tested = metrics.counts.get("test", sum(map(sum, metrics.confusion)))
        majority = figures.get("majority_share")
        right = sum(row[i] for i, row in enumerate(metrics.confusion))
        rest = {"majority": share(majority or 0.0), "right": count(right), "total": count(tested)}
        yield about.claim(
            "accuracy", "accuracy", value=share(accuracy), interval=within(metrics.intervals.get("accuracy"), "share"), **rest
        )  # fmt: skip
        yield about.claim("tested", "tested", total=count(tested), classes=count(len(metrics.classes)))
        wrong = sum(map(sum, metrics.confusion)) - right
        yield about.claim(
            "wrong", "wrong", wrong=count(wrong), total=count(tested), share=share(wrong / max(tested, 1))
        )


def _on_classes(about: About, metrics: ClassifyMetrics) -> Iterator[Claim]:
    ids = plain_names([*metrics.per_class, *metrics.left_out])
    classes = worst_first(metrics)
    for name, each in classes:
        missed = each.count - each.found
        told = {"label": name, "found": count(each.found), "total": count(each.count), "missed": count(missed)}
        if missed:
            yield about.claim(f"missed.{ids[name]}", "missed_of_class", **told, share=share(missed / each.count))
        recall = within(each.recall_interval, "share")
        yield about.claim(
            f"found.{ids[name]}", "found_of_class", **told, share=share(each.found / each.count), interval=recall
        )
        if each.recall_interval and each.recall_interval[1] - each.recall_interval[0] > WIDE:
            low, high = each.recall_interval
            width = {"low": share(low), "high": share(high), "width": share(WIDE)}
            yield about.claim(f"few_of_class.{ids[name]}", "few_of_class", label=name, total=told["total"], **width)
        if each.called:
            called = {"called": count(each.called), "right": count(each.found)}
            yield about.claim(
                f"called.{ids[name]}", "called_so", label=name, **called, share=share(each.found / each.called)
            )
        if missed > MOST_MISSED * each.count:
            yield about.claim(f"unusable.{ids[name]}", "unusable_for_class", **told, limit=share(MOST_MISSED))
    if len(classes) > 1 and classes[0][1].found < classes[0][1].count:
        for id, (name, each) in (("worst_type", classes[0]), ("best_type", classes[-1])):
            told = {"label": name, "found": count(each.found), "total": count(each.count)}
            yield about.claim(id, id, **told, share=share(each.found / each.count))
    for name, pictures in metrics.left_out.items():
        yield about.claim(f"left_out.{ids[name]}", "left_out", label=name, images=count(pictures))


def _on_confusion(about: About, metrics: ClassifyMetrics) -> Iterator[Claim]:
    """Pairs of classes with the most mistakes between them."""
    ids, classes = plain_names([*metrics.per_class, *metrics.left_out]), metrics.classes
    mistakes = [
        (-wrong, classes[i], classes[j])
        for i, row in enumerate(metrics.confusion)
        for j, wrong in enumerate(row)
        if i != j and wrong > 0
    ]
    mistakes.sort()
    for wrong, of, other in mistakes[:MOST_CONFUSED]:
        id = f"taken.{ids.get(of, of)}.{ids.get(other, other)}"
        yield about.claim(id, "taken", of=of, other=other, images=count(-wrong))
    if more := mistakes[MOST_CONFUSED:]:
        images = count(-sum(wrong for wrong, _, _ in more))
        yield about.claim("taken.more", "taken_more", images=images, pairs=count(len(more)))


def _on_confidence(about: About, confidence: Mapping[str, Any] | None) -> Iterator[Claim]:
    """How sure it is beside how often it is right."""
    if confidence is not None:
        what = f"{confidence['leans']}confident" if confidence["leans"] else "confidence_unclear"
        told = {"stated": share(confidence["stated"]), "right": share(confidence["right"])}
        yield about.claim("confidence", what, **told)


def _on_learning(about: About, learning: Learnt | None) -> Iterator[Claim]:
    """Which state was kept, and so whether fine-tuning helped."""
    if learning is None or (not learning.epoch and learning.best_val_loss is None):
        return
    told = {"epochs": count(learning.epochs), "loss": Figure(learning.val_loss, "score")}
    if learning.epoch:
        before = Figure(learning.val_loss_before, "score")
        yield about.claim("learning", "fine_tuned", epoch=count(learning.epoch), before=before, **told)
    elif learning.best_val_loss is not None:
        best, kept = Figure(learning.best_val_loss, "score"), "head" if learning.head_fitted else "network"
        yield about.claim("learning", "not_fine_tuned", best=best, kept=kept, **told)


def _on_figures(about: About, metrics: ClassifyMetrics) -> Iterator[Claim]:
    for name, value in metrics.metrics.items():
        rounding = rounding_of(name)
        if value is None:
            if name != "balanced_accuracy":
                reason = "few_tested" if name == "ece" else "class_untested"
                yield about.claim(name, "unmeasured", metric=name, reason=reason)
        elif name == "ece":
            yield about.claim(name, name, value=share(value))
        elif name not in TOLD_APART:
            interval = within(metrics.intervals.get(name), rounding)
            yield about.claim(name, "figure", metric=name, value=Figure(value, rounding), interval=interval)


def rounding_of(metric: str) -> Rounding:
    return "share" if metric in SHARES else "score"


def accuracy_gap(about: About, epochs: Sequence[Epoch], metrics: ClassifyMetrics) -> Iterator[Claim]:
    """How often it was right on the images it learnt from, beside those held back and those it was tested with."""
    tested = metrics.metrics.get("accuracy")
    kept = next((each for each in reversed(epochs) if each.best), None)
    learnt, held_back = (kept.figures.get(name) if kept else None for name in ("accuracy", "val_accuracy"))
    if kept is not None and learnt is not None and tested is not None:
        told = {"learnt": share(learnt), "tested": share(tested), "epoch": count(kept.epoch)}
        what = "accuracy_gap" if held_back is None else "accuracy_gap_held_back"
        beside = {} if held_back is None else {"held_back": share(held_back)}
        yield about.claim("accuracy_gap", what, difference=Figure(tested - learnt, "points"), **told, **beside)
