"""What a detection leaves behind: figures, a row for each test image, what was found in each, thresholds, the model's card."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, FiniteFloat

from engine.contract.policy import Promise
from engine.contract.results import Interval, Metrics, Results, Row, Written
from engine.contract.results.card import ModelCard

Policy = Literal["split_conformal", "leave_one_out", "percentile", "f1_optimal", "cost_based", "escape_rate", "value"]


ORACLES: tuple[Policy, ...] = ("f1_optimal", "cost_based", "escape_rate")  # chosen by the labels of the test data


class Threshold(Written):
    """A score above `value` is called defective. The rest are the facts that a sentence about it needs.

    A percentile and an oracle promise nothing. An oracle was asked for no overkill: there it is what happened on the images
    that chose it, and calibration_images counts those.
    """

    value: FiniteFloat
    overkill_rate: float = Field(description="what was asked for: share of good images that may be called defective")
    calibration_images: int = Field(description="n")
    promised: float | None = Field(description="the share that holds at most")
    smallest_promise: float = Field(description="the least overkill that n good images can set at all: 1 / (n + 1)")
    images_needed: int = Field(description="least n that can set overkill_rate: 1 / overkill_rate - 1")
    policy: Policy = "split_conformal"
    images_to_show: int = Field(
        default=0, description="good test images, none of them overkilled, that show the rate: about 3 / rate"
    )
    kept: bool = Field(
        default=False,
        description="that of the run whose memory is extended, where its own good images would set a lower one",
    )

    @property
    def promise(self) -> Promise:
        """What the good images that set it promise."""
        return Promise(self.policy, self.calibration_images, self.overkill_rate, self.promised)

    @property
    def is_oracle(self) -> bool:
        """Whether labels of the test data chose it, so that its figures there flatter."""
        return self.policy in ORACLES


class Thresholds(Written):
    """Of images, and of pixels."""

    image: Threshold
    pixel: Threshold


class HeldOut(Written):
    """What the good images that set the thresholds scored: p-values compare with it, and another threshold is set from it."""

    scores: list[FiniteFloat] = Field(default=[])
    map_highs: list[FiniteFloat] = Field(
        default=[], description="highest score of each one's map, in the same order; empty in those of older versions"
    )
    folds: int | None = Field(default=None, description="of leave_one_out, how many models gave the scores")


class DetectCard(ModelCard):
    """The card of a model that tells good from defective."""

    order: ClassVar[tuple[str, ...]] = (
        "spec", "data", "thresholds", "calibration", "weights", "synthetic", "versions", "created", "backbone_fingerprint", "normals",
        "checksums",
    )  # fmt: skip

    thresholds: Thresholds
    calibration: HeldOut = HeldOut()
    normals: list[str] = Field(
        default=[], description="good images whose patches it keeps, by their place in its memory"
    )

    def facts(self) -> dict[str, Any]:
        """As ever in the same order: equal models have equal files, whichever version wrote them."""
        told = super().facts()
        return {name: told.pop(name) for name in self.order if name in told} | told


class ThresholdTold(Written):
    """The thresholds that the verdicts of an evaluation follow, with the facts of the images' one.

    overkill_rate is null where it was not asked for by one, calibration_images where labels of the test data chose it.
    """

    image: FiniteFloat
    pixel: FiniteFloat
    overkill_rate: float | None = None
    calibration_images: int | None = None
    promised: float | None = None
    smallest_promise: float | None = None
    images_needed: int | None = None
    policy: Policy | None = None
    images_to_show: int | None = None
    kept: bool = False
    oracle: bool = False
    promise: str = Field(default="", description="what it promises, in English")


class OfType(Written):
    """The defective images of one type at the threshold."""

    count: int
    found: int
    missed: int
    image_auroc: FiniteFloat | None = Field(default=None, description="against all good images")
    recall_interval: Interval | None = None


class OfSize(Written):
    """The defects of one size: `images` by their whole marked area, `regions` by their own; shares of the picture."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    above: float = Field(alias="from")
    to: float
    images: int
    found: int
    missed: int
    recall: FiniteFloat | None
    recall_interval: Interval | None = None
    regions: int
    regions_hit: int
    region_recall: FiniteFloat | None


class AtOverkill(Written):
    """What is found at the threshold that lets a share of the good test images fail: chosen on the test data."""

    threshold: FiniteFloat
    recall: FiniteFloat | None
    interval: Interval | None
    overkill: FiniteFloat | None
    false_alarms: int
    chosen_on: str
    per_defect_type: dict[str, FiniteFloat]


class Reached(Written):
    """What an oracle threshold reaches on the images that chose it."""

    threshold: FiniteFloat
    promise: str
    recall: FiniteFloat | None
    overkill: FiniteFloat | None
    missed: FiniteFloat | None
    false_alarms: FiniteFloat | None
    escape_cost: float | None = None
    defect_rate: float | None = None


