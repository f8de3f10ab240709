"""A warm model: one run's, loaded once, which judges pictures as they are asked for.

Pictures are decoded in threads beside the computing, by the engine's own rules. Those that wait are judged together; a picture's score
never depends on its batch mates. A hostile file may end this process: whoever started it starts another (assistant/models/serving).
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract.folder import RunFolder
from engine.contract.pictures import BrokenPicture, Picture, read_picture, size_in
from engine.contract.serving import Answered, Asked, NotReady
from engine.datasets import Item
from engine.datasets.fingerprints import contents_of
from engine.datasets.loading import batch_of
from engine.failures import SettingError, is_out_of_memory
from engine.serving_pipe import Pipe
from engine.tasks.served import Judged, Served, open_served

THREADS = 4  # that decode and draw
MOST_ON_CPU = 8  # judged at once: more makes the first of them wait, and is no quicker
LARGE_PIXELS = 25_000_000  # 100 MB decoded, at four bytes a pixel: one at a time
NO_MEMORY = "there is not enough memory to judge this picture"


@dataclass(frozen=True)
class Decoded:
    """A picture ready to be judged, and what is known of its file."""

    picture: Picture
    sha256: str
    width: int
    height: int
    ms: float


Waiting = tuple[Asked, "Future[Decoded]"]


def serve_run(
    folder: RunFolder, pipe: "Pipe[Future[Decoded]]", *, weights_folder: Path | None, hub: bool = True
) -> bool:
    """Answer what is asked over the pipe until it ends; False where the model cannot be loaded, which is told as NotReady."""
    try:
        served = open_served(folder, weights_folder=weights_folder, hub=hub)
    except SettingError as error:
        pipe.tell(NotReady(failed=str(error)))
        return False
    side, one_large = served.ready.image_size, threading.Lock()
    black = Picture(np.zeros((side, side, 3), dtype=np.uint8))
    served.judge(batch_of([black], ["black"]), [Asked(id=0, name="black")])  # the first one takes several times as long
    most = min(served.ready.batch_size, MOST_ON_CPU) if served.ready.device == "cpu" else served.ready.batch_size
    with ThreadPoolExecutor(THREADS, thread_name_prefix="decode") as pool:
        pipe.tell(served.ready)
        pipe.listen(lambda asked, content: pool.submit(_decode, asked, content, side, one_large))
        while batch := _next_batch(pipe, most):
            _answer(served, batch, pipe.tell, pool)
    return True


def _next_batch(pipe: "Pipe[Future[Decoded]]", most: int) -> list[Waiting]:
    """The one that waits longest, with those that wait behind it by the time it is decoded; empty at the end."""
    first = pipe.next()
    if first is None:
        return []
    batch = [first]
    first[1].exception()  # waits for it
    while len(batch) < most and (another := pipe.next(wait=False)) is not None:
        batch.append(another)
    return batch


def _decode(asked: Asked, content: bytes | None, side: int, one_large: threading.Lock) -> Decoded:
    """Runs in a decode thread.

    Raises:
        BrokenPicture: it cannot be read.
    """
    began = time.perf_counter()
    path = Path(asked.path or asked.name)
    if content is None:
        read, _ = contents_of(Item(path, asked.name, "test", "unknown"))
        if isinstance(read, OSError):
            raise BrokenPicture(f"cannot be read: {read.strerror}")
        content = read
    width, height = size_in(path, content)
    try:
        if width * height > LARGE_PIXELS:
            with one_large:
                picture = read_picture(path, size=side, content=content)
        else:
            picture = read_picture(path, size=side, content=content)
    except MemoryError:
        raise BrokenPicture("there is not enough memory to read it") from None
    ms = 1000 * (time.perf_counter() - began)
    return Decoded(picture, hashlib.sha256(content).hexdigest(), width, height, ms)


def _answer(
    served: Served, batch: Sequence[Waiting], tell: Callable[[Answered], None], pool: ThreadPoolExecutor
) -> None:
    """Tell of the broken ones, judge the others, and have drawn in the threads what is to be drawn."""
    whole: list[tuple[Asked, Decoded]] = []
    for asked, decoding in batch:
        error = decoding.exception()
        if isinstance(error, BrokenPicture):
            tell(Answered(id=asked.id, name=asked.name, broken=str(error)))
        else:
            whole.append((asked, decoding.result()))
    if not whole:
        return
    began = time.perf_counter()
    judged = _judged(served, whole)
    ms = 1000 * (time.perf_counter() - began)
    for (asked, decoded), each in zip(whole, judged, strict=True):
        facts = {
            "id": asked.id,
            "name": asked.name,
            "sha256": decoded.sha256,
            "width": decoded.width,
            "height": decoded.height,
            **each.facts,
            "batch": len(whole),
            "decode_ms": decoded.ms,
            "compute_ms": ms,
        }
        if asked.draw is None or "failed" in each.facts:
            tell(Answered(**facts))
        else:
            pool.submit(partial(_draw, each, asked.draw, asked.which, facts, tell))


def _judged(served: Served, whole: Sequence[tuple[Asked, Decoded]]) -> list[Judged]:
    """Where memory does not suffice for all at once, in halves."""
    try:
        batch = batch_of([decoded.picture for _, decoded in whole], [asked.name for asked, _ in whole])
        return served.judge(batch, [asked for asked, _ in whole])
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    if len(whole) == 1:
        return [Judged({"failed": NO_MEMORY}, lambda stem, which: [])]
    middle = len(whole) // 2
    return _judged(served, whole[:middle]) + _judged(served, whole[middle:])


def _draw(
    judged: Judged, stem: str, which: Sequence[str], facts: dict[str, Any], tell: Callable[[Answered], None]
) -> None:
    try:
        drawn: dict[str, Any] = {"drawn": judged.draw(stem, which)}
    except (OSError, MemoryError) as error:
        drawn = {"not_drawn": getattr(error, "strerror", None) or str(error) or "there is not enough memory"}
    tell(Answered(**facts, **drawn))
