"""`python -m engine.node --server URL --run R --attempt N`: computes one attempt of a run on a machine that shares nothing with the server.

It fetches the run's files, the models it is built on and the data set, which it keeps for other runs (engine/kept_data.py), and lets
the shim watch the engine in a folder of its own. What the engine reports is shipped while it computes: the event log, what it prints,
checkpoints; at the end its files, and with them its last word. The log itself is the buffer while the server is away. Where the server
takes nothing of this attempt any more, all that computes here is ended: somebody else has its place.

The token stands in MURASCOPE_RUN_TOKEN, and the engine does not see it. Exit codes: the engine's; 74: the server was away for too long;
75: it takes nothing of this attempt any more; 76: the attempt is on here.
"""

import argparse
import base64
import ctypes
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar
from urllib.parse import quote

from engine.contract.attempt_files import read_verdict
from engine.contract.events import TERMINAL, EventLog, Failed, read_line, whole_lines
from engine.contract.folder import CHECKPOINTS, OF_ATTEMPTS, RESULTS, RunFolder
from engine.contract.plain_files import ASIDE, append_plain, open_plain
from engine.kept_data import KeptData
from engine.server_link import FIRST_WAIT_S, LONGEST_WAIT_S, Away, Declined, Fenced, Link, Token, patiently

AWAY_TOO_LONG, FENCED, ALREADY_ON = 74, 75, 76
TOKEN, CACHE, CACHE_GB = "MURASCOPE_RUN_TOKEN", "MURASCOPE_NODE_CACHE", "MURASCOPE_NODE_CACHE_GB"
KEPT_GB = 50.0
FOR_THE_ENGINE = ("MURASCOPE_WEIGHTS", "MURASCOPE_HUB")  # of our own variables
BETWEEN_EVENTS_S, BETWEEN_BEATS_S, BETWEEN_CHECKPOINTS_S = 0.3, 3.0, 30.0
BATCH_BYTES = 1 << 20  # of lines that are sent at once, the last one left out
PRINTED_BYTES = 1 << 18
GRACE_S = 20.0
PATIENCE_S = 86_400.0  # with a server that is away when the engine has ended
MOST_MANIFESTS = 5  # of a data set that changes while it is fetched
MOST_TRIES = 3  # of sending what came otherwise
SET_PDEATHSIG = 1  # of prctl
LIBC = ctypes.CDLL(None)
T = TypeVar("T")