class Oracle(Written):
    """Figures and thresholds that labels of the test data chose: better than what a line will see."""

    image_f1_max: FiniteFloat | None = None
    pixel_f1_max: FiniteFloat | None = None
    f1_optimal: Reached | None = None
    cost_based: Reached | None = None


class ConfidenceTold(Written):
    """How well the stated confidence fits, or the reason why none is stated."""

    reason: str | None = None
    ece: FiniteFloat | None = None
    brier: FiniteFloat | None = None
    brier_of_share: FiniteFloat | None = None
    images: int | None = None
    folds: int | None = None
    curve: dict[str, FiniteFloat] = Field(default={}, description="slope and offset, from score to confidence")


class PromiseCheck(Written):
    """Whether the good test images keep what the threshold promised; null where that cannot be told, with the reason."""

    held: bool | None = None
    reason: str | None = None
    promised: FiniteFloat | None = None
    overkill: FiniteFloat | None = None
    expected: Interval | None = None
    interval: Interval | None = None
    ks_p_value: FiniteFloat | None = None
    chance: FiniteFloat | None = Field(
        default=None, description="of at least as many false alarms, where the promise is just kept"
    )


class SpeedAndMemory(Written):
    """What inspecting takes on the machine that trained: the median time of a batch's pictures from decoded to scores and maps in
    memory. Reading, decoding, drawing and writing are not counted, nor is the first batch where there are more.

    Memory is that of the whole process at its highest, so of the training too; `model_mb` is what must be kept of the model.
    """

    ms_per_image: FiniteFloat
    batch_size: int
    device: str
    threads: int | None = Field(default=None, description="of the processor, where it computes")
    peak_memory_mb: FiniteFloat | None = None
    peak_gpu_memory_mb: FiniteFloat | None = None
    model_mb: FiniteFloat | None = Field(default=None, description="without the frozen backbone")


MADE_UP = "synthetic_"  # begins the names of the types of made-up defects


def is_made_up(label: str, defect_type: str | None) -> bool:
    """Whether a test image is a good one with a made-up defect."""
    return label == "unknown" and (defect_type or "").startswith(MADE_UP)


class OnSynthetic(Written):
    """What is found of made-up defects on good test images, at the threshold in force: a guess at what a line will see. Every other figure
    leaves them out; a row of one has the label unknown and a defect type of these."""

    count: int
    found: int
    missed: int
    image_auroc: FiniteFloat | None = Field(default=None, description="against all good images")
    interval: Interval | None = Field(default=None, description="of image_auroc")
    per_defect_type: dict[str, OfType] = Field(default={})


class DetectMetrics(Metrics):
    """metrics.json of a detection. Scores are raw; `map_scale` is what 0 and 65535 of a raw map stand for."""

    threshold: ThresholdTold
    map_scale: Interval
    per_defect_type: dict[str, OfType] = Field(default={})
    per_size: dict[str, OfSize] = Field(default={}, description="sizes that there are, by name")
    at_overkill: dict[str, AtOverkill] = Field(default={}, description="by percent of the good test images")
    oracle: Oracle = Oracle()
    confidence: ConfidenceTold = ConfidenceTold()
    tolerance: dict[str, FiniteFloat] = Field(default={}, description="of pixel figures that were counted by bins")
    promise_check: PromiseCheck = PromiseCheck()
    on_synthetic: OnSynthetic | None = Field(
        default=None, description="of made-up defects; none where none were tested with"
    )
    speed_and_memory: SpeedAndMemory | None = Field(
        default=None, description="none of runs from before it was measured"
    )
    seed: int | None = Field(default=None, description="that intervals were drawn by; null in older evaluations")


def _regions_of(cell: object) -> object:
    """`area:peak area:peak`, as `as_csv` writes them."""
    return [part.split(":") for part in cell.split()] if isinstance(cell, str) else cell


class ScoreRow(Row):
    """An inspected image. confidence (that it is defective) is empty where there were no labels to learn it from.

    What follows it is missing in older evaluations: the map's highest score, the panel or lot, the share of the picture that the
    mask marks, and each marked region's share with the highest score in it. With these other thresholds are judged by.
    """

    label: str
    defect_type: str | None = None
    score: FiniteFloat
    is_anomalous: bool
    p_value: FiniteFloat | None = None
    has_truth: bool
    confidence: FiniteFloat | None = None
    map_high: FiniteFloat | None = None
    group: str | None = None
    defect_area: FiniteFloat | None = None
    true_regions: Annotated[tuple[tuple[FiniteFloat, FiniteFloat], ...], BeforeValidator(_regions_of)] = ()


