"""What is so about a finished training of a detector, from its typed figures alone."""

from collections.abc import Iterator
from typing import Any

from assistant.kinds.claims import About, Claim, Outline, on_what_it_rests, plain_names, within
from engine.contract.policy import Promise
from engine.contract.results.detect import DetectMetrics, OfType, ThresholdTold
from prompts.figures import Figure, Rounding, Within, count, share

SHARES = ("recall", "escape_rate", "overkill", "region_recall")
ON_TEST_DATA = ("image_f1_max", "pixel_f1_max", "recall_at_0_overkill", "recall_at_1_overkill", "recall_at_5_overkill")
TOLD_APART = ("missed", "false_alarms", "image_auroc", "aupro_30")  # each has a sentence of its own
OF_PIXELS = ("pixel_", "aupro_", "region_")
WORTH_TELLING = 0.02  # as much more recall at another threshold
WIDE = 0.3  # an interval of a share that is wider says little
GUESSING = 0.5
CHANCE = 0.05  # of a test: what is rarer is no chance
TOLD_WELL = 0.9  # an AUROC of a type from which on a threshold could find most of it
MOST_MISSED = 0.5  # of a type, or of all: beyond it the run is of no use for it
FEWEST = 3  # images of a type: of fewer, that all are missed tells little
COMMON = 0.3  # a chance from which on it is told as a share, not as once in so many
RAREST = 1000  # times of which a chance is told as one
OF_LABELS = ("f1_optimal", "cost_based", "escape_rate")  # policies by which the test data's labels chose a threshold

OUTLINES: dict[str, Outline] = {
    "summary": (
        ("missed_whole", "missed_most", "mostly_missed"),
        ("missed", "worst_type", "missed.*"),
        ("made_up",),
        ("false_alarms", "promise_kept", "promise_broken", "promise_why"),
        ("image_auroc", "aupro_30", "location"),
        ("random_weights",),
        ("next",),
        ("threshold", "threshold_set", "promise_short"),
        ("at_5_overkill",),
        ("broken",),
        ("synthetic",),
        ("took", "speed", "memory"),
    ),
    "good": (
        ("missed_whole", "missed_most", "mostly_missed"),
        ("missed", "worst_type", "missed.*"),
        ("made_up",),
        ("false_alarms", "promise_kept", "promise_broken", "promise_why"),
        ("image_auroc", "perhaps_guessing", "above_guessing"),
        ("unusable.*",),
        ("price",),
        ("random_weights", "synthetic"),
        ("next", "next.*"),
    ),
    "trust": (
        ("tested", "missed", "made_up", "image_auroc"),
        ("few_of_type.*",),
        ("promise_kept", "promise_broken", "promise_unknown", "promise_why", "promise_short"),
        ("random_weights",),
        ("synthetic",),
        ("broken",),
    ),
    "overfit": (
        ("curve", "gap"),
        ("promise_kept", "promise_broken", "promise_unknown", "promise_why"),
        ("unseen_good",),
    ),
    "why": (
        ("missed_whole", "missed_most", "mostly_missed"),
        ("missed", "missed.*"),
        ("why.*",),
        ("false_alarms", "promise_broken", "promise_kept", "promise_why", "promise_short"),
        ("at_5_overkill",),
        ("size.*",),
        ("random_weights",),
        ("next", "next.*"),
    ),
    "worst": (
        ("worst_type", "no_types"),
        ("found.*",),
        ("unusable.*",),
        ("why.*",),
    ),
}


def claims_of(run: str, metrics: DetectMetrics, *, model: str, data: str, seconds: float | None) -> list[Claim]:
    """All that may be said of its figures; `model` is the title people know it by."""
    about = About(run, "detect")
    counts = {name: metrics.counts.get(name, 0) for name in ("test_good", "test_defective", "broken")}
    named = {"model": model, "data": data}
    return [
        *_on_missed(about, metrics, total=counts["test_defective"], named=named),
        *_on_made_up(about, metrics),
        *_on_types(about, metrics),
        *_on_false_alarms(about, metrics, total=counts["test_good"]),
        *_on_promise(about, metrics),
        *_on_figures(about, metrics, counts),
        *_on_trust(about, metrics, counts),
        *_on_reasons(about, metrics),
        *_on_speed(about, metrics),
        *on_what_it_rests(about, weights=metrics.weights, synthetic=metrics.synthetic, broken=counts["broken"]),
        *([about.claim("took", "took", took=Figure(seconds, "seconds"), **named)] if seconds is not None else []),
    ]


