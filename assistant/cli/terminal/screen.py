"""What is written to a terminal and read from it.

On a terminal the prompt stands on the last line, above it the progress of what runs, and everything else is written above both. Where
input or output is no terminal there are plain lines. Names of data, and what an LLM says, may hold characters that steer a terminal:
none of them gets there.
"""

import asyncio
import contextlib
import shutil
import signal
import sys
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

from assistant.cli.terminal.cards import width

PROMPT = "> "
KEPT_LINES = 1000  # of the history
CLEAR = "\r\033[J"  # from the beginning of this line to the end of the screen


class Screen:
    """Use `async with Screen.open(history, mask=...) as screen`. All but the reading of a line happens in the event loop's thread."""

    def __init__(self, mask: Callable[[str], str], readline: ModuleType | None):
        self.is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self._mask, self._readline = mask, readline if self.is_terminal else None
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._wanted = threading.Semaphore(0)
        self._is_reading = False  # a line was asked for
        self._at_prompt = False  # and the prompt is drawn
        self._held: list[str] = []  # written while it was being drawn
        self._status, self._is_partial, self._rows = "", False, 0

    @classmethod
    @asynccontextmanager
    async def open(cls, history: Path, *, mask: Callable[[str], str]) -> AsyncIterator["Screen"]:
        """A screen, and what was typed before from the file `history`, which a terminal alone keeps."""
        readline = _readline()
        screen = cls(mask, readline)
        with screen._terminal_as_it_was(), screen._history(history):
            threading.Thread(target=screen._read_lines, daemon=True).start()
            yield screen
            screen.status("")
            screen.finish_line()

    # ---- writing ----

    def line(self, text: str = "") -> None:
        """Write a text with its end of line."""
        self.finish_line()
        self._put(harmless(text) + "\n")

    def grow(self, text: str) -> None:
        """Write more of a line that is not complete."""
        if text:
            self._put(harmless(text))
            self._is_partial = not text.endswith("\n")

    def finish_line(self) -> None:
        if self._is_partial:
            self._is_partial = False
            self._put("\n")

    def status(self, text: str) -> None:
        """The line of progress, on a terminal; it goes with an empty text."""
        text = harmless(text)
        if not self.is_terminal or text == self._status:
            return
        if self._is_reading and not self._at_prompt:
            self._status = text
        else:
            self._write("", status=text)

    def _put(self, text: str) -> None:
        if self._is_reading and not self._at_prompt and self.is_terminal:
            self._held.append(text)
        elif self.is_terminal:
            self._write(text, status=self._status)
        else:
            sys.stdout.write(text)
            sys.stdout.flush()

    def _write(self, text: str, *, status: str) -> None:
        """Take prompt and progress away, write, and draw them anew."""
        was_drawn = self._rows > 0
        up = f"\033[{self._rows - 1}A" if self._rows > 1 else ""
        before = f"{up}{CLEAR}" if was_drawn else ""
        self._status = status
        sys.stdout.write(f"{before}{text}{self._bottom(text)}")
        sys.stdout.flush()

    def _bottom(self, written: str) -> str:
        """Progress and prompt, below what is complete."""
        columns = max(shutil.get_terminal_size().columns, 20)
        status = _cut(self._status, columns - 1)
        if self._at_prompt:
            typed = PROMPT + (self._readline.get_line_buffer() if self._readline else "")
            self._rows = 1 + width(typed) // columns + (1 if status else 0)
            return f"{status}\n{typed}" if status else typed
        is_complete = not self._is_partial and (written.endswith("\n") or not written)
        self._rows = 1 if status and is_complete else 0
        return status if is_complete else ""

    # ---- reading ----

    async def read(self) -> str | None:
        """The next line that is typed; None when there is no more."""
        if not self._is_reading:
            self.finish_line()
            if self.is_terminal and self._rows:  # the progress becomes the line above the prompt
                sys.stdout.write("\n")
            sys.stdout.flush()
            self._rows, self._is_reading = 0, True
            self._wanted.release()
        line = await self._lines.get()
        self._is_reading = False
        return line

    def _read_lines(self) -> None:
        """The thread that waits for the keyboard: it reads a line when one is wanted."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        if self._readline is not None:
            self._readline.set_auto_history(False)
            self._readline.set_pre_input_hook(lambda: self._tell(self._prompt_is_drawn))
        while True:
            self._wanted.acquire()
            try:
                line = self._read_line()
            except (EOFError, OSError, ValueError):
                line = None
            self._at_prompt = False
            self._tell(self._typed, line)

    def _read_line(self) -> str | None:
        if self._readline is not None:
            return input(PROMPT)
        if self.is_terminal:
            self._tell(self._prompt_is_drawn)
            return input(PROMPT)
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None

    def _tell(self, act: Callable[..., None], *values: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(act, *values)

    def _prompt_is_drawn(self) -> None:
        if not self._is_reading:
            return
        self._at_prompt, held = True, "".join(self._held)
        self._rows = 1 + (1 if self._status else 0)
        self._held = []
        if held:
            self._write(held, status=self._status)

    def _typed(self, line: str | None) -> None:
        """A line is complete: the progress that stood above it goes below."""
        if line is not None and line.strip() and self._readline is not None:
            self._readline.add_history(self._mask(line))
        held, self._held, self._is_reading = "".join(self._held), [], False
        if self.is_terminal:
            columns = max(shutil.get_terminal_size().columns, 20)
            lines = 1 + width(PROMPT + (line or "")) // columns + (1 if self._status else 0)
            self._rows = lines + 1 if line is not None else lines  # after Enter the cursor stands below
            self._write(f"{PROMPT}{line or ''}\n{held}", status=self._status)
        elif held:
            self._put(held)
        self._lines.put_nowait(line)

    # ---- around it ----

    @contextlib.contextmanager
    def _terminal_as_it_was(self) -> Iterator[None]:
        """A thread that still reads a line when we leave must not keep the terminal."""
        if not self.is_terminal:
            yield
            return
        import termios

        before = termios.tcgetattr(sys.stdin)
        try:
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    @contextlib.contextmanager
    def _history(self, path: Path) -> Iterator[None]:
        if self._readline is None:
            yield
            return
        with contextlib.suppress(OSError):
            self._readline.read_history_file(path)
        try:
            yield
        finally:
            self._readline.set_history_length(KEPT_LINES)
            with contextlib.suppress(OSError):
                self._readline.write_history_file(path)
                path.chmod(0o600)


def harmless(text: str) -> str:
    """The text without characters that steer a terminal or turn the direction of what follows."""
    return "".join(letter if letter in "\n\t" or not _steers(letter) else " " for letter in text)


def _steers(letter: str) -> bool:
    return unicodedata.category(letter) == "Cc" or unicodedata.bidirectional(letter) in _TURNS


_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def _cut(text: str, columns: int) -> str:
    while width(text) > columns:
        text = text[:-1]
    return text


def _readline() -> ModuleType | None:
    try:
        import readline
    except ImportError:  # not on every system
        return None
    return readline
