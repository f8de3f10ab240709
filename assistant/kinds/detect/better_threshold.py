"""Another threshold of the same model that would miss far fewer: where scores separate, it is the threshold that misses."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from assistant.kinds.claims import About, Claim, Offer
from assistant.kinds.detect.claims import TOLD_WELL
from engine.contract.checksums import DamagedFile
from engine.contract.folder import RunFolder
from engine.contract.results.detect import DetectMetrics
from prompts.figures import Figure, count

MOST_OVERKILL = 0.1  # a higher rate is nothing to propose unasked
FEWER = 0.5  # of what is missed now: so many at the most are worth it


def better_threshold(about: About, metrics: DetectMetrics, folder: Path) -> Iterator[Claim]:
    """The lowest overkill rate at which the model would miss at most half of what it misses now; none where there is none.

    It is set as `set_threshold` sets it, from the kept scores of good images; what it would miss is counted on the test images.
    """
    if not metrics.metrics.get("missed") or not _separates(metrics):
        return
    from engine.contract.another_threshold import LADDER, Asked, CannotSet, Kept, choose, costs  # loads numpy

    try:
        kept = Kept.read(RunFolder(folder))
        for rate in (each for each in LADDER if each <= MOST_OVERKILL):
            then = choose(Asked(overkill_rate=rate), kept)
            now, would = costs(kept, metrics.threshold), costs(kept, then)
            if would["value"] < now["value"] and would["missed"] <= FEWER * now["missed"]:
                yield _claim(about, rate, now, would)
                return
    except (FileNotFoundError, DamagedFile, CannotSet):
        return  # a run of an older version kept too little


def _separates(metrics: DetectMetrics) -> bool:
    """Whether a type of which images are missed is told well from good images."""
    types = [each.image_auroc for each in metrics.per_defect_type.values() if each.missed]
    aurocs = [each for each in types or [metrics.metrics.get("image_auroc")] if each is not None]
    return any(each >= TOLD_WELL for each in aurocs)


def _claim(about: About, rate: float, now: dict[str, float], would: dict[str, float]) -> Claim:
    told = {
        "rate": Figure(rate, "promise"),
        "missed": count(now["missed"]),
        "fewer": count(would["missed"]),
        "alarms": count(now["false_alarms"] or 0),
        "more": count(would["false_alarms"] or 0),
        "good": count(now["good"]),
    }
    claim = about.claim("next.threshold", "next_threshold", **told)
    arguments = {"run": about.subject, "overkill_rate": rate}
    said = {"run": about.subject, "rate": told["rate"]}
    return replace(claim, offers=(Offer("offer_threshold", "set_threshold", arguments, said),))
