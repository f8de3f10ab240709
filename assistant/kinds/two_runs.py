"""Finished trainings of one kind on one data set: what any kind says of them in the same way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from assistant.kinds.beside import Line, Tested, Value, by_images
from assistant.kinds.claims import About, Claim, within
from assistant.kinds.pairs import CHANCE, overlap, pair
from engine.contract.folder import ResultsT
from prompts.figures import Figure, Rounding


@dataclass(frozen=True)
class Side(Generic[ResultsT]):
    """One of them."""

    run: str
    results: ResultsT


SideT = TypeVar("SideT", bound=Side[Any])


def have_same_images(sides: Sequence[Side[Any]]) -> bool:
    """Whether all were tested with the same images under the same labels: only then is anything paired."""
    labels = [{row.name: row.label for row in side.results.rows} for side in sides]
    return bool(labels[0]) and all(each == labels[0] for each in labels)


def found_by_name(
    names: Sequence[str],
    sides: Sequence[SideT],
    *,
    found: Callable[[SideT, str], Value],
    right: Callable[[str, str], list[bool]],
) -> list[Line]:
    """What each run finds of every class or defect type. `right`: which of its images a run, by its id, got right, in one order for all;
    none where they are not the same images."""

    def tested(first: str, second: str, name: str) -> Tested | None:
        both = [right(run, name) for run in (first, second)]
        return by_images(first, second, pair(*both)) if both[0] else None

    return [
        Line.of(
            name,
            "count",
            {side.run: found(side, name) for side in sides},
            test=lambda first, second, name=name: tested(first, second, name),  # type: ignore[misc]
        )
        for name in names
    ]


def by_chance(about: About, tested: Tested, *, ids: tuple[str, str, str], what: str, told: Mapping[str, Any]) -> Claim:
    """Who got more of the same images right: `ids` of the claim where nobody did, where that can be chance, and where it is more."""
    if not tested.only_first and not tested.only_second:
        return about.claim(ids[0], f"{what}_same", **told)
    chance = {"chance": Figure(tested.corrected, "chance"), "limit": Figure(CHANCE, "plain")}
    if tested.better is None:
        return about.claim(ids[1], f"{what}_unclear", **told, **chance)
    return about.claim(ids[2], f"{what}_better", better=tested.better, **told, **chance)


def on_figures(
    about: About, names: Sequence[str], sides: Sequence[Side[Any]], *, rounding_of: Callable[[str], Rounding]
) -> Iterator[Claim]:
    """Figures of which only intervals tell how sure the difference is."""
    for name in names:
        a, b = (side.results.metrics.metrics.get(name) for side in sides)
        if a is None or b is None:
            continue
        rounding, both = rounding_of(name), [side.results.metrics.intervals.get(name) for side in sides]
        do = overlap(both[0], both[1])
        what = "figure_alone" if do is None else "figure_overlaps" if do else "figure_apart"
        difference = Figure(a - b, "points" if rounding == "share" else "change")
        told = {"a": Figure(a, rounding), "b": Figure(b, rounding), "difference": difference}
        intervals = {"within_a": within(both[0], rounding), "within_b": within(both[1], rounding)}
        yield about.claim(f"figure.{name}", what, metric=name, **told, **intervals)
