"""Small pictures for whoever shows them, made in a process that a hostile file may end: a line of JSON in, a line of JSON out.

Asked:    {"picture": path, "longest": pixels, "target": path of the JPEG to write, "may_be_large": bool}
Answered: {"made": true} | {"refused": why the file is no picture} | {"failed": why it was not made} | {"is_large": true}

A large picture is not decoded unless it is asked for as such: whoever asks lets one of these at a time be decoded.
"""

import json
import os
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from PIL import Image

from engine.contract.pictures import BrokenPicture, pixels_in, preview

LARGE_PIXELS = 25_000_000  # 100 MB decoded, at four bytes a pixel
MEMORY_BYTES = 1200 << 20  # of addresses: the libraries, and the largest picture that is read at all
WRITTEN_BYTES = 64 << 20  # no preview is larger
QUALITY = 88


def answer_all(asked: Iterable[str], answers: TextIO) -> None:
    """Answer line by line until there is none left, within the memory that a preview may take."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN_BYTES, WRITTEN_BYTES))
    for line in asked:
        print(json.dumps(_answer(json.loads(line)), allow_nan=False), file=answers, flush=True)


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    picture = Path(asked["picture"])
    is_large = pixels_in(picture) > LARGE_PIXELS
    if is_large and not asked["may_be_large"]:
        return {"is_large": True}
    too_much = f"it takes more than {MEMORY_BYTES >> 20} MiB of memory to show"
    try:
        _write(Path(asked["target"]), picture, longest=asked["longest"])
    except BrokenPicture as error:  # a decoder that gets no memory calls the file damaged
        return {"refused": f"{error}, or {too_much}" if is_large else str(error)}
    except MemoryError:
        return {"refused": too_much}
    except OSError as error:
        return {"failed": f"its small copy cannot be written: {error.strerror}"}
    return {"made": True}


def _write(target: Path, picture: Path, *, longest: int) -> None:
    """The preview as a JPEG, whole or not at all."""
    part = target.with_suffix(f".{os.getpid()}.part")
    small = Image.fromarray(preview(picture, longest=longest))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        small.save(part, "JPEG", quality=QUALITY)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
