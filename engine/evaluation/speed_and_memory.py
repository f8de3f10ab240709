"""How fast a model inspects, and how much memory that takes: time per picture, and memory, on the machine that trained."""

import resource
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.contract.results.detect import SpeedAndMemory
from engine.models import AnomalyModel
from engine.models.ensemble import Ensemble

PROCESS = Path("/proc/self/status")  # Linux


def measure_speed_and_memory(took: Sequence[tuple[int, float]], model: AnomalyModel) -> SpeedAndMemory:
    """By how long each batch took: its pictures and seconds. A smaller one at the end, and the first, which warms up, count only where
    there is no other."""
    largest = max(pictures for pictures, _ in took)
    whole = [each for each in took if each[0] == largest]
    device = next(iter(model.state_dict().values())).device
    on_gpu = device.type == "cuda"
    return SpeedAndMemory(
        ms_per_image=1000 * statistics.median(seconds / pictures for pictures, seconds in whole[1:] or whole),
        batch_size=largest,
        device=torch.cuda.get_device_name(device) if on_gpu else device.type,
        threads=None if on_gpu else torch.get_num_threads(),
        peak_memory_mb=_peak_memory_mb(),
        peak_gpu_memory_mb=torch.cuda.max_memory_allocated(device) / 2**20 if on_gpu else None,
        model_mb=_bytes_of(model) / 2**20,
    )


def _bytes_of(model: AnomalyModel) -> int:
    """What is kept of it; of an ensemble what is kept of its members."""
    parts = [each.model for each in model.members] if isinstance(model, Ensemble) else [model]
    return sum(each.numel() * each.element_size() for part in parts for each in part.state_to_save().values())


def _peak_memory_mb() -> float | None:
    """Of this process since it began; what its parent had held before is not counted, as getrusage does on Linux."""
    if PROCESS.exists():
        for line in PROCESS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)
