"""States as safetensors, with short facts in their header: never pickles, never half a file."""

import errno
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

State = dict[str, torch.Tensor]


def save_state(path: Path, state: State, *, facts: dict[str, str] | None = None) -> None:
    """Write a state and short facts about it, aside first, then renamed.

    Raises:
        OSError: it cannot be written.
    """
    aside = path.with_name(path.name + ".part")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    try:
        save_file(tensors, aside, metadata=facts)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(aside)) from None
    os.replace(aside, path)


def load_state(path: Path) -> tuple[State, dict[str, str]]:
    """The state and the facts that `save_state` wrote.

    Raises:
        ValueError: the file is gone, or is no whole safetensors file.
    """
    if not path.is_file():
        raise ValueError(f"the saved state {path} is gone; train again or bring a whole copy")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"the saved state {path} is damaged: {error}; train again or bring a whole copy") from None
