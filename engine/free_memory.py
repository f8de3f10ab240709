"""How much memory is left, and a refusal in words before it runs out: the system would end the process without one."""

from pathlib import Path

import psutil

RESERVE = 2**28  # bytes left to everything else


class NeverEnough(MemoryError):
    """More is needed than there is, whatever the batch size."""


def require_memory(needed: int, *, what: str, instead: str) -> None:
    """Raise NeverEnough when `needed` bytes are not free.

    Args:
        what: what they are needed for, such as "collecting the features of 900 images".
        instead: what the user can change.
    """
    free = free_memory() - RESERVE
    if needed > free:
        raise NeverEnough(
            f"{what} needs {needed / 2**30:.1f} GB of memory, {max(free, 0) / 2**30:.1f} GB are free; {instead}"
        )


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, or of the container where that is less."""
    return min(int(psutil.virtual_memory().available), _left_in_container())


def _left_in_container() -> int:
    """cgroup version 2; no limit where there is none."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = ((folder / name).read_text().strip() for name in ("memory.max", "memory.current"))
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:
        return 2**63
    cached = int(statistics.get("inactive_file", 0))  # given back when it is needed
    return 2**63 if limit == "max" else int(limit) - int(used) + cached
