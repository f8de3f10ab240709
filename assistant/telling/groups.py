"""The end of a group of runs in sentences: which is best and what that is worth, what failed, what was ended early or never begun."""

import asyncio
from collections.abc import Iterator
from typing import Any

from assistant.groups.told import Figures, GroupTold, TrialTold, VerdictTold
from assistant.kinds import kind_of
from assistant.kinds.claims import About, Claim
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue
from assistant.runs.results import NoResults
from assistant.telling import Sentence, composed, outlined, sentences_of, told
from prompts.figures import Figure, count
from prompts.languages import Language

OUTLINE = (
    ("done", "done.cut", "ended_how"),
    ("best.*",),
    ("sure.*",),
    ("failed.*", "cut.*", "not_begun"),
    ("whole.*",),
)
BETTER = (
    "better",
    "unclear",
    "image_auroc",
    "accuracy",
    "right",
)  # of a comparison of two runs (kinds/<kind>/comparing.py)


async def words_of_group(runs: Queue, group: GroupTold, language: Language) -> str:
    """What is said of a group, in Markdown."""
    return composed(told(*await sentences_of_group(runs, group, language)), language)


async def sentences_of_group(
    runs: Queue, group: GroupTold, language: Language
) -> tuple[list[Sentence], list[list[str]]]:
    """What is said of a group: of one that has ended what it came to, of one that goes on how far it is and which is best so far. And the
    ids of the answer."""
    claims = claims_of_group(group)
    compared = [claim for each in group.verdicts for claim in await _compared(runs, each)]
    sentences = sentences_of([*claims, *compared], language)
    answer = outlined(sentences, OUTLINE)
    ids = [sentence.id for sentence in sentences]
    answer += [[claim.id] for claim in compared if claim.id in ids]
    return sentences, answer


def claims_of_group(group: GroupTold) -> list[Claim]:
    """What is so about it."""
    about = About(group.group, named={"group": group.group})
    finished = sum(each.figures is not None for each in group.trials)
    begun = [each for each in group.trials if each.run is not None]
    if group.state == "running":
        done = {"done": count(group.done), "total": count(group.total), "stopping": group.stopping}
        under_way = [each.run for each in begun if each.state == "running"]
        claims = [about.claim("done", "group_under_way", under_way=under_way, is_search=bool(group.search), **done)]
    else:
        began = sum(each.began for each in begun)
        claims = [about.claim("done", "group_done", finished=count(finished), begun=count(began))]
    if group.state == "stopped":
        claims.append(about.claim("ended_how", "group_stopped"))
    by_run = {each.run: each for each in begun}
    most_good, good = group.told.get("most_good"), group.told.get("good")
    if most_good and good and most_good < good:
        claims.append(about.claim("done.cut", "group_of_a_cut", most=count(most_good), good=count(good)))
    for place, each in enumerate(group.verdicts):
        claims += _on_verdict(about, str(place), each, by_run)
        claims += _on_recommendation(about, str(place), each, by_run, goal=str(group.told.get("goal")))
    claims += [
        about.claim(
            f"failed.{each.run}", "group_failed", which=each.run, differs=_differs(each), reason=each.reason or "?"
        )
        for each in begun
        if each.state == "failed"
    ]
    for why in ("worse", "budget"):
        cut = [each.run for each in begun if each.cut == why]
        if cut:
            claims.append(about.claim(f"cut.{why}", f"group_cut_{why}", runs=cut, number=count(len(cut))))
    left = sum(each.state == "not_begun" for each in group.trials)
    if left and group.state == "finished":
        claims.append(about.claim("not_begun", "group_not_begun", left=count(left)))
    return claims


