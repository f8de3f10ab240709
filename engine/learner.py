"""What learns by epochs (engine/trainers/epochs.py), whatever it learns: a loss, a recipe, and a state that can be saved."""

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import nn

from engine.backbones import Backbone
from engine.datasets.loading import Batch, Loader
from engine.layers.frozen_features import FrozenFeatures
from engine.recipes import Recipe
from engine.report import Reporter

BACKBONE = "backbone.network."  # how the names of a backbone's weights begin in a model's state


class Learner(nn.Module):
    """A network that returns a loss with a gradient.

    A frozen backbone, where there is one, is the attribute `backbone`: it is named in the saved model, not saved. What is
    kept of it while a training lasts goes through `frozen_features`. `remembered` are the names of the pictures learnt
    from: its trainer sets them. `figures` are those that its steps may return, the loss first.
    """

    figures: ClassVar[tuple[str, ...]] = ("loss",)
    begins_useful: ClassVar[bool] = (
        False  # after `prepare` it can do something: an epoch must be better than that to be the best
    )
    backbone: Backbone | None

    def __init__(self) -> None:
        super().__init__()
        self.backbone = None  # not on the class: there it would hide the module that a model sets
        self.frozen_features: FrozenFeatures | None = None
        self.remembered: list[str] = []

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """`loss`, a scalar with gradient, and others of the `figures`, scalars without: means over the images."""
        raise NotImplementedError

    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The figures of `train_step` without learning."""
        raise NotImplementedError

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        """Optimiser and schedule, made anew for each training."""
        raise NotImplementedError

    def prepare(self, train: Loader, report: Reporter) -> None:
        """What must be known before the first epoch, from the images as they are.

        All it learns must be parameters or buffers: it is not called again when an interrupted training goes on.
        """

    def finish(self, train: Loader, valid: Loader | None, report: Reporter) -> None:
        """What the best state still needs before it can score (statistics of its own outputs, say); as `prepare`."""

    def parameters_to_train(self) -> Iterable[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def state_to_save(self) -> dict[str, torch.Tensor]:
        """All that cannot be recomputed: the state without the frozen backbone's network; its measured statistics stay."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith(BACKBONE)}

    def refuse_other_names(self, state: dict[str, torch.Tensor]) -> None:
        """Raises ValueError where a saved state does not hold what this model saves."""
        expected = set(self.state_to_save())
        if expected != set(state):
            missing, unknown = sorted(expected - set(state)), sorted(set(state) - expected)
            raise ValueError(f"the saved state is of another model: missing {missing}, unknown {unknown}")

    def of_this_version(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """A state that an older version saved, with the names that this version saves; any other as it is."""
        return state

    def load_saved(self, state: dict[str, torch.Tensor]) -> None:
        """Take over a saved state; a buffer takes the size that was saved (a memory bank has no size before).

        Raises:
            ValueError: names are missing or unknown, or a weight has another shape: the file belongs to another model.
        """
        state = self.of_this_version(state)
        self.refuse_other_names(state)
        buffers = dict(self.named_buffers())
        for name, parameter in self.named_parameters():
            if name in state and parameter.shape != state[name].shape:
                shapes = f"{name} is {tuple(state[name].shape)}, here {tuple(parameter.shape)}"
                raise ValueError(f"the saved state is of a model with other settings: {shapes}")
        for name, tensor in state.items():
            if name in buffers and buffers[name].shape != tensor.shape:
                owner, _, last = name.rpartition(".")
                setattr(self.get_submodule(owner), last, torch.empty_like(tensor, device=buffers[name].device))
        self.load_state_dict(state, strict=False)
