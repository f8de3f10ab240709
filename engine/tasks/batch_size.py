"""How many pictures a batch has when memory does not suffice for what was asked: half as many, and the run says so."""

from engine.contract.continuing import lowered_batch, read_continued
from engine.contract.events import Warned, read_events
from engine.contract.folder import RunFolder


def batch_size_of(asked: int, folder: RunFolder) -> int:
    """What the job asks for, or the lower one that an interrupted run had come to, this one or the one it goes on from."""
    continued = read_continued(folder.path)
    return lowered_batch(read_events(folder.path)) or (continued.batch_size if continued else None) or asked


def lowered_warning(old: int, new: int) -> Warned:
    message = f"memory ran out with batches of {old} pictures; this stage starts again with {new}"
    return Warned(code="batch_lowered", message=message, values={"old": old, "new": new})
