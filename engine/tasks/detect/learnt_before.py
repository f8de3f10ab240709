"""Pictures that a run's model learnt from before: they neither set a threshold that promises anything nor are tested with.

A promise rests on good pictures that nothing in the model has seen, an adapted backbone and a memory that is extended included. Which
pictures these learnt from stands in their cards, by their contents, so that they are known again in another data set and under another name.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from engine.contract.events import Warned
from engine.contract.policy import GoodPolicy, images_needed
from engine.datasets import Item
from engine.datasets.splits import Split
from engine.models import AnomalyModel
from engine.models.ensemble import Ensemble


def lineage_of(model: AnomalyModel) -> list[dict[str, Any]]:
    """What the model's backbone was adapted on and its memory was made from, or those of an ensemble's members."""
    parts = [member.model for member in model.members] if isinstance(model, Ensemble) else [model]
    adapted = [step for part in parts if part.backbone for step in part.backbone.weights.lineage]
    return [*adapted, *({"learnt": part.before.data.learnt} for part in parts if part.before is not None)]


def keep_unseen(
    split: Split,
    model: AnomalyModel,
    *,
    digest: str,
    policy: GoodPolicy,
    overkill_rate: float,
    warn: Callable[[Warned], None],
    hash_of: Callable[[Item], str],
) -> tuple[Split, GoodPolicy]:
    """The split without held-out pictures that the model has learnt from before, and the policy that is still honest.

    leave_one_out needs good pictures all of which it has not seen; where it has seen some, the threshold is set by
    the pictures held out. Where as many of these are unseen as the overkill rate takes, the others are left out; else all set it
    and nothing is promised (percentile). Seen test pictures leave the test unless no good or no defective ones would stay.

    Args:
        digest: the data set's fingerprint; a backbone that does not tell its pictures may have seen all of the same data.
        hash_of: names a picture by its bytes, as they were read for the training (Pictures.hash_of).
    """
    lineage = lineage_of(model)
    names = {name for step in lineage for name in step.get("learnt") or ()}
    knows_all = any(step.get("fingerprint") == digest and step.get("learnt") is None for step in lineage)
    if not names and not knows_all:
        return split, policy

    def unseen(items: Iterable[Item]) -> list[Item]:
        return [] if knows_all else [item for item in items if hash_of(item) not in names]

    good = [*split.fit, *split.calibration]
    if policy == "leave_one_out" and len(unseen(good)) < len(good):
        policy = "split_conformal"
    if policy != "leave_one_out":
        kept = unseen(split.calibration)
        seen = len(split.calibration) - len(kept)
        if seen and len(kept) >= images_needed(overkill_rate):
            warn(_left_out("calibration", seen))
            split = replace(split, calibration=kept)
        elif seen:
            warn(_has_seen(seen, of=len(split.calibration)))
            policy = "percentile"
    kept = unseen(split.test)
    seen = len(split.test) - len(kept)
    if seen and {item.label for item in kept} == {item.label for item in split.test}:
        warn(_left_out("test", seen))
        split = replace(split, test=kept)
    elif seen:
        message = f"an earlier training that this one builds on has learnt from {seen} of the pictures to test with: the figures flatter"
        warn(Warned(code="backbone_has_seen_tests", message=message, values={"count": seen}))
    return split, policy


def _has_seen(count: int, *, of: int) -> Warned:
    message = (
        f"an earlier training that this one builds on has learnt from {count} of the {of} good pictures that set the threshold: nothing is promised about "
        "new ones; add good pictures that it has not learnt from, or take a backbone adapted with the same seed and calibration_share"
    )
    return Warned(code="backbone_has_seen", message=message, values={"count": count, "of": of})


def _left_out(part: str, count: int) -> Warned:
    purpose = "set the threshold" if part == "calibration" else "test with"
    message = f"an earlier training that this one builds on has learnt from {count} of the pictures to {purpose}; they are left out"
    return Warned(code=f"backbone_has_seen_{part}_left_out", message=message, values={"count": count})
