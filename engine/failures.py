"""What went wrong with a run, in words: the exception that ended it becomes a Failed event with a hint. Loads no torch."""

import errno
import traceback

from pydantic import ValidationError

from engine.contract.events import Failed
from engine.contract.pictures import BrokenPicture
from engine.report import TimeLimit

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}
# what torch, its libraries and the system write when memory runs out
OUT_OF_MEMORY = (
    "out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory", "bad_alloc",
    "could not create a memory", "can't start new thread",
)  # fmt: skip
LOG_LINES = 20


class DataError(ValueError):
    """The data set cannot be trained on as it is."""


class DataChanged(DataError):
    """The pictures are not those that were approved, or that the run began with."""


class SettingError(ValueError):
    """The spec asks for something that is not to be had here."""


class SpecChanged(SettingError):
    """The spec in the run folder is not the one that was approved."""


def failure(error: BaseException) -> Failed:
    """The Failed event for an exception, with the last lines of its traceback."""
    code, reason, hint = _in_words(error)
    lines = "".join(traceback.format_exception(error)).splitlines()
    return Failed(code=code, reason=reason, hint=hint, log=lines[-LOG_LINES:])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was refused, by torch's allocators (CPU or GPU), Python or the system."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY)


def _in_words(error: BaseException) -> tuple[str, str, str]:
    text = str(error) or type(error).__name__
    if isinstance(error, TimeLimit):
        return (
            "time_limit",
            "the time limit was reached before the run ended",
            "go on with the run, which gives it as much time again; or raise time_limit_min, or plan fewer epochs",
        )
    if is_out_of_memory(error):
        return "memory", f"memory ran out: {text}", "take a smaller image_size or batch_size, or a smaller backbone"
    if isinstance(error, OSError) and error.errno in DISK:
        return (
            "disk",
            f"a file could not be written: {text}",
            "free disk space or check the folder's permissions, then take the run up again",
        )
    if isinstance(error, DataChanged):
        return (
            "data_changed",
            text,
            "leave the images as they are while a training waits or runs; plan and approve it anew",
        )
    if isinstance(error, SpecChanged):
        return "spec_changed", text, "plan and approve the training anew, and change settings on the plan alone"
    if isinstance(error, DataError | BrokenPicture):
        return "data", text, "correct the data set and start again"
    if isinstance(error, ValidationError):
        problems = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'spec'}: {p['msg']}" for p in error.errors())
        return "spec", f"the spec is not valid: {problems}", "correct the plan and start again"
    if isinstance(error, SettingError):
        return "spec", text, "change the setting and start again"
    if isinstance(error, FloatingPointError):
        return "error", text, "change the setting as the reason says and start again"
    return "error", f"{type(error).__name__}: {text}", "the run's log says where; if it happens again, report it"