class DetectResults(Results[DetectMetrics, ScoreRow]):
    """What a detection measured."""

    pictures: ClassVar[tuple[str, ...]] = ("inputs", "maps", "truth", "overlays", "masks")

    def counted(self) -> Iterator[tuple[str, int, int]]:
        """Images by label and type, and the verdicts on them."""
        counts, rows = self.metrics.counts, self.rows
        made_up = [row for row in rows if is_made_up(row.label, row.defect_type)]
        of = {label: [row for row in rows if row.label == label] for label in ("good", "defective")}
        unknown = len(rows) - len(made_up) - sum(map(len, of.values()))
        told = {label: len(each) for label, each in of.items()} | {"unknown": unknown, "made_up": len(made_up)}
        for label, number in told.items():
            if (counted := counts.get(f"test_{label}")) is not None:
                yield f"test images that are {label}", counted, number
        yield from _of_types(self.metrics.per_defect_type, of["defective"])
        if self.metrics.on_synthetic is not None:
            yield from _of_types(self.metrics.on_synthetic.per_defect_type, made_up)
        alarms = sum(row.is_anomalous for row in of["good"])
        verdicts = {"missed": sum(not row.is_anomalous for row in of["defective"]), "false_alarms": alarms}
        for name, number in verdicts.items():
            if (figure := self.metrics.metrics.get(name)) is not None:
                yield name, round(figure), number


def _of_types(types: dict[str, OfType], rows: list[ScoreRow]) -> Iterator[tuple[str, int, int]]:
    """The images of each type, and how many of them were called defective."""
    called = Counter((row.defect_type or "", row.is_anomalous) for row in rows)
    for name, each in types.items():
        yield f"images of type {name!r}", each.count, called[name, True] + called[name, False]
        yield f"images of type {name!r} called defective", each.found, called[name, True]


class Patch(Written):
    """A good patch that the model remembers: where in which picture, x and y in [0, 1] of it, and how far away it is."""

    name: str
    x: FiniteFloat
    y: FiniteFloat
    distance: FiniteFloat


class KnownRegion(Written):
    """The region of a test image whose defect type is known, and how far its features are away."""

    name: str
    defect_type: str
    distance: FiniteFloat


class LikelyType(Written):
    """Of which defect type a region probably is: `votes` of the `nearest` known regions are of it. None where they do not tell, with the reason."""

    defect_type: str | None
    reason: str | None = None
    votes: int = 0
    nearest: list[KnownRegion] = Field(default=[])


class Region(Written):
    """One connected area above the pixel threshold. Places are (x, y) in pixels of the map, from its upper left corner.

    box is (x, y, width, height); area_share is the part of the picture; peak and mean are raw scores; peak_at is where the
    peak lies, centre the middle of the area weighted by how far scores exceed the threshold. `nearest` are the good patches most
    like it; null where the model knows none. `likely`: its defect type, of a picture that was judged after the training.
    """

    box: tuple[int, int, int, int]
    area_px: int
    area_share: FiniteFloat
    peak: FiniteFloat
    peak_at: tuple[int, int]
    mean: FiniteFloat
    centre: tuple[FiniteFloat, FiniteFloat]
    nearest: list[Patch] | None = None
    likely: LikelyType | None = None


class Highest(Written):
    """Where a map is highest, in pixels from its upper left corner, though it be below the threshold. `nearest` are the good patches
    most like that place; null where the model knows none, or the image is a good one that scores as good ones do."""

    x: int
    y: int
    score: FiniteFloat
    nearest: list[Patch] | None = None


@dataclass(frozen=True)
class JudgedBy:
    """A threshold in force that other pictures are judged by, and which version of the run's it is."""

    threshold: float
    pixel_threshold: float
    version: int


class FoundImage(Written):
    """The verdict on one image. p_value is null without held-out scores, confidence without labels to learn it from."""

    name: str
    score: FiniteFloat
    threshold: FiniteFloat
    pixel_threshold: FiniteFloat
    p_value: FiniteFloat | None
    confidence: FiniteFloat | None
    is_anomalous: bool
    highest: Highest | None = Field(default=None, description="none of runs from before it was written")
    threshold_version: int | None = Field(
        default=None, description="of the run's threshold that judged a picture it was tried on; null in an evaluation"
    )

    @classmethod
    def judged(
        cls,
        name: str,
        *,
        score: float,
        threshold: float,
        pixel_threshold: float,
        p_value: float | None = None,
        confidence: float | None = None,
        highest: Highest | None = None,
    ) -> "FoundImage":
        """The verdict that follows from a score."""
        return cls(
            name=name,
            score=score,
            threshold=threshold,
            pixel_threshold=pixel_threshold,
            p_value=p_value,
            confidence=confidence,
            is_anomalous=score > threshold,
            highest=highest,
        )


class Finding(Written):
    """What was found in one image, as it is written beside its heatmap; regions strongest first."""

    image: FoundImage
    regions: list[Region]
