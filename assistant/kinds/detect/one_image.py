"""Why one inspected image was missed, flagged or passed: its score at the threshold, where its map is highest, which good patches are like
that place, and what another threshold that tells it right would cost."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from assistant.kinds.claims import About, Claim, Outline
from assistant.kinds.detect.claims import claims_of
from assistant.kinds.detect.findings import finding, nearest_at
from assistant.kinds.summary import title_of
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectResults, Finding, Highest, ScoreRow
from prompts.figures import Figure, count

IMAGE: Outline = (
    ("image_*_verdict", "image_*_margin"),
    ("image_*_where", "image_*_nearest"),
    ("found.*", "why.*"),
)
ACROSS, DOWN = ("left", "middle", "right"), ("upper", "middle", "lower")


def claims_of_image(row: RunRow, folder: Path, index: int) -> list[Claim]:
    """Of the inspected image with this index, and of its defect type.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
        LookupError: there is no such image.
    """
    results = load(row, folder, DetectResults)
    image = next((each for each in results.rows if each.index == index), None)
    if image is None:
        raise LookupError(f"run {row.id} inspected no image with the index {index}")
    about, found = About(row.id, "detect"), finding(row, folder, index)
    return [
        _verdict(about, results, image),
        *_margin(about, results, image),
        *_where(about, row, image, found),
        *(_of_its_type(row, results, image.defect_type) if image.defect_type else ()),
    ]


def _verdict(about: About, results: DetectResults, image: ScoreRow) -> Claim:
    what = {
        ("defective", False): "image_missed",
        ("defective", True): "image_found",
        ("good", True): "image_false_alarm",
        ("good", False): "image_passed",
    }.get((image.label, image.is_anomalous), "image_judged")
    told = {
        "image": image.name,
        "score": Figure(image.score, "score"),
        "threshold": Figure(results.metrics.threshold.image, "score"),
        "gap": Figure(abs(image.score - results.metrics.threshold.image), "score"),
    }
    return about.claim(f"image_{image.index}_verdict", what, **told)


def _margin(about: About, results: DetectResults, image: ScoreRow) -> Iterator[Claim]:
    """What the threshold at which this image is told right would do to the others."""
    good = [row for row in results.rows if row.label == "good"]
    defective = [row for row in results.rows if row.label == "defective"]
    score = {"score": Figure(image.score, "score")}
    if image.label == "defective" and not image.is_anomalous and good:
        would = sum(row.score >= image.score for row in good)
        told = {"alarms": count(would), "now": count(sum(row.is_anomalous for row in good)), "good": count(len(good))}
        yield about.claim(f"image_{image.index}_margin", "image_to_be_found", **score, **told)
    elif image.label == "good" and image.is_anomalous and defective:
        would = sum(row.score <= image.score for row in defective)
        now = sum(not row.is_anomalous for row in defective)
        told = {"missed": count(would), "now": count(now), "defective": count(len(defective))}
        yield about.claim(f"image_{image.index}_margin", "image_to_pass", **score, **told)


def _where(about: About, row: RunRow, image: ScoreRow, found: Finding | None) -> Iterator[Claim]:
    highest = _highest(found)
    if found is None or highest is None:
        yield about.claim(f"image_{image.index}_where", "image_not_looked_into")
        return
    size = DetectJob.model_validate(row.spec).image_size
    place = f"{DOWN[_third(highest.y, size)]}_{ACROSS[_third(highest.x, size)]}"
    at = {"x": count(highest.x), "y": count(highest.y), "size": count(size), "place": place}
    scores = {"peak": Figure(highest.score, "score"), "pixel": Figure(found.image.pixel_threshold, "score")}
    yield about.claim(f"image_{image.index}_where", "image_where", **at, **scores)
    if highest.nearest:
        names = list(dict.fromkeys(each.name for each in highest.nearest))
        distance = Figure(min(each.distance for each in highest.nearest), "score")
        yield about.claim(f"image_{image.index}_nearest", "image_nearest", names=names, distance=distance)
    else:
        yield about.claim(f"image_{image.index}_nearest", "image_nothing_near", model=title_of(row))


def _highest(found: Finding | None) -> Highest | None:
    """Where its map is highest; in runs from before that was written, the peak of its strongest region."""
    if found is None or found.image.highest is not None or not found.regions:
        return found.image.highest if found is not None else None
    x, y = found.regions[0].peak_at
    return Highest(x=x, y=y, score=found.regions[0].peak, nearest=nearest_at(found, 0))


def _third(at: int, size: int) -> int:
    return min(3 * at // max(size, 1), 2)


def _of_its_type(row: RunRow, results: DetectResults, defect_type: str) -> Sequence[Claim]:
    """What is so of its type in general."""
    every = claims_of(row.id, results.metrics, model=title_of(row), data=row.dataset, seconds=None)
    return [
        each
        for each in every
        if each.what in ("detect.found_of_type", "detect.why_threshold", "detect.why_scores")
        and each.values["type"] == defect_type
    ]
