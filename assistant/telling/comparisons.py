"""Two to six runs beside each other: which is better and how sure that is, how their settings differ, and what cannot be compared and why."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from assistant.kinds import kind_of
from assistant.kinds.beside import Beside, verdict_of
from assistant.kinds.claims import About, Claim
from assistant.kinds.summary import headline_of, title_of
from assistant.runs.took import took
from assistant.store.tables import RunRow
from assistant.telling import Sentence, outlined, sentences_of
from assistant.telling.side_by_side import FEWEST, NO_MATTER, FolderOf, LeftOut, readable_of, settings_of
from prompts.figures import Figure, count
from prompts.languages import Language


def compared(rows: Sequence[RunRow], folder_of: FolderOf, language: Language) -> tuple[list[Sentence], list[list[str]]]:
    """The sentences on these runs, and the ids of the answer; `folder_of` raises RunElsewhere for a run of another home."""
    finished, without = readable_of(rows, folder_of)
    every = About("-".join(row.id for row in rows), named={"runs": [row.id for row in rows]})
    first = [*_without_results(without), *_ranked(every, finished), *_not_comparable(every, finished)]
    answer: list[tuple[list[Claim], Any]] = [(first, (("*",),))]
    for (name, _), alike in _alike(finished):
        if len(alike) < FEWEST:
            continue
        kind = kind_of(name)
        beside = kind.beside(alike)
        if len(alike) > FEWEST:
            answer.append(([*_verdict(beside)], (("verdict",),)))
        for one, other in _pairs(alike, verdict_of(beside).leads):
            between = [*_on_data(one[0], other[0]), *_on_settings(one[0], other[0]), *_on_time(one, other)]
            claims = beside.claims[one[0].id, other[0].id]
            if len(alike) == FEWEST:
                claims = [*claims, *_needed(beside, _about(one[0], other[0]))]
            answer.append((claims, kind.outlines["compared"]))
            answer.append((between, (("data_changed",), ("model", "setting.*"), ("took",))))
        page = About(every.subject, named={"page": "-".join(row.id for row, _ in alike)})
        answer.append(([page.claim("page", "compared_on_page")], (("page",),)))
    for row, folder in finished:
        rests = [each for each in kind_of(row.kind).claims(row, folder) if each.id == f"{row.id}.random_weights"]
        answer.append((rests, (("random_weights",),)))
    sentences: list[Sentence] = []
    paragraphs: list[list[str]] = []
    for claims, outline in answer:
        worded = sentences_of(claims, language)
        sentences += worded
        paragraphs += outlined(worded, outline)
    return sentences, paragraphs


def verdict_sentences(beside: Beside, language: Language) -> list[Sentence]:
    """Which of them is best and how sure that is, as the page begins."""
    return sentences_of(_verdict(beside), language)


def _verdict(beside: Beside) -> Iterator[Claim]:
    """Which is best, after the correction for all pairs; else how many images would tell."""
    verdict, about = verdict_of(beside), About("-".join(beside.runs), named={"runs": beside.runs})
    line = beside.line(verdict.figure)
    if verdict.leads is None or line is None or not line.tests:
        yield about.claim("verdict", "verdict_untold", metric=verdict.figure)
        return
    values = {run: value.value for run, value in zip(beside.runs, line.values, strict=True)}
    value = values[verdict.leads]
    assert value is not None
    shown = Figure(value, line.rounding)
    level = [run for run in verdict.tied if Figure(values[run] or 0.0, line.rounding).said() == shown.said()]
    told = {
        "metric": verdict.figure,
        "leads": verdict.leads,
        "value": shown,
        "images": count(verdict.images),
        "comparisons": count(verdict.comparisons),
        "several": verdict.comparisons > 1,
    }
    if verdict.best is not None:
        yield about.claim("verdict", "verdict_best", **told)
    elif level:
        rest = [run for run in verdict.tied if run not in level]
        yield about.claim("verdict", "verdict_level", level=[verdict.leads, *level], rest=rest, **told)
    elif not beside.same_images:
        yield about.claim("verdict", "verdict_other_images", tied=verdict.tied, **told)
    elif verdict.needed is None:
        yield about.claim("verdict", "verdict_open", tied=verdict.tied, **told)
    else:
        yield about.claim("verdict", "verdict_needs", tied=verdict.tied, needed=count(verdict.needed), **told)


def _needed(beside: Beside, about: About) -> Iterator[Claim]:
    """Of two that cannot be told apart: how many images would tell."""
    verdict = verdict_of(beside)
    if verdict.best is None and verdict.needed is not None:
        told = {"images": count(verdict.images), "needed": count(verdict.needed)}
        yield about.claim("needed", "images_that_would_tell", **told)


def _without_results(left_out: Sequence[LeftOut]) -> Iterator[Claim]:
    for each in left_out:
        told = {"why": each.why, "state": each.state, "file": each.file, "host": each.host}
        yield About(each.run).claim("no_results", "no_results", **told)


def _ranked(every: About, runs: Sequence[tuple[RunRow, Path]]) -> Iterator[Claim]:
    """By the headline figure, within each data set and kind of run, where there are more than two to order."""
    for (kind, dataset), rows in _alike(runs):
        told = [(row.id, headline) for row, _ in rows if (headline := headline_of(row)) is not None]
        if len(told) > FEWEST:
            told.sort(key=lambda each: -each[1][1])
            ranked = [(run, Figure(value, kind_of(kind).rounding_of(metric))) for run, (metric, value) in told]
            yield every.claim(
                f"ranked_{kind}_{len(ranked)}", "ranked", data=dataset, metric=told[0][1][0], ranked=ranked
            )


def _not_comparable(every: About, runs: Sequence[tuple[RunRow, Path]]) -> Iterator[Claim]:
    kinds, datasets = ({getattr(row, name) for row, _ in runs} for name in ("kind", "dataset"))
    if len(kinds) > 1:
        yield every.claim("other_kinds", "other_kinds", models=[(row.id, title_of(row)) for row, _ in runs])
    if len(datasets) > 1:
        yield every.claim("other_data", "other_data", tested=[(row.id, row.dataset) for row, _ in runs])


def _pairs(
    rows: Sequence[tuple[RunRow, Path]], leads: str | None
) -> Iterator[tuple[tuple[RunRow, Path], tuple[RunRow, Path]]]:
    """The one that `leads`, of which the verdict tells, with each of the others; the first where none does. Each pair in the order in which
    they were asked for."""
    best = next((each for each in rows if each[0].id == leads), rows[0])
    for each in rows:
        if each is not best:
            yield (best, each) if rows.index(best) < rows.index(each) else (each, best)


def _alike(
    runs: Sequence[tuple[RunRow, Path]],
) -> Iterator[tuple[tuple[str, str], list[tuple[RunRow, Path]]]]:
    """Those of one kind of run and one data set, in their order."""

    def what(each: tuple[RunRow, Path]) -> tuple[str, str]:
        return each[0].kind, each[0].dataset

    for of, rows in groupby(sorted(runs, key=what), key=what):
        yield of, sorted(rows, key=list(runs).index)


def _about(one: RunRow, other: RunRow) -> About:
    return About(f"{one.id}-{other.id}", named={"first": one.id, "second": other.id})


def _on_data(one: RunRow, other: RunRow) -> Iterator[Claim]:
    if one.fingerprint and other.fingerprint and one.fingerprint != other.fingerprint:
        yield _about(one, other).claim("data_changed", "data_changed", data=one.dataset)


def _on_settings(one: RunRow, other: RunRow) -> Iterator[Claim]:
    """Settings that differ, those of the models only where it is one model."""
    about = _about(one, other)
    if one.subject != other.subject:
        yield about.claim("model", "model_differs", a=title_of(one), b=title_of(other))
    values = [settings_of(row) for row in (one, other)]
    for name, value in values[0].items():
        if name in values[1] and values[1][name] != value and name not in NO_MATTER:
            told = {"a": _told(value), "b": _told(values[1][name])}
            yield about.claim(f"setting.{name}", "setting_differs", setting=name, **told)


def _told(value: Any) -> Any:
    """A number as a figure; what is none as it stands."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Figure(value, "plain")
    return value


def _on_time(one: tuple[RunRow, Path], other: tuple[RunRow, Path]) -> Iterator[Claim]:
    a, b = took(*one), took(*other)
    if a and b:
        slow, fast = (one[0].id, other[0].id) if a >= b else (other[0].id, one[0].id)
        told = {"a": Figure(a, "seconds"), "b": Figure(b, "seconds"), "times": Figure(max(a, b) / min(a, b), "times")}
        yield _about(one[0], other[0]).claim("took", "took_by_both", slow=slow, fast=fast, **told)