def worst_first(metrics: DetectMetrics) -> list[tuple[str, OfType]]:
    """The defect types, that of which the largest share is missed first; of equal ones that with more images."""
    types = metrics.per_defect_type.items()
    return sorted(types, key=lambda each: (-each[1].missed / max(each[1].count, 1), -each[1].count, each[0]))


def _on_missed(about: About, metrics: DetectMetrics, *, total: int, named: dict[str, str]) -> Iterator[Claim]:
    missed = metrics.metrics.get("missed")
    if missed is None or not total:
        unknown = "missed_unknown" if metrics.on_synthetic is None else "missed_not_tested"
        yield about.claim("missed", unknown, **named)
        return
    interval = within(metrics.intervals.get("escape_rate"), "share")
    told = {"missed": count(missed), "total": count(total), "share": share(missed / total)}
    yield from _on_failure(about, metrics, missed, total)
    yield about.claim("missed", "missed" if missed else "missed_none", **told, **named, interval=interval)
    found = total - missed
    yield about.claim("found", "found", found=count(found), total=count(total), share=share(found / total))


def _on_made_up(about: About, metrics: DetectMetrics) -> Iterator[Claim]:
    """What was missed of the made-up defects, apart from the real ones, and of which type the most."""
    made_up = metrics.on_synthetic
    if made_up is None or not made_up.count:
        return
    name, worst = max(made_up.per_defect_type.items(), key=lambda each: each[1].missed / max(each[1].count, 1))
    yield about.claim(
        "made_up",
        "made_up" if made_up.missed else "made_up_none",
        missed=count(made_up.missed),
        total=count(made_up.count),
        type=name,
        missed_of_type=count(worst.missed),
        of_type=count(worst.count),
        auroc=Figure(made_up.image_auroc, "score") if made_up.image_auroc is not None else None,
    )


def _on_failure(about: About, metrics: DetectMetrics, missed: float, total: int) -> Iterator[Claim]:
    """What makes the run of no use as it is: whole types that are missed, or more than half of all defects, or of a type."""
    types = [(name, each) for name, each in worst_first(metrics) if each.count]
    whole = [(name, each) for name, each in types if each.missed == each.count]
    if whole:
        what = "missed_whole" if max(each.count for _, each in whole) >= FEWEST else "missed_whole_of_few"
        yield about.claim("missed_whole", what, types=[(name, count(each.count)) for name, each in whole])
    limit = share(MOST_MISSED)
    if missed > MOST_MISSED * total and sum(each.count for _, each in whole) < missed:
        yield about.claim("missed_most", "missed_most", missed=count(missed), total=count(total), limit=limit)
        return
    mostly = [
        (name, count(each.missed), count(each.count))
        for name, each in types
        if each.count > each.missed > MOST_MISSED * each.count and each.count >= FEWEST
    ]
    if mostly:
        yield about.claim("mostly_missed", "mostly_missed", types=mostly, limit=limit)


def _on_types(about: About, metrics: DetectMetrics) -> Iterator[Claim]:
    types = [(name, each) for name, each in worst_first(metrics) if each.count]
    ids = plain_names(name for name, _ in types)
    for name, each in types:
        told = {"type": name, "total": count(each.count)}
        if each.missed:
            missed = {"missed": count(each.missed), "share": share(each.missed / each.count)}
            yield about.claim(f"missed.{ids[name]}", "missed_of_type", **told, **missed)
        found = {"found": count(each.found), "share": share(each.found / each.count)}
        recall = within(each.recall_interval, "share")
        yield about.claim(f"found.{ids[name]}", "found_of_type", **told, **found, interval=recall)
        if each.missed > MOST_MISSED * each.count:
            limit = {"missed": count(each.missed), "limit": share(MOST_MISSED)}
            yield about.claim(f"unusable.{ids[name]}", "unusable_for_type", **told, **limit)
    if len(types) > 1 and types[0][1].missed:
        for id, (name, each) in (("worst_type", types[0]), ("best_type", types[-1])):
            told = {"missed": count(each.missed), "total": count(each.count), "found": count(each.found)}
            auroc = Figure(each.image_auroc, "score") if each.image_auroc is not None else None
            yield about.claim(id, id, type=name, **told, share=share(each.found / each.count), auroc=auroc)


