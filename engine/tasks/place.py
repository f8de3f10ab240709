"""Where a run computes: its device, and where weights are looked for; and what makes it repeatable there."""

from dataclasses import dataclass
from pathlib import Path

import torch

from engine.failures import SettingError


@dataclass(frozen=True)
class Place:
    """A device, the folder of weights at hand, whether timm's hub may be asked for others, and where other runs lie, each by its id."""

    device: torch.device
    weights_folder: Path | None
    hub: bool
    runs: Path


def find_place(device: str, *, weights_folder: Path | None, hub: bool, runs: Path) -> Place:
    """What a job's `device` (auto, cpu, cuda) is on this machine.

    Raises:
        SettingError: a device that this machine does not offer.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingError("device is 'cuda', but this machine offers no CUDA device to torch; take auto or cpu")
    return Place(any_device(device), weights_folder, hub, runs)


def any_device(device: str) -> torch.device:
    """The device asked for, or the CPU where there is none: a model that learnt on a GPU can be tried without."""
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def make_repeatable(seed: int) -> None:
    """Same seed, same data, same scores; where CUDA has no repeatable way, torch warns in the run's log."""
    torch.manual_seed(seed)
    torch.set_deterministic_debug_mode("warn")  # as use_deterministic_algorithms, which loads torch's compiler too
    torch.backends.cudnn.benchmark = False