def _on_verdict(about: About, place: str, each: VerdictTold, by_run: dict[str | None, TrialTold]) -> Iterator[Claim]:
    if each.best is None or each.figures is None or each.by is None:
        yield about.claim(f"best.{place}", "group_goods_only", data=each.dataset, fastest=each.fastest)
        return
    trial = by_run[each.best]
    told = {"data": each.dataset, "best": each.best, "model": trial.model_title, "differs": _differs(trial)}
    told |= _figures(each.figures, each.by)
    yield about.claim(f"best.{place}", "group_best", **told)
    if trial.figures is not None and trial.figures.missed is not None and trial.figures.overkill is not None:
        (missed, defective), (overkill, good) = trial.figures.missed, trial.figures.overkill
        counts = {
            "missed": count(missed),
            "defective": count(defective),
            "overkill": count(overkill),
            "good": count(good),
        }
        yield about.claim(f"best.{place}_counts", "group_best_counts", best=each.best, **counts)
    if each.chosen_among < 2:
        return
    among = count(each.chosen_among)
    if each.held_back is None:
        yield about.claim(f"sure.{place}", "group_chosen_on_all", data=each.dataset, among=among)
        return
    defective, good = each.held_back
    yield about.claim(
        f"sure.{place}",
        "group_chosen_on_half",
        data=each.dataset,
        among=among,
        defective=count(defective),
        good=count(good),
    )
    if each.by_all != each.best:
        yield about.claim(f"sure.{place}_all", "group_other_by_all", data=each.dataset, other=each.by_all)


def _on_recommendation(
    about: About, place: str, each: VerdictTold, by_run: dict[str | None, TrialTold], *, goal: str
) -> Iterator[Claim]:
    """Of a recommendation by trial: what it was judged on, what suits the goal, and the way to train that whole."""
    if each.recommended is None or each.figures is None:
        return
    if each.figures.made_up:
        yield about.claim(f"sure.{place}_made_up", "group_on_made_up", data=each.dataset)
    best, taken = by_run[each.best], by_run[each.recommended]
    if taken is not best:
        yield about.claim(
            f"best.{place}_goal",
            f"group_for_{goal}",
            run=each.recommended,
            best=each.best,
            model=taken.model_title,
            differs=_differs(taken),
            ms=_rounded(taken.ms_per_image),
            ms_of_best=_rounded(best.ms_per_image),
            mb=_rounded(taken.model_mb),
            mb_of_best=_rounded(best.model_mb),
        )
    size = taken.differs.get("image_size")
    told = {"model": taken.model_title, "data": each.dataset, "size": Figure(size, "plain") if size else None}
    yield about.claim(f"whole.{place}", "group_train_whole", **told)


def _rounded(value: float | None) -> Figure | None:
    return None if value is None else Figure(float(f"{value:.3g}"), "plain")


def _figures(figures: Figures, by: tuple[str, str]) -> dict[str, Any]:
    return {
        "worst": Figure(figures.worst, "score") if figures.worst is not None else None,
        "worst_of": figures.worst_of,
        "mean": Figure(figures.mean, "score") if figures.mean is not None else None,
        "by_worst": by[0],
        "by_mean": by[1],
    }


def _differs(trial: TrialTold) -> list[tuple[str, Any]]:
    """The settings in which it differs, without the model, which is named, and the data set, which is too."""
    return [
        (name, Figure(value, "plain") if isinstance(value, int | float) and not isinstance(value, bool) else value)
        for name, value in trial.differs.items()
        if name not in ("model", "dataset")
    ]


async def _compared(runs: Queue, verdict: VerdictTold) -> list[Claim]:
    """Whether the best is more than by chance better than the next."""
    if verdict.best is None or verdict.runner_up is None:
        return []
    best, other = [await runs.get(run) for run in (verdict.best, verdict.runner_up)]
    if best.kind != other.kind:
        return []
    try:
        sides = [(row, runs.folder_of(row)) for row in (best, other)]
        beside = await asyncio.to_thread(kind_of(best.kind).beside, sides)
    except (NoResults, RunElsewhere):
        return []
    claims = beside.claims[best.id, other.id]
    return [each for each in claims if each.id.partition(".")[2] in BETTER][:1]