class StopAsked(Exception):
    """Somebody asked to stop before the engine was started."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    token = os.environ.pop(TOKEN, "")
    cache = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "murascope-node").absolute()
    of = hashlib.sha256(options.server.encode()).hexdigest()[:8]
    folder = (options.folder or cache / "runs" / f"{of}-{options.run}-a{options.attempt}").absolute()
    with _held(folder) as is_ours:
        if not is_ours:
            print(f"attempt {options.attempt} of {options.run} is on in {folder}", file=sys.stderr)
            return ALREADY_ON
        node = Node(options, token, folder, cache)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, node.on_signal)
        try:
            code = node.work()
        except (Fenced, Declined) as error:
            print(f"this attempt is over: {error}", file=sys.stderr)
            code = FENCED
        except Away as error:
            print(f"the server was away for too long: {error}", file=sys.stderr)
            return AWAY_TOO_LONG  # what was computed stays here
        finally:
            node.end_all()
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
        return code


class Node:
    """One attempt: what was fetched, what computes, and how far it was reported."""

    def __init__(self, options: argparse.Namespace, token: str, folder: Path, cache: Path):
        self._options, self._token = options, Token(token)
        self._kept = KeptData(cache / "data", _most_kept_gb() * 1e9)
        self._runs, self._data = folder / "runs", folder / "data"
        self.run = RunFolder(self._runs / options.run)
        self._link = self._new_link()
        self._shim: subprocess.Popen[bytes] | None = None
        self._stop_asked, self._over, self._fenced = threading.Event(), threading.Event(), threading.Event()
        self._why_fenced = ""
        self._shipped = Shipped(self.run)
        self._checkpoint: tuple[int, ...] | None = None  # that the server has
        self._log_at: int | None = None  # from where on the server wants what is printed

    def work(self) -> int:
        """The exit code of the engine.

        Raises:
            Fenced: nothing of this attempt is taken any more.
            Away: its end could not be told.
        """
        order = self._patiently(lambda: self._link.ask("GET", "order"))
        self.run.path.mkdir(parents=True)
        exit_code: int | None = None
        why: str | None = None
        threads = [self._thread(self._beat, BETWEEN_BEATS_S)]
        try:
            data = self._lay_out(order)
            self._shipped.go_to(order["events"])
            self._start(order, data)
            threads += [self._thread(self._ship, BETWEEN_EVENTS_S)]
            threads += [self._thread(self._send_checkpoint, self._options.checkpoint_every_s)]
            exit_code, why = self._until_it_ends()
        except StopAsked:
            why = "cancelled"
        except (Declined, OSError) as error:
            self._tell_failure(error)
            exit_code = 1
        self._over.set()
        for thread in threads:
            thread.join()
        self._raise_where_fenced()
        self._tell_end(exit_code, why)
        return exit_code if exit_code is not None and exit_code >= 0 else 1

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop()

    def end_all(self) -> None:
        """Nothing computes here any more."""
        self._over.set()
        if self._shim is not None and self._shim.poll() is None:
            self._shim.send_signal(signal.SIGQUIT)
            self._shim.wait()

    def _stop(self) -> None:
        self._stop_asked.set()
        if self._shim is not None and self._shim.poll() is None:
            self._shim.send_signal(signal.SIGTERM)

    # what is fetched

    def _lay_out(self, order: dict[str, Any]) -> Path:
        """Fetch all that the attempt needs; the folder of its data set."""
        for name in self._patiently(lambda: self._link.ask("GET", "files")):
            if not any(name == each or name.startswith(f"{each}/") for each in OF_ATTEMPTS):
                self._fetch(f"files/{quote(name)}", _inside(self.run.path, name))
        for need in order["needs"]:
            for name in self._patiently(partial(self._link.ask, "GET", f"needs/{need}/files")):
                self._fetch(f"needs/{need}/files/{quote(name)}", _inside(self._runs / need, name))
        for _ in range(MOST_MANIFESTS - 1):
            with suppress(Declined):
                return self._fetch_data()
        return self._fetch_data()

    def _fetch(self, what: str, path: Path) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{secrets.token_hex(8)}{ASIDE}")
        try:
            sha256 = self._patiently(lambda: self._link.fetch(what, aside))
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        return sha256

    def _fetch_data(self) -> Path:
        """
        Raises:
            Declined: the data set cannot be had, or changed meanwhile.
        """
        told = self._patiently(lambda: self._link.ask("GET", "data", timeout_s=3600))
        folder = _inside(self._data, told["folder"])
        shutil.rmtree(self._data, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in told["files"]:
            fetch = partial(self._fetch_contents, file["sha256"])
            self._kept.lay_out(file["sha256"], _inside(folder, file["name"]), fetch)
        self._kept.make_room()
        return folder

    def _fetch_contents(self, sha256: str, path: Path) -> None:
        if self._fetch(f"data/{sha256}", path) != sha256:
            raise Declined("data_changed", "a file of the data set changed while it was fetched", {})

    # what computes

    def _start(self, order: dict[str, Any], data: Path) -> None:
        """The shim with the engine; it ends with this process."""
        shim = ["--attempt", str(order["attempt"]), "--silent-s", str(order["silent_s"]), "--grace-s", str(GRACE_S)]
        shim += [] if order["limit_s"] is None else ["--limit-s", str(order["limit_s"])]
        told = ["--data", str(data), "--runs", str(self._runs), "--approved-spec", order["approved_spec"]]
        told += [] if order["approved_data"] is None else ["--approved-data", order["approved_data"]]
        engine = [sys.executable, "-m", "engine", "run", str(self.run.path), *told]
        ours = os.getpid()

        def end_with_us() -> None:
            LIBC.prctl(SET_PDEATHSIG, signal.SIGQUIT)
            if os.getppid() != ours:
                os._exit(1)

        if self._stop_asked.is_set():
            raise StopAsked
        with append_plain(self.run.log) as log:
            self._shim = subprocess.Popen(
                [sys.executable, "-m", "engine.shim", str(self.run.path), *shim, "--", *engine],
                cwd=Path(__file__).resolve().parent.parent,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_us,
            )
        if self._stop_asked.is_set():  # asked meanwhile
            self._stop()

    def _until_it_ends(self) -> tuple[int | None, str | None]:
        """How the engine ended, and who ended it.

        Raises:
            Fenced
        """
        assert self._shim is not None
        while self._shim.poll() is None:
            self._raise_where_fenced()
            with suppress(subprocess.TimeoutExpired):
                self._shim.wait(BETWEEN_EVENTS_S)
        verdict = read_verdict(self.run.verdict(self._options.attempt))
        return (self._shim.returncode, None) if verdict is None else (verdict.exit_code, verdict.why)

    def _tell_failure(self, error: Exception) -> None:
        """What this machine could not do is the last word of the run, for people."""
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        code = "disk" if is_full else "data" if isinstance(error, Declined) else "error"
        reason = f"the training could not be begun on {socket.gethostname()}: {error}"
        log = EventLog(self.run.path)
        log.append(
            Failed(code=code, reason=reason, hint="look at that machine and at the data set, then start the run again")
        )
        log.close()

    # what is reported

    def _beat(self, link: Link) -> bool:
        """Show a sign of life with what was printed since; whether all of that is told."""
        printed = b""
        if self._log_at is not None:
            with suppress(OSError), open_plain(self.run.log) as file:
                file.seek(self._log_at)
                printed = file.read(PRINTED_BYTES)
        beat = {
            "node": socket.gethostname(),
            "log_at": self._log_at or 0,
            "printed": base64.b64encode(printed).decode(),
        }
        heard = link.tell("heartbeat", beat)
        is_first, self._log_at = self._log_at is None, heard["log_at"]
        if heard["token"]:
            self._token.shown = heard["token"]
        if heard["stop"] and not self._stop_asked.is_set():
            self._stop()
        return not is_first and not printed

    def _ship(self, link: Link) -> bool:
        """Send the next lines of the log; whether none are left."""
        lines = self._shipped.next_lines()
        if lines:
            try:
                self._shipped.go_to(link.ask("POST", "events", lines)["seq"])
            except Declined as error:
                if error.code != "gap":
                    raise
                self._shipped.go_to(error.values["expected"] - 1)
        return not lines

    def _send_checkpoint(self, link: Link) -> bool:
        """Send the last checkpoint where the server has another, once it has all events that come before it; whether there was none."""
        stamp = _stamp(self.run.checkpoint)
        if stamp is None or stamp == self._checkpoint:
            return True
        snapshot = self.run.path / f"{secrets.token_hex(8)}{ASIDE}"
        try:
            os.link(self.run.checkpoint, snapshot)  # it is replaced as a whole, never written into
            size = self.run.events.stat().st_size
            while self._shipped.offset < size and not self._over.wait(BETWEEN_EVENTS_S):
                pass
            if self._shipped.offset >= size:
                link.send(f"files/{quote(self.run.within(self.run.checkpoint))}", snapshot)
                self._checkpoint = stamp
        except FileNotFoundError:  # replaced, or the run has finished
            pass
        finally:
            snapshot.unlink(missing_ok=True)
        return True

    def _tell_end(self, exit_code: int | None, why: str | None) -> None:
        """All that is left to tell, in this order: events, the log, checkpoints, files, and the last word."""
        for tell in (self._ship, self._beat):
            while not self._at_last(partial(tell, self._link)):
                pass
        last_word = self._shipped.last_word()
        is_finished = last_word is not None and b'"type":"finished"' in last_word
        sent = {} if last_word is None else {name: self._send(name) for name in self._left(is_finished)}
        if last_word is None:
            self._at_last(partial(self._send_checkpoint, self._link))
        files = {name: sha256 for name, sha256 in sent.items() if not name.startswith(f"{CHECKPOINTS}/")}
        word = None if last_word is None else last_word.decode().rstrip("\n")
        told: dict[str, Any] = {"exit_code": exit_code, "why": why, "last_word": word}
        for _ in range(MOST_TRIES):
            try:
                told["files"] = files
                self._at_last(lambda: self._link.tell("done", told))
                return
            except Declined as error:
                if error.code != "files_missing":
                    raise Fenced(f"the end of the run is not taken: {error}") from None
                files |= {name: self._send(name) for name in error.values["missing"]}
        raise Away("its files come otherwise than they are sent")

    def _left(self, is_finished: bool) -> list[str]:
        """The names of the files that a run leaves with its last word."""
        found = (path for part in RESULTS for path in (self.run.path / part).rglob("*")) if is_finished else iter(())
        kept = self.run.checkpoints.glob("*.safetensors")
        names = (self.run.within(path) for path in (*found, *kept) if path.is_file() and not path.is_symlink())
        return sorted(name for name in names if not any(part.endswith(ASIDE) for part in name.split("/")))

    def _send(self, name: str) -> str:
        return self._at_last(lambda: self._link.send(f"files/{quote(name)}", self.run.path / name))

    # how it is asked

    def _new_link(self) -> Link:
        return Link(self._options.server, self._options.run, self._options.attempt, self._token)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Before the engine starts: the server is waited for, as long as nobody asks to stop."""
        self._raise_where_fenced()
        if self._stop_asked.is_set():
            raise StopAsked
        try:
            return patiently(ask, self._stop_asked)
        except Away:
            raise StopAsked from None

    def _at_last(self, ask: Callable[[], T]) -> T:
        return patiently(ask, threading.Event(), patience_s=PATIENCE_S)

    def _raise_where_fenced(self) -> None:
        if self._fenced.is_set():
            raise Fenced(self._why_fenced)

    def _thread(self, report: Callable[[Link], bool], between_s: float) -> threading.Thread:
        """Reports again and again until the engine has ended, on a connection of its own; at once again while there is more."""

        def go_on() -> None:
            link, wait_s = self._new_link(), between_s
            while not self._over.wait(wait_s):
                try:
                    wait_s = between_s if report(link) else 0.0
                except Away:
                    wait_s = min(max(2 * wait_s, FIRST_WAIT_S), LONGEST_WAIT_S)
                except (Fenced, Declined) as error:
                    self._why_fenced = str(error)
                    self._fenced.set()
                    return

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        return thread


