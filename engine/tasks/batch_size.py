"""How many pictures a batch has when memory does not suffice for what was asked: half as many, and the run says so."""

import gc

import torch

from engine.contract.continuing import lowered_batch, read_continued
from engine.contract.events import Warned, read_events
from engine.contract.folder import RunFolder
from engine.failures import is_out_of_memory
from engine.free_memory import NeverEnough
from engine.report import Reporter


def batch_size_of(asked: int, folder: RunFolder) -> int:
    """What the job asks for, or the lower one that an interrupted run had come to, this one or the one it goes on from."""
    continued = read_continued(folder.path)
    return lowered_batch(read_events(folder.path)) or (continued.batch_size if continued else None) or asked


def can_be_lowered(batch_size: int, error: BaseException, *, asked: int) -> bool:
    """Only once, and only where a smaller batch can help."""
    is_worth_it = is_out_of_memory(error) and not isinstance(error, NeverEnough)
    return is_worth_it and batch_size > 1 and batch_size == asked


def lowered(batch_size: int, folder: RunFolder, *, device: torch.device, report: Reporter) -> int:
    """Half as many, for a training that begins anew: its checkpoint was made with the larger batch, and what it held in memory is
    given back. Whoever calls this has let go of the model and of the error."""
    folder.checkpoint.unlink(missing_ok=True)
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    new = batch_size // 2
    message = f"memory ran out with batches of {batch_size} pictures; this stage starts again with {new}"
    report(Warned(code="batch_lowered", message=message, values={"old": batch_size, "new": new}))
    return new
