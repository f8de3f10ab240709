"""What one way of doing something takes: seconds, and memory beyond what its process held before."""

import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any


@dataclass(frozen=True)
class Taken:
    seconds: float
    peak_mb: float
    result: Any


def in_own_process(way: Callable[..., Taken], *arguments: Any) -> Taken:
    """Run `way` in a fresh process, so that no other's memory counts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(way, *arguments).result()


def taken_by(work: Callable[[], Any], *, repeats: int = 1) -> Taken:
    """Seconds of the best of `repeats` runs, the growth of the process's peak memory, and the last result."""
    before = _peak_mb()
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return Taken(best, _peak_mb() - before, result)


def print_ratio(what: str, plain: Taken, ours: Taken, *, note: str = "") -> None:
    """One row: seconds and memory of both ways, and how many times faster ours is."""
    print(
        f"{what:<34}{plain.seconds:>10.3f}{ours.seconds:>10.3f}{plain.seconds / ours.seconds:>9.1f}"
        f"{plain.peak_mb:>11.0f}{ours.peak_mb:>9.0f}  {note}"
    )


def print_heading() -> None:
    print(f"{'':<34}{'plain s':>10}{'ours s':>10}{'ratio':>9}{'plain MB':>11}{'ours MB':>9}")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
