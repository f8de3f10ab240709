"""What the losses of the epochs tell of a training, whatever kind of run it is: whether it went on past its best, or could go further.

A loss on images that were held back tells; one on the images that were learnt from tells nothing of others.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from assistant.kinds.claims import About, Claim
from engine.contract.events import DamagedLog, Epoch, each_event
from prompts.figures import Figure, count

ROSE = 0.05  # by so much of its least value a loss has risen for more than its usual wavering


def epochs_of(folder: Path) -> list[Epoch]:
    """The epochs that a run reported; none where its log is damaged: its results hold all the same."""
    try:
        return [event for event in each_event(folder) if isinstance(event, Epoch)]
    except DamagedLog:
        return []


def on_learning_curve(about: About, epochs: Sequence[Epoch], *, model: str, learns_in_epochs: bool) -> Iterator[Claim]:
    """Claims from the epochs that a run reported, in their order."""
    if not learns_in_epochs:
        yield about.claim("curve", "no_epochs", model=model)
        return
    losses = [(each.val_loss, each) for each in epochs if each.val_loss is not None]
    if len(losses) < 2:
        yield about.claim("curve", "no_validation", epochs=count(len(epochs)))
        return
    (least, best), (at_end, last) = min(losses, key=lambda each: each[0]), losses[-1]
    told = {"best": count(best.epoch), "epochs": count(last.epoch), "least": Figure(least, "score")}
    if best is last:
        yield about.claim("curve", "curve_still_fell", **told)
    else:
        rose = at_end > least + ROSE * abs(least) and last.loss < best.loss
        what = "curve_rose" if rose else "curve_flat"
        losses_at = {"loss_then": Figure(best.loss, "score"), "loss": Figure(last.loss, "score")}
        yield about.claim("curve", what, at_end=Figure(at_end, "score"), **told, **losses_at)
    if least > 0 and best.loss > 0:
        gap = {"train": Figure(best.loss, "score"), "held_back": Figure(least, "score"), "epoch": count(best.epoch)}
        yield about.claim("gap", "gap", times=Figure(least / best.loss, "times"), **gap)