class Shipped:
    """How far the event log was shipped: `offset` is where the next line begins."""

    def __init__(self, run: RunFolder):
        self._run, self.offset, self._seq = run, 0, 0

    def go_to(self, seq: int) -> None:
        """The server has the events up to this one."""
        if seq < self._seq:
            self.offset = self._seq = 0
        with suppress(FileNotFoundError), open_plain(self._run.events) as file:
            file.seek(self.offset)
            for line in whole_lines(file):
                if self._seq >= seq:
                    return
                self.offset, self._seq = self.offset + len(line), self._seq + 1

    def next_lines(self) -> bytes:
        """The next whole lines, as many as are sent at once; never the last word, which goes with the files."""
        lines, size = [], 0
        for line in self._lines():
            lines.append(line)
            size += len(line)
            if size >= BATCH_BYTES:
                break
        if lines and _is_last_word(lines[-1]):
            lines.pop()
        return b"".join(lines)

    def last_word(self) -> bytes | None:
        """The line after all that were shipped, which ended the run."""
        line = next(self._lines(), None)
        return line if line is not None and _is_last_word(line) else None

    def _lines(self) -> Iterator[bytes]:
        with suppress(FileNotFoundError), open_plain(self._run.events) as file:
            file.seek(self.offset)
            yield from whole_lines(file)


