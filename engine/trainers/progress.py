"""Where a training stood after an epoch, on disk: all it takes to go on as if it had never been interrupted.

One safetensors file holds the model, its best state so far, the optimiser's tensors and the random states; everything else
(schedule, best loss, history, pass of the loader) stands as JSON in its header. No pickle. A checksum tells a damaged file.
"""

import json
import math
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.checkpoints import State, load_state, save_state
from engine.learner import Learner
from engine.recipes import Recipe

History = dict[str, list[dict[str, float | None]]]


NO_FIGURE = "float"


@dataclass
class Position:
    """How far a training is: epochs over, the best of them, the figures of all, passes that the training loader made."""

    epoch: int = 0
    passes: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    loss_before: float = math.inf  # before the first epoch, of a model that begins useful
    history: History = field(default_factory=lambda: {"train": [], "val": []})
    is_over: bool = False  # the model holds its final state


@dataclass
class Resumed:
    """What a model does not take over by itself."""

    position: Position
    best: State
    random: State


def save_progress(
    path: Path,
    position: Position,
    *,
    key: str,
    model: Learner,
    best: State,
    recipe: Recipe,
    scaler: torch.amp.GradScaler,
) -> None:
    """Write the file, aside first, then renamed. `key` names the data and settings that it is good for.

    Raises:
        OSError: it cannot be written.
    """
    optimiser = recipe.optimiser.state_dict()
    kept = {(index, name): value for index, state in optimiser["state"].items() for name, value in state.items()}
    tensors = {
        **_under("model", model.state_to_save()),
        **_under("best", best),
        **_under("random", _random_state()),
        **{f"optimiser.{i}.{name}": value for (i, name), value in kept.items() if isinstance(value, torch.Tensor)},
    }
    facts = {
        "key": key,
        "position": asdict(position),
        "groups": optimiser["param_groups"],
        "optimiser": [[i, name, value] for (i, name), value in kept.items() if not isinstance(value, torch.Tensor)],
        "schedule": _plain(recipe.schedule.state_dict()) if recipe.schedule else None,
        "scaler": scaler.state_dict(),
    }
    text = json.dumps(_without_infinity(facts), allow_nan=False)
    save_state(path, tensors, facts={"progress": text, "checksum": _checksum(text, tensors)})


def load_progress(path: Path, *, key: str, model: Learner, recipe: Recipe, scaler: torch.amp.GradScaler) -> Resumed:
    """Put model, optimiser and schedule back to where the file says they were.

    Raises:
        ValueError: the file is damaged, or it belongs to other data or settings; nothing was taken over.
    """
    tensors, header = load_state(path)
    text = header.get("progress", "")
    if header.get("checksum") != _checksum(text, tensors):
        raise ValueError(f"the checkpoint {path} is damaged: its checksum is wrong")
    facts = _with_infinity(json.loads(text))
    if facts["key"] != key:
        raise ValueError(f"the checkpoint {path} belongs to other data, settings or versions")
    model.load_saved(_of("model", tensors))
    _load_optimiser(recipe.optimiser, facts, _of("optimiser", tensors))
    if recipe.schedule is not None:
        recipe.schedule.load_state_dict(_filled(recipe.schedule.state_dict(), facts["schedule"]))
    scaler.load_state_dict(facts["scaler"])
    return Resumed(Position(**facts["position"]), _of("best", tensors), _of("random", tensors))


def _without_infinity(value: Any) -> Any:
    """JSON has no infinity, which the best loss is before the first epoch: it is written in words."""
    if isinstance(value, dict):
        return {name: _without_infinity(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinity(each) for each in value]
    return {NO_FIGURE: repr(value)} if isinstance(value, float) and not math.isfinite(value) else value


def _with_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {NO_FIGURE}:
            return float(value[NO_FIGURE])
        return {name: _with_infinity(each) for name, each in value.items()}
    return [_with_infinity(each) for each in value] if isinstance(value, list) else value


def set_random_state(random: State) -> None:
    """Global random numbers of torch (all devices) and numpy go on from there."""
    torch.set_rng_state(random["torch"])
    for device in range(torch.cuda.device_count()):
        if f"cuda{device}" in random:
            torch.cuda.set_rng_state(random[f"cuda{device}"], device)
    position, has_gauss, gauss = random["numpy_position"].tolist()
    np.random.set_state(("MT19937", random["numpy"].numpy().astype(np.uint32), int(position), int(has_gauss), gauss))


def _random_state() -> State:
    _, keys, position, has_gauss, gauss = np.random.get_state()
    state = {"torch": torch.get_rng_state(), "numpy": torch.from_numpy(np.asarray(keys, dtype=np.int64))}
    state["numpy_position"] = torch.tensor([float(position), float(has_gauss), float(gauss)], dtype=torch.float64)
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        state |= {f"cuda{i}": torch.cuda.get_rng_state(i) for i in range(torch.cuda.device_count())}
    return state


def _load_optimiser(optimiser: torch.optim.Optimizer, facts: dict[str, Any], tensors: State) -> None:
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        index, _, entry = name.partition(".")
        state.setdefault(int(index), {})[entry] = tensor
    for index, entry, value in facts["optimiser"]:
        state.setdefault(index, {})[entry] = value
    optimiser.load_state_dict({"state": state, "param_groups": facts["groups"]})
    for parameter, entries in optimiser.state.items():  # laid out as the weights are: the rounding can depend on it
        for entry, value in entries.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                entries[entry] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """The numbers and words of a schedule's state, and of schedules inside it; its functions and tables never change."""
    kept: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, list | tuple) and value and all(isinstance(each, dict) for each in value):
            kept[name] = [_plain(each) for each in value]
        elif isinstance(value, list | tuple) and all(_is_plain(each) for each in value):
            kept[name] = list(value)
        elif _is_plain(value):
            kept[name] = value
    return kept


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, int | float | str)


def _filled(fresh: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """The state of a schedule made anew with the saved values in it."""
    filled = dict(fresh)
    for name, value in saved.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            filled[name] = [_filled(*pair) for pair in zip(fresh[name], value, strict=True)]
        else:
            filled[name] = value
    return filled


def _under(prefix: str, state: State) -> State:
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def _of(prefix: str, tensors: State) -> State:
    return {
        name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")
    }


def _checksum(text: str, tensors: State) -> str:
    total = zlib.crc32(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous().flatten()
        total = zlib.crc32(tensor.view(torch.uint8).numpy().data, zlib.crc32(name.encode(), total))
    return f"{total:08x}"
