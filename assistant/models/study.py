"""Repeatability study of an inspection (attribute agreement, AIAG Measurement Systems Analysis, 4th edition, chapter III section C): the same
parts imaged repeatedly, each with a reference verdict; how often the inspection agrees with it, and with itself.

Images of one part are alike, so every interval draws parts, not images: exact ones (Clopper and Pearson) of shares of parts, a bootstrap
over parts for the others. The limits are those that the manual's table gives for an appraiser.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from assistant.refused import Refused
from engine.contract.results import Interval

if TYPE_CHECKING:  # not before a study is computed: the server starts without it
    import numpy as np

Verdict = Literal["good", "defective"]
Judged = Literal["acceptable", "marginal", "unacceptable", "unknown"]
GOOD_WORDS = frozenset({"good", "ok", "pass", "0", "accept", "양품", "良品", "合格"})
BAD_WORDS = frozenset({"defective", "ng", "fail", "1", "reject", "bad", "불량", "不良", "缺陷"})
COLUMNS = ("part", "reference", "verdict")
FEWEST_PARTS, FEWEST_TRIALS = 50, 3  # that the manual advises
DRAWS, SEED, LEVEL = 2000, 0, 0.95
# acceptable at least or at most, marginal at least or at most
LIMITS: Mapping[str, tuple[float, float]] = {
    "effectiveness": (0.90, 0.80),
    "miss_rate": (0.02, 0.05),
    "false_alarm_rate": (0.05, 0.10),
    "kappa": (0.75, 0.40),
}
AT_MOST = frozenset({"miss_rate", "false_alarm_rate"})


class StudyRefused(Refused):
    """The table of a study cannot be used. `code` is study_table or study_parts."""


@dataclass(frozen=True)
class Trial:
    """One image of a part, and what was said of it."""

    part: str
    reference: Verdict
    verdict: Verdict


@dataclass(frozen=True)
class Measure:
    """A figure with its interval of 95 %, and how it stands to its limits; `count` of `of` where it is a share. None: it cannot be measured."""

    value: float | None
    interval: Interval | None
    judged: Judged = "unknown"
    count: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class Study:
    """What came out. `effectiveness`: right verdicts of all. `repeatability`: parts that were judged alike every time, of those imaged more
    than once; `against_reference`: parts judged rightly every time. `kappa`: Cohen's, between verdicts and references. `unsteady`: the parts that were judged
    both ways, and `wrong` those never judged rightly. `notes`: what makes it worth less, in English."""

    parts: int
    images: int
    trials: tuple[int, int]
    measures: Mapping[str, Measure]
    unsteady: Sequence[str]
    wrong: Sequence[str]
    notes: Sequence[str]

    @property
    def judged(self) -> Judged:
        """The worst of all that has a limit."""
        order: Sequence[Judged] = ("unacceptable", "marginal", "unknown", "acceptable")
        return min((self.measures[name].judged for name in LIMITS), key=order.index)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        measures = {name: asdict(each) for name, each in self.measures.items()}
        return {**asdict(self), "measures": measures, "judged": self.judged, "limits": dict(LIMITS)}


def study(trials: Iterable[Trial]) -> Study:
    """
    Raises:
        StudyRefused: there is no part, or a part has two references.
    """
    by_part: dict[str, list[Trial]] = {}
    for trial in trials:
        by_part.setdefault(trial.part, []).append(trial)
    if not by_part:
        raise StudyRefused("study_parts", "there are no parts to study", "name images of parts, each several times")
    for part, of_part in by_part.items():
        if len({trial.reference for trial in of_part}) > 1:
            message = f"part {part!r} is good in some lines and defective in others"
            raise StudyRefused("study_parts", message, "give each part one reference")
    import numpy as np

    counts = np.array([_counts(of_part) for of_part in by_part.values()], dtype=np.int64)  # (parts, 4)
    repeated = [of_part for of_part in by_part.values() if len(of_part) > 1]
    alike = sum(len({trial.verdict for trial in of_part}) == 1 for of_part in repeated)
    always_right = [
        part for part, of_part in by_part.items() if all(each.verdict == each.reference for each in of_part)
    ]
    never_right = [part for part, of_part in by_part.items() if all(each.verdict != each.reference for each in of_part)]
    measures = {
        "effectiveness": _drawn("effectiveness", counts),
        "miss_rate": _drawn("miss_rate", counts),
        "false_alarm_rate": _drawn("false_alarm_rate", counts),
        "kappa": _drawn("kappa", counts),
        "repeatability": _share(alike, len(repeated)),
        "against_reference": _share(len(always_right), len(by_part)),
    }
    numbers = [len(of_part) for of_part in by_part.values()]
    return Study(
        parts=len(by_part),
        images=sum(numbers),
        trials=(min(numbers), max(numbers)),
        measures=measures,
        unsteady=[part for part, of_part in by_part.items() if len({each.verdict for each in of_part}) > 1],
        wrong=never_right,
        notes=_notes(by_part),
    )


def read_table(text: str) -> list[Trial]:
    """Trials from a CSV with the columns part, reference, verdict; the last two in words such as good and defective, OK and NG.

    Raises:
        StudyRefused: a column is missing, or a word means neither.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        message = f"the table has no column {', '.join(missing)} (it has: {', '.join(reader.fieldnames or ['none'])})"
        raise StudyRefused("study_table", message, "its first line is: part,reference,verdict")
    return [
        Trial(str(row["part"]).strip(), _verdict(row["reference"], number), _verdict(row["verdict"], number))
        for number, row in enumerate(reader, start=2)
    ]


