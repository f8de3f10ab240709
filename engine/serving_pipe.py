"""The pipe of a served model: what is asked comes over standard input, answers go over standard output. Loads no torch.

A thread reads what is asked, a few pictures ahead, so that decoding goes on beside computing. Libraries may print what they like: it goes
where errors go.
"""

import os
import sys
import threading
from collections.abc import Callable
from queue import Empty, Queue
from types import TracebackType
from typing import Generic, TypeVar

from engine.contract.results import Written, as_json, from_json
from engine.contract.serving import Asked

AHEAD = 64  # pictures that are read and wait; more stay in the pipe
BUFFER = 1 << 20
ASKER_IS_GONE = 4  # exit code, as of whatever ends with its asker

WorkT = TypeVar("WorkT")


class Pipe(Generic[WorkT]):
    """`listen` begins to take what is asked; `next` gives it in its order, `tell` answers from any thread.

    ends_at_once: the end of standard input ends this process, whatever it is doing; else what was asked by then is answered first.
    """

    def __init__(self, *, ends_at_once: bool):
        self._ends_at_once = ends_at_once
        self._asked: Queue[tuple[Asked, WorkT] | None] = Queue(AHEAD)
        self._begin: Callable[[Asked, bytes | None], WorkT] | None = None
        self._may_begin, self._writing = threading.Event(), threading.Lock()

    def __enter__(self) -> "Pipe[WorkT]":
        self._answers = os.fdopen(os.dup(1), "wb")
        sys.stdout.flush()
        os.dup2(2, 1)
        threading.Thread(target=self._read, name="asked", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._answers.close()

    def listen(self, begin: Callable[[Asked, bytes | None], WorkT]) -> None:
        """From now on what is asked is handed to `begin`, with its bytes where they came along."""
        self._begin = begin
        self._may_begin.set()

    def next(self, *, wait: bool = True) -> tuple[Asked, WorkT] | None:
        """What is asked next, with what `begin` made of it; None: nothing more will be asked, or nothing is there where it is not to wait."""
        try:
            found = self._asked.get(block=wait)
        except Empty:
            return None
        if found is None:
            self._asked.put(None)  # whoever asks again learns the same
        return found

    def tell(self, said: Written) -> None:
        with self._writing:
            self._answers.write(as_json(said).encode(errors="backslashreplace") + b"\n")
            self._answers.flush()

    def _read(self) -> None:
        with open(0, "rb", buffering=BUFFER, closefd=False) as asking:
            while line := asking.readline():
                asked = from_json(line, Asked)
                content = None if asked.length is None else asking.read(asked.length)
                if content is not None and len(content) < (asked.length or 0):
                    break
                self._may_begin.wait()
                assert self._begin is not None
                self._asked.put((asked, self._begin(asked, content)))
        if self._ends_at_once or not self._may_begin.is_set():
            os._exit(ASKER_IS_GONE)
        self._asked.put(None)