def _on_false_alarms(about: About, metrics: DetectMetrics, *, total: int) -> Iterator[Claim]:
    alarms = metrics.metrics.get("false_alarms")
    if alarms is None or not total:
        yield about.claim("false_alarms", "false_alarms_unknown")
        return
    interval = within(metrics.intervals.get("overkill"), "share")
    told = {"alarms": count(alarms), "total": count(total), "share": share(alarms / total)}
    yield about.claim("false_alarms", "false_alarms" if alarms else "no_false_alarms", **told, interval=interval)
    passed = total - alarms
    yield about.claim("passed", "passed", passed=count(passed), total=count(total), share=share(passed / total))


def _on_promise(about: About, metrics: DetectMetrics) -> Iterator[Claim]:
    """The threshold and what it promises, and beside it what was measured: how likely chance makes the difference, and why else."""
    told, check = metrics.threshold, metrics.promise_check
    promise = _promise_of(told)
    yield _threshold(about, metrics, promise)
    if (
        told.overkill_rate is not None
        and promise is not None
        and promise.policy != "percentile"
        and not promise.is_enough
        and not told.kept
    ):
        more = {"one": count(1), "next": count(promise.images + 1), "more": count(promise.needed - promise.images)}
        rests = {"images": count(promise.images), "rate": Figure(promise.rate, "promise")}
        yield about.claim("promise_short", "promise_short", **rests, needed=count(promise.needed), **more)
    if check.held is not None and check.overkill is not None and check.promised is not None:
        measured = {"overkill": share(check.overkill), "promised": Figure(check.promised, "promise")}
        id = "promise_kept" if check.held else "promise_broken"
        chance = _chance(metrics, promise)
        is_above = check.overkill > check.promised
        if not is_above:
            yield about.claim(id, "promise_kept", **measured)
        elif chance is None:
            yield about.claim(id, "promise_exceeded", **measured)
        else:
            yield about.claim(id, "promise_exceeded_by_chance", **measured, **_how_often(chance))
        if is_above:
            yield _why_exceeded(about, metrics, promise, chance)
    elif check.reason:
        nothing = told.promised is None
        yield about.claim("promise_unknown", "promise_unknown", reason="promises_nothing" if nothing else "no_good")


def _promise_of(told: ThresholdTold) -> Promise | None:
    """None where labels chose the threshold, or an older evaluation does not tell what set it."""
    if told.calibration_images is None or told.policy in OF_LABELS:
        return None
    policy = told.policy or "split_conformal"  # older evaluations knew no other
    return Promise(policy, told.calibration_images, told.overkill_rate or 0.0, told.promised)


def _threshold(about: About, metrics: DetectMetrics, promise: Promise | None) -> Claim:
    told = metrics.threshold
    threshold = {"threshold": Figure(told.image, "score")}
    if told.policy in OF_LABELS:
        return about.claim("threshold", "threshold_of_labels", **threshold, by=told.policy)
    if promise is None:
        return about.claim("threshold", "threshold", **threshold)
    images = {"images": count(promise.images)}
    holds = promise.promised is not None and promise.promised < 1
    promised = {"promised": Figure(promise.promised, "promise")} if promise.promised is not None and holds else {}
    if told.kept:
        what = "threshold_kept" if holds else "threshold_kept_only"
        return about.claim("threshold", what, **threshold, **(images | promised if holds else {}))
    if told.overkill_rate is None:
        what = "threshold_by_hand" if holds else "threshold"
        return about.claim("threshold", what, **threshold, **images, **promised)
    what = f"threshold_{promise.policy}" if holds or promise.policy == "percentile" else "threshold_promises_nothing"
    return about.claim("threshold", what, **threshold, **images, rate=Figure(promise.rate, "promise"), **promised)