def _verdict(word: str | None, line: int) -> Verdict:
    said = (word or "").strip().casefold()
    if said in GOOD_WORDS:
        return "good"
    if said in BAD_WORDS:
        return "defective"
    message = f"line {line}: {word!r} means neither good nor defective"
    raise StudyRefused("study_table", message, "write good or defective, OK or NG")


def _counts(of_part: Sequence[Trial]) -> tuple[int, int, int, int]:
    """Good called good, good called defective, defective called good, defective called defective."""
    pairs = [(each.reference, each.verdict) for each in of_part]
    names: tuple[Verdict, Verdict] = ("good", "defective")
    good, bad = ([pairs.count((reference, verdict)) for verdict in names] for reference in names)
    return good[0], good[1], bad[0], bad[1]


def _of(name: str, counts: "np.ndarray") -> tuple[float, float]:
    """Numerator and denominator of a share over all these parts; of kappa its value over 1, or 0 over 0 where it is not defined."""
    passed, alarms, missed, found = (int(each) for each in counts.sum(axis=0))
    total = passed + alarms + missed + found
    match name:
        case "effectiveness":
            return passed + found, total
        case "miss_rate":
            return missed, missed + found
        case "false_alarm_rate":
            return alarms, passed + alarms
        case _:
            agreed = (passed + found) / total
            by_chance = ((passed + alarms) * (passed + missed) + (missed + found) * (alarms + found)) / total**2
            return ((agreed - by_chance) / (1 - by_chance), 1.0) if by_chance < 1 else (0.0, 0.0)


def _drawn(name: str, counts: "np.ndarray") -> Measure:
    """A figure of all trials, its interval by drawing parts anew (percentiles); where all parts agree, the exact one of as many parts."""
    from engine.contract.shares import proportion_interval

    above, below = _of(name, counts)
    if below == 0:
        return Measure(None, None)
    value = above / below
    is_share = name != "kappa"
    count, of = (int(above), int(below)) if is_share else (None, None)
    interval = _bootstrap(name, counts)
    if is_share and value in (0.0, 1.0):  # every draw is the same; as many parts tell how sure that is
        parts = int((counts[:, 2:].sum(axis=1) > 0).sum()) if name == "miss_rate" else len(counts)
        parts = int((counts[:, :2].sum(axis=1) > 0).sum()) if name == "false_alarm_rate" else parts
        interval = proportion_interval(round(value) * parts, parts, level=LEVEL)
    elif (
        interval is not None and interval[0] == interval[1]
    ):  # a kappa of parts that are all alike: drawing tells nothing
        interval = None
    return Measure(value, interval, _judged(name, value), count, of)


def _bootstrap(name: str, counts: "np.ndarray") -> Interval | None:
    import numpy as np

    generator = np.random.default_rng(SEED)
    values = []
    for _ in range(DRAWS):
        above, below = _of(name, counts[generator.integers(0, len(counts), len(counts))])
        if below:
            values.append(above / below)
    if not values:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _share(count: int, of: int) -> Measure:
    from engine.contract.shares import proportion_interval

    if not of:
        return Measure(None, None)
    return Measure(count / of, proportion_interval(count, of, level=LEVEL), count=count, of=of)


def _judged(name: str, value: float) -> Judged:
    acceptable, marginal = LIMITS[name]
    sign = -1 if name in AT_MOST else 1
    if sign * value >= sign * acceptable:
        return "acceptable"
    return "marginal" if sign * value >= sign * marginal else "unacceptable"


def _notes(by_part: Mapping[str, Sequence[Trial]]) -> list[str]:
    notes = []
    references = [of_part[0].reference for of_part in by_part.values()]
    if len(by_part) < FEWEST_PARTS:
        notes.append(f"few parts: {len(by_part)}, where the manual advises {FEWEST_PARTS}")
    if min(map(len, by_part.values())) < FEWEST_TRIALS:
        notes.append(f"some parts were imaged fewer than {FEWEST_TRIALS} times, as the manual advises")
    if "good" not in references:
        notes.append("there is no good part, so false alarms cannot be measured")
    if "defective" not in references:
        notes.append("there is no defective part, so misses cannot be measured")
    return notes
