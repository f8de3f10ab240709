"""Two finished trainings of classifiers on one data set: which does better at what, and whether that can be chance."""

from collections.abc import Iterator

from assistant.kinds.claims import About, Claim, Outline, plain_names
from assistant.kinds.classify.claims import rounding_of
from assistant.kinds.pairs import pair
from assistant.kinds.two_runs import Side, by_chance, have_same_images, on_figures
from engine.contract.results.classify import ClassifyResults
from prompts.figures import count

COMPARED: Outline = (
    ("better", "same", "unclear"),
    ("figure.*",),
    ("found.*",),
    ("other_images",),
)
FIGURES = ("balanced_accuracy", "macro_f1")


Classifier = Side[ClassifyResults]


def compared(first: Classifier, second: Classifier) -> list[Claim]:
    """Claims about the two, whose data set is one; what is paired needs the same test images."""
    about = About(f"{first.run}-{second.run}", "classify", {"first": first.run, "second": second.run})
    is_paired = have_same_images(first, second)
    claims = [*_on_the_whole(about, first, second, is_paired=is_paired)]
    claims += on_figures(about, FIGURES, (first, second), rounding_of=rounding_of)
    claims += _on_classes(about, first, second)
    if not is_paired:
        claims.append(about.claim("other_images", "other_images"))
    return claims


def _on_the_whole(about: About, first: Classifier, second: Classifier, *, is_paired: bool) -> Iterator[Claim]:
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
    yield by_chance(about, split, (first.run, second.run), ids=("same", "unclear", "better"), what="right", told=told)


def _on_classes(about: About, first: Classifier, second: Classifier) -> Iterator[Claim]:
    classes = [side.results.metrics.per_class for side in (first, second)]
    ids = plain_names([*classes[0], *classes[1]])
    for name, a in classes[0].items():
        b = classes[1].get(name)
        if b is not None and a.count and b.count:
            told = {"a": count(a.found), "b": count(b.found), "total_a": count(a.count), "total_b": count(b.count)}
            yield about.claim(f"found.{ids[name]}", "found_of_class_by_both", label=name, **told)