def _chance(metrics: DetectMetrics, promise: Promise | None) -> float | None:
    """Of at least as much overkill as was measured; runs from before it was kept have what it follows from."""
    check, good = metrics.promise_check, metrics.counts.get("test_good", 0)
    if check.chance is not None or promise is None or check.overkill is None or not good:
        return check.chance
    return promise.chance_of(round(check.overkill * good), of=good)


def _how_often(chance: float) -> dict[str, Any]:
    """A chance as people say it: once in so many, or where it is common as a share."""
    is_rare = chance * RAREST < 1
    times = RAREST if is_rare else max(round(1 / chance), 1)
    how = "commonly" if chance >= COMMON else "rarely" if is_rare else "once"
    return {"how": how, "chance": share(chance), "one": count(1), "times": count(times)}


def _why_exceeded(about: About, metrics: DetectMetrics, promise: Promise | None, chance: float | None) -> Claim:
    """The likeliest reason for more overkill than promised, by what speaks for it."""
    check, good = metrics.promise_check, metrics.counts.get("test_good", 0)
    if check.ks_p_value is not None and check.ks_p_value < CHANCE:
        differ = {"chance": Figure(check.ks_p_value, "chance"), "limit": Figure(CHANCE, "plain")}
        return about.claim("promise_why", "promise_why_differ", **differ)
    if chance is not None and chance >= CHANCE and promise is not None and good:
        if promise.images < good or not promise.is_enough:
            return about.claim("promise_why", "promise_why_few_set_it", images=count(promise.images))
        return about.claim(
            "promise_why", "promise_why_few_tested", good=count(good), one=count(1), step=share(1 / good)
        )
    if promise is not None and promise.policy == "leave_one_out":
        return about.claim("promise_why", "promise_why_folds")
    return about.claim("promise_why", "promise_why_other_lot")


def _on_trust(about: About, metrics: DetectMetrics, counts: dict[str, int]) -> Iterator[Claim]:
    """How much the figures rest on."""
    good, defective = counts["test_good"], counts["test_defective"]
    yield about.claim("tested", "tested", good=count(good), defective=count(defective))
    few = [(name, each) for name, each in worst_first(metrics) if each.count and each.recall_interval]
    ids = plain_names(name for name, each in worst_first(metrics) if each.count)
    for name, each in few:
        low, high = each.recall_interval or (0.0, 1.0)
        if high - low > WIDE:
            told = {"total": count(each.count), "low": share(low), "high": share(high), "width": share(WIDE)}
            yield about.claim(f"few_of_type.{ids[name]}", "few_of_type", type=name, **told)
    auroc = metrics.intervals.get("image_auroc")
    if auroc is not None and metrics.metrics.get("image_auroc") is not None:
        what = "perhaps_guessing" if auroc[0] <= GUESSING else "above_guessing"
        yield about.claim(what, what, low=Figure(auroc[0], "score"), guessing=Figure(GUESSING, "plain"))
    missed, alarms = metrics.metrics.get("escape_rate"), metrics.metrics.get("overkill")
    if missed is not None and alarms is not None:
        yield about.claim("price", "price", missed=share(missed), alarms=share(alarms))
    check = metrics.promise_check
    if check.ks_p_value is not None:
        what = "unseen_good_alike" if check.ks_p_value >= CHANCE else "unseen_good_differ"
        told = {"chance": Figure(check.ks_p_value, "chance"), "limit": Figure(CHANCE, "plain")}
        yield about.claim("unseen_good", what, **told)


