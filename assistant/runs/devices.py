"""Which device a run takes: of those of its executor that its job may use the least occupied; each takes `slots` runs at a time. An executor
that places runs by itself, as a cluster does, has no devices, and takes `slots` runs altogether.

A device is named `cpu`, or, a GPU, as CUDA_VISIBLE_DEVICES names it: a number, or an id such as GPU-8932f937. None: wherever the executor
puts the run; or, of an earlier version, nobody noted it, and then it counts on every device.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CPU = "cpu"
Device = str | None


@dataclass(frozen=True)
class Placed:
    """A run that runs, and what it takes."""

    run: str
    executor: str
    device: Device


@dataclass(frozen=True)
class Waiting:
    """A run that waits and may start as soon as there is a place for it, or that was asked to stop meanwhile. `wanted` is the device as its
    job names it."""

    run: str
    executor: str
    wanted: str
    stop_requested: bool


def devices_for(wanted: str, devices: Sequence[str]) -> Sequence[Device]:
    """Of an executor's devices those that a job may take which names `wanted` (auto, cpu, cuda): a GPU where there is any, else the CPU."""
    if not devices:
        return [None]
    return [each for each in devices if each != CPU and wanted != CPU] or [CPU]


def taken_of(placed: Iterable[Placed], executor: str) -> Counter[Device]:
    """How many runs each device of an executor has."""
    return Counter(each.device for each in placed if each.executor == executor)


def free_device(among: Sequence[Device], taken: Counter[Device], *, slots: int | None) -> tuple[Device, bool]:
    """The least occupied of these, the first of several; and whether it takes one more run. `slots` None: it does in any case."""
    found = min(among, key=lambda each: taken[each])
    nobody_noted = taken[None] if found is not None else 0
    return found, slots is None or taken[found] + nobody_noted < slots


def name_of_gpu(device: Device) -> str | None:
    """What people call it; None where it is no GPU, or nobody knows."""
    if device in (None, CPU):
        return None
    return f"GPU {device}" if device.isdecimal() else device