def _is_last_word(line: bytes) -> bool:
    try:
        return isinstance(read_line(line), TERMINAL)
    except ValueError:
        return False


def _inside(folder: Path, name: str) -> Path:
    """
    Raises:
        Declined: a name that leads elsewhere.
    """
    if any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise Declined("bad_name", f"the server names a file {name[:200]!r}", {})
    return folder / name


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _environment() -> dict[str, str]:
    """What the engine sees of the environment: of our own variables those that tell where weights are."""
    kept = {
        name: each for name, each in os.environ.items() if not name.startswith("MURASCOPE_") or name in FOR_THE_ENGINE
    }
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _most_kept_gb() -> float:
    told = os.environ.get(CACHE_GB) or KEPT_GB
    try:
        return float(told)
    except ValueError:
        sys.exit(f"{CACHE_GB} is {told!r}: a number of gigabytes is wanted, such as 50")


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """The folder, empty, for this process alone; False where another one computes in it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield True
    finally:
        os.close(lock)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.node", description="Computes one attempt of a run, elsewhere."
    )
    parser.add_argument("--server", required=True, metavar="URL", help="where Murascope is reached from here")
    parser.add_argument("--run", required=True, help="id of the run")
    parser.add_argument("--attempt", type=int, required=True, help="its number, from 1")
    parser.add_argument(
        "--folder", type=Path, help="to compute in; it is emptied first; default: one in the cache, removed at the end"
    )
    parser.add_argument(
        "--checkpoint-every-s", type=float, default=BETWEEN_CHECKPOINTS_S, help="how often one is sent at most"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