def _on_reasons(about: About, metrics: DetectMetrics) -> Iterator[Claim]:
    """Whether a type is missed for the threshold or for its scores, and defects of which size are missed."""
    types = [(name, each) for name, each in worst_first(metrics) if each.count]
    ids = plain_names(name for name, _ in types)
    for name, each in types:
        if each.missed and each.image_auroc is not None:
            what = "why_threshold" if each.image_auroc >= TOLD_WELL else "why_scores"
            told = {"auroc": Figure(each.image_auroc, "score"), "limit": Figure(TOLD_WELL, "plain")}
            yield about.claim(f"why.{ids[name]}", what, type=name, missed=count(each.missed), **told)
    if not types:
        yield about.claim("no_types", "no_types")
    for name, size in metrics.per_size.items():
        if size.images:
            told = {"found": count(size.found), "total": count(size.images), "missed": count(size.missed)}
            area = {"least": share(size.above), "most": share(size.to)}
            yield about.claim(f"size.{name}", "found_of_size", size=name, **told, **area)


def _on_figures(about: About, metrics: DetectMetrics, counts: dict[str, int]) -> Iterator[Claim]:
    for name, value in metrics.metrics.items():
        rounding = rounding_of(name)
        if value is None:
            if name not in TOLD_APART[:2]:
                reason = _why_not(name, counts)
                yield about.claim(name, "unmeasured", metric=name, reason=reason)
        elif name == "image_auroc":
            scale = {"perfect": Figure(1, "plain"), "guessing": Figure(0.5, "plain")}
            interval = within(metrics.intervals.get(name), rounding)
            yield about.claim(name, name, value=Figure(value, rounding), interval=interval, **scale)
        elif name == "aupro_30":
            told = {"value": Figure(value, rounding), "limit": share(0.3)}
            yield about.claim(name, name, **told, interval=within(metrics.intervals.get(name), rounding))
        elif name not in TOLD_APART:
            told_interval: Within | None = within(metrics.intervals.get(name), rounding)
            what = "figure_on_test_data" if name in ON_TEST_DATA else "figure"
            yield about.claim(name, what, metric=name, value=Figure(value, rounding), interval=told_interval)
    yield from _on_location(about, metrics, counts)
    recall, at_5 = metrics.metrics.get("recall"), metrics.metrics.get("recall_at_5_overkill")
    if metrics.metrics.get("missed") and recall is not None and at_5 is not None and at_5 > recall + WORTH_TELLING:
        yield about.claim("at_5_overkill", "at_5_overkill", overkill=share(0.05), found=share(at_5), now=share(recall))


def _on_location(about: About, metrics: DetectMetrics, counts: dict[str, int]) -> Iterator[Claim]:
    """How well defects are located, by the pixel AUROC where there is no AUPRO."""
    if metrics.metrics.get("aupro_30") is not None:
        return
    pixel = metrics.metrics.get("pixel_auroc")
    if pixel is None:
        yield about.claim("location", "location_unknown", reason=_why_not("pixel_auroc", counts))
    else:
        yield about.claim("location", "location", value=Figure(pixel, "score"))


def _on_speed(about: About, metrics: DetectMetrics) -> Iterator[Claim]:
    """How long a picture takes and what memory the run needed, with what it was measured on."""
    told = metrics.speed_and_memory
    if told is None:
        return
    speed = {"ms": Figure(told.ms_per_image, "amount"), "batch": count(told.batch_size), "device": told.device}
    if told.threads is None:
        yield about.claim("speed", "speed", **speed)
    else:
        yield about.claim("speed", "speed_of_threads", **speed, threads=count(told.threads))
    if told.peak_memory_mb is not None and told.model_mb is not None:
        memory = {"peak": Figure(told.peak_memory_mb, "amount"), "model": Figure(told.model_mb, "amount")}
        if told.peak_gpu_memory_mb is None:
            yield about.claim("memory", "memory", **memory)
        else:
            yield about.claim("memory", "memory_of_gpu", **memory, gpu=Figure(told.peak_gpu_memory_mb, "amount"))


def rounding_of(metric: str) -> Rounding:
    return "share" if metric in SHARES or metric.startswith("recall_at_") else "score"


def _why_not(metric: str, counts: dict[str, int]) -> str:
    """Why a figure was not measured, as the words know it."""
    if not counts["test_defective"] and metric not in ("overkill", "false_alarms", "false_regions_per_good"):
        return "no_defective"
    if metric.startswith(OF_PIXELS):
        return "no_masks"
    return "no_good" if not counts["test_good"] else "not_told"
