"""How fast this machine computes, measured once when it is first asked: what an estimate of a training rests on before any run has ended."""

import os
import time
from functools import cache

import numpy as np

SIDE, PRODUCTS, ROUNDS = 384, 4, 8  # of the matrices; together about 60 ms of one core


def cores() -> int:
    """How many this process may use, which in a container or under taskset are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def gmacs_per_second_and_core() -> float:
    """10^9 multiply-adds of a matrix product that one core does in a second of its own time, so that what else runs now changes little."""
    matrix = np.full((SIDE, SIDE), 0.5, np.float32)
    seconds = min(_seconds(matrix) for _ in range(ROUNDS))
    return PRODUCTS * SIDE**3 / 1e9 / max(seconds, 1e-6)


def _seconds(matrix: np.ndarray) -> float:
    began = time.process_time()
    for _ in range(PRODUCTS):
        matrix @ matrix
    return time.process_time() - began
