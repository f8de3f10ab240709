"""How a run tells what it is doing: events go to the log, and every call is a chance to stop.

Trainers and models get a `report` and call it often: `report(event)`. Frequent kinds are thinned here, so a caller reports
each step without a thought. Loads no torch.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from engine.contract.events import Batches, Collection, Event, EventLog, Fitting, Stage, System

Reporter = Callable[[Event], None]

FREQUENT = (Batches, Collection, Fitting)
SECONDS_BETWEEN_FREQUENT = 0.2
SECONDS_BETWEEN_SYSTEM = 3.0


class StopRequested(BaseException):
    """The user asked to stop. No `except Exception` catches it, like KeyboardInterrupt."""


class TimeLimit(BaseException):
    """The run's time is over."""


def silent(event: Event) -> None:
    """A report that goes nowhere, for trainers used without a run."""


class Report:
    """Appends events to the log of a run; raises StopRequested or TimeLimit from the next call on.

    At most five events a second of each frequent kind are kept; the last one of a stretch (done == total) always is.
    The log of a run that was killed goes on (`goes_on`), and the time that it took till then counts.
    """

    def __init__(self, run: Path):
        self.log = EventLog(run)
        self.goes_on = self.log.seq > 0 and not self.log.ended
        self._seconds_in_other_runs = 0.0
        self.stage: str | None = None
        self.stages: list[str] = []
        self.stop_requested = False
        self._deadline: float | None = None
        self._started = time.monotonic()
        self._stage_started = self._started
        self._seconds: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only sets the mark that the next one measures from

    def __call__(self, event: Event) -> None:
        self.check()
        if not (isinstance(event, FREQUENT) and self._too_soon(event)):
            self.log.append(event)

    def check(self) -> None:
        """For steps with nothing to tell: raise StopRequested or TimeLimit when it is time to end, and show signs of life."""
        if self.stop_requested:
            raise StopRequested
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise TimeLimit
        self._report_system()

    def limit(self, minutes: float | None) -> None:
        """End the run this many minutes after it began; None is no limit."""
        own = self.log.worked_before - self._seconds_in_other_runs
        self._deadline = None if minutes is None else self._started + minutes * 60 - own

    def goes_on_from(self, seconds: float) -> None:
        """The run takes the place of others, which worked so long: that counts for what it took, not for its time limit."""
        self._seconds_in_other_runs = seconds
        if not self.goes_on:  # else it stands in the log
            self.log.worked_before += seconds

    def begin(self, stage: str) -> None:
        """A new stage of the run begins; its duration ends that of the one before."""
        self._end_stage()
        self.stage = stage
        self(Stage.model_validate({"name": stage, "stages": self.stages}))

    def seconds(self) -> dict[str, float]:
        """Duration of each stage since the process began, and `total`, which counts interrupted beginnings too, also in other runs."""
        self._end_stage()
        return {**self._seconds, "total": self.log.elapsed_s()}

    def end(self, event: Event) -> None:
        """Append the last event of the run, whatever was asked meanwhile, and close the log."""
        self.log.append(event)
        self.log.close()

    def _end_stage(self) -> None:
        now = time.monotonic()
        if self.stage is not None:
            self._seconds[self.stage] = round(self._seconds.get(self.stage, 0.0) + now - self._stage_started, 3)
        self._stage_started = now

    def _too_soon(self, event: Event) -> bool:
        now = time.monotonic()
        if now - self._last.get(event.type, 0.0) < SECONDS_BETWEEN_FREQUENT and not _is_last(event):
            return True
        self._last[event.type] = now
        return False

    def _report_system(self) -> None:
        now = time.monotonic()
        if now - self._last.setdefault("system", self._started) < SECONDS_BETWEEN_SYSTEM or self.log.ended:
            return
        self._last["system"] = now
        memory = self._process.memory_info().rss / 2**20
        cpu = self._process.cpu_percent()
        gpu = {"gpu_memory_mb": _gpu_memory_mb(), "gpu_percent": _gpu_percent()}
        self.log.append(System(cpu_percent=cpu, memory_mb=round(memory, 1), **gpu))


class Eta:
    """Estimates the seconds left from what is done: `eta = Eta(total)`, later `eta(done)`."""

    def __init__(self, total: int):
        self.total = total
        self._started = time.monotonic()

    def __call__(self, done: int) -> float | None:
        """Seconds left; None before anything is done."""
        if done <= 0:
            return None
        elapsed = time.monotonic() - self._started
        return round(elapsed / done * max(self.total - done, 0), 1)


def _is_last(event: Event) -> bool:
    if isinstance(event, Collection):
        return event.images >= event.total_images
    return isinstance(event, Batches | Fitting) and event.done >= event.total


def _gpu_memory_mb() -> float | None:
    torch = sys.modules.get("torch")  # never the one to import it
    if torch is None or not torch.cuda.is_initialized():
        return None
    return float(round(torch.cuda.max_memory_allocated() / 2**20, 1))


def _gpu_percent() -> float | None:
    """As NVML tells it (package nvidia-ml-py); None where there is no NVIDIA GPU, or its driver does not say."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    try:
        return float(torch.cuda.utilization())
    except (ImportError, RuntimeError):  # NVML's own errors are RuntimeErrors of torch's, or the package is gone
        return None
