"""What a checkpoint was made with: a training goes on from it only where all of that is the same again."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import torch

from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, read_job
from engine.contract.plain_files import read_plain
from engine.datasets import Item


def checkpoint_key(
    job: Job,
    folder: RunFolder,
    *,
    batch_size: int,
    parts: Sequence[Sequence[Item]],
    data: str,
    began_with: str | None,
) -> str:
    """The key of this training's checkpoints, whichever version made them: settings, pictures and their parts, weights, library.

    Args:
        parts: the pictures learnt from, and those that tell when to stop, in order.
        data: fingerprint of the data set.
        began_with: fingerprint of the weights that the training starts from; None where it starts from nothing.
    """
    names = [[item.name for item in part] for part in parts]
    same = [_settings(job, folder), batch_size, names, data, began_with, torch.__version__]
    return hashlib.sha256(json.dumps(same, allow_nan=False).encode()).hexdigest()


def _settings(job: Job, folder: RunFolder) -> Any:
    """The job as its spec.json spells it, which stays as it was written: another version may have more settings, in another order.

    A run that continues another has the spec of that one (engine/contract/continuing.py).
    """
    try:
        written = read_plain(folder.spec)
        if read_job(written) == job:
            return json.loads(written)
    except (OSError, ValueError):
        pass
    return job.model_dump(mode="json")
