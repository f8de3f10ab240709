"""What a run that computes on another machine takes from here and brings back, by HTTP alone (web/routes/reports.py; the other end is
engine/node.py).

Its events are added to the log in the run's view, so that whoever follows a run sees no difference. Only the run's current attempt is let in:
an older one, which somebody gave up and which lives all the same, is told so and ends itself. Whoever holds the run's log here knows that no
attempt changes what it writes meanwhile (engine/contract/shipped.py). Everything may come twice. Files are put together aside, in a folder of
the attempt; only with the last word, and when all of them are there as they were sent, do they become the run's.
"""

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar
from weakref import WeakValueDictionary

from assistant.data.archives import NoRoom
from assistant.data.manifests import DataFile, FileChanged, Manifests
from assistant.data.uploads import receive
from assistant.refused import Refused
from assistant.runs.attempts import Attempts
from assistant.runs.executors import Order
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue, order_of
from assistant.runs.run_tokens import HOLDS_S, BadToken, Bearer, RunTokens
from assistant.settings import Settings
from assistant.store.tables import Outcome, RunRow
from engine.contract.events import LogInUse
from engine.contract.folder import BUILT_ON, CHECKPOINTS, RESULTS, RunFolder
from engine.contract.plain_files import ASIDE, NotPlain, append_plain, open_plain, read_end
from engine.contract.shipped import AnotherStory, Gap, NoEvents, ShippedLog

MOST_EVENTS_BYTES = 4 << 20  # of a batch of events; a line has its own limit
MOST_LOG_BYTES = 64 << 20  # of what the process prints; what comes after is not kept
MOST_FILE_BYTES = 16 << 30
LONGEST_NAME = 1000  # bytes
LOOKS_AT_LOG, BETWEEN_LOOKS_S = 8, 0.25  # before a log that another process holds is asked for later

T = TypeVar("T")


class ReportRefused(Refused):
    """A report is not taken. The other end goes by the code (engine/node.py)."""

    def __init__(self, status: int, code: str, message: str, **values: Any):
        self.status = status
        super().__init__(code, message, "", **values)


@dataclass(frozen=True)
class Heard:
    """What a sign of life is answered: whether to stop, from which byte on the log is wanted, and a token that holds longer."""

    stop: bool
    log_at: int
    token: str | None


class Reports:
    """The reports of the runs of one home."""

    def __init__(self, settings: Settings, runs: Queue, attempts: Attempts, tokens: RunTokens):
        self._settings, self._runs, self._attempts, self._tokens = settings, runs, attempts, tokens
        self._manifests = Manifests(settings.home)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def let_in(self, run: str, attempt: int, authorization: str) -> Bearer:
        """Whom a request comes from, by its Authorization header.

        Raises:
            BadToken: it shows no token that is good.
            ReportRefused: the token is that of another attempt or another run.
        """
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise BadToken("send the token of the attempt: Authorization: Bearer TOKEN")
        bearer = await asyncio.to_thread(self._tokens.read, token.strip())
        if (bearer.run, bearer.attempt) != (run, attempt):
            raise ReportRefused(403, "other_run", "this token is for another attempt or another run")
        return bearer

    async def order(self, bearer: Bearer) -> dict[str, Any]:
        """What the attempt is to compute. From here on nothing of an earlier attempt comes to the run's files any more."""
        async with self._writing(bearer) as (row, log):
            folder = self._runs.folder_of(row)
            await asyncio.to_thread(_clear_attempts, folder)
            await asyncio.to_thread(self._runs.files.put, row.id, folder)
            told = self._order_of(row)
            return {
                "run": row.id,
                "attempt": bearer.attempt,
                "dataset": told.dataset,
                "approved_data": told.approved.data,
                "approved_spec": told.approved.spec,
                "needs": list(told.needs),
                "limit_s": told.limit_s,
                "silent_s": told.silent_s,
                "events": log.seq,
            }

    async def take_events(self, bearer: Bearer, lines: bytes) -> int:
        """Add lines of the attempt's event log to the one here; the number of the last event that is here then.

        Raises:
            ReportRefused: gap, with the number that is `expected`; another_story; no_events; stale, ended.
        """
        async with self._writing(bearer) as (_, log):
            return await asyncio.to_thread(_told_why, log.add, lines)

    async def hear(self, bearer: Bearer, *, node: str, log_at: int, printed: bytes) -> Heard:
        """A sign of life from a machine called `node`, with what its process printed from byte `log_at` of its log on."""
        if printed:
            async with self._writing(bearer) as (row, _):
                await asyncio.to_thread(_add_printed, self._runs.folder_of(row), log_at, printed)
        row = await self._current(bearer)
        await self._attempts.heard(bearer.run, bearer.attempt, node=node or None)
        size = await asyncio.to_thread(_size_of, RunFolder(self._runs.folder_of(row)).log)
        if size >= MOST_LOG_BYTES:
            size = max(size, log_at + len(printed))
        return Heard(row.stop_requested, size, self._renewed(bearer))

    def _order_of(self, row: RunRow) -> Order:
        return order_of(row, row.attempts, self._settings)

    def _renewed(self, bearer: Bearer) -> str | None:
        is_old = bearer.until - time.time() < HOLDS_S / 2
        return self._tokens.make(bearer.run, bearer.attempt) if is_old else None

    async def take_file(
        self, bearer: Bearer, name: str, sha256: str, body: AsyncIterator[bytes], *, announced: int
    ) -> None:
        """Take a file that the attempt made: a checkpoint at once, everything else aside until the attempt is done.

        Raises:
            ReportRefused: bad_name, other_contents, no_room; stale, ended.
        """
        path = _left_by_a_run(name)
        row = await self._current(bearer)
        arriving = RunFolder(self._runs.folder_of(row)).arriving(bearer.attempt)
        part = arriving.with_name(f"{bearer.attempt}.{os.urandom(8).hex()}{ASIDE}")
        try:
            await asyncio.to_thread(part.parent.mkdir, exist_ok=True)
            await receive(body, part, announced=announced)
            if await asyncio.to_thread(_sha256_of, part) != sha256.lower():
                raise ReportRefused(422, "other_contents", "what came has another sha256 than was told", name=name)
            await self._current(bearer)
            if path.parts[0] == CHECKPOINTS:
                await asyncio.to_thread(self._keep_checkpoint, row.id, path, part)
            else:
                await asyncio.to_thread(_move, part, arriving / path)
        except NoRoom as error:
            raise ReportRefused(507, "no_room", str(error)) from None
        except (NotADirectoryError, IsADirectoryError, FileExistsError):
            raise ReportRefused(
                422, "bad_name", "this name is that of a folder, or lies in a file", name=name
            ) from None
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)

    def _keep_checkpoint(self, run: str, name: PurePosixPath, part: Path) -> None:
        staged = part.with_name(f"{part.stem}.kept{ASIDE}")
        try:
            _move(part, staged / name)
            self._runs.files.put(run, staged)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    async def done(
        self,
        bearer: Bearer,
        *,
        files: Mapping[str, str],
        last_word: str | None,
        exit_code: int | None = None,
        why: str | None = None,
    ) -> None:
        """Nothing of the attempt computes any more: its files, each by its sha256, become the run's, and then the run's log gets its last word.
        Without one, which an attempt leaves whose process was killed, nothing becomes the run's; `why` says who ended it.

        Raises:
            ReportRefused: files_missing, which names those that have not come as they are told; gap, another_story, no_events; stale, ended.
        """
        paths = {name: _left_by_a_run(name) for name in files}
        line = f"{last_word}\n".encode() if last_word is not None else None
        if line is not None and await self._has_ended_so(bearer, line):
            return
        async with self._writing(bearer) as (row, log):
            folder = RunFolder(self._runs.folder_of(row))
            arriving = folder.arriving(bearer.attempt)
            if line is not None:
                await asyncio.to_thread(_told_why, log.check, line)
                missing = await asyncio.to_thread(_missing, arriving, {paths[name]: files[name] for name in files})
                if missing:
                    raise ReportRefused(
                        409, "files_missing", "not all files have come as they are told", missing=missing
                    )
                await asyncio.to_thread(_remove_others, arriving, set(paths.values()))
                if files:
                    await asyncio.to_thread(self._runs.files.put, row.id, arriving)
                await asyncio.to_thread(_told_why, log.add, line, last_word=True)
            await asyncio.to_thread(shutil.rmtree, arriving, ignore_errors=True)
            over = "done" if line is not None else _outcome(exit_code, why)
            await self._attempts.reported(bearer.run, bearer.attempt, over, exit_code=exit_code)

    async def _has_ended_so(self, bearer: Bearer, line: bytes) -> bool:
        """Whether this last word is here already: it was taken, and the answer was lost."""
        row = await self._runs.get(bearer.run)
        end = await asyncio.to_thread(_end_of, RunFolder(self._runs.folder_of(row)).events, len(line))
        is_so = row.attempts == bearer.attempt and end == line
        if is_so:  # the server may have been killed between the two
            await self._attempts.reported(bearer.run, bearer.attempt, "done")
        return is_so

    async def files(self, bearer: Bearer, *, of: str | None = None) -> list[str]:
        """The names of the run's files, or of what may be had of a run that it is built on."""
        run, only = await self._may_read(bearer, of)
        names = await asyncio.to_thread(self._runs.files.list, run)
        return [name for name in names if _is_one_of(name, only)]

    async def file(self, bearer: Bearer, name: str, *, of: str | None = None) -> BinaryIO:
        """One of these files, to be read.

        Raises:
            ReportRefused: there is none of that name.
        """
        run, only = await self._may_read(bearer, of)
        if _is_inside(name) and _is_one_of(name, only):
            with suppress(FileNotFoundError, NotADirectoryError, NotPlain, ValueError):
                return await asyncio.to_thread(self._runs.files.open, run, name)
        raise ReportRefused(404, "no_file", "there is no such file", name=name[:200])

    async def data(self, bearer: Bearer) -> tuple[str, list[DataFile]]:
        """The name of the folder that the run's data set lies in, which may tell what it holds, and all files of it.

        Raises:
            ReportRefused: no_data: it cannot be read.
        """
        data = Path((await self._current(bearer)).data_path)
        try:
            return data.name, await asyncio.to_thread(self._manifests.of, data)
        except OSError as error:
            raise ReportRefused(422, "no_data", f"the data set cannot be read: {error}") from None

    async def data_file(self, bearer: Bearer, sha256: str) -> BinaryIO:
        """A file of the run's data set by its contents.

        Raises:
            ReportRefused: data_changed: there is none, or no longer; ask for all of them again.
        """
        data = Path((await self._current(bearer)).data_path)
        try:
            return await asyncio.to_thread(self._manifests.open, data, sha256)
        except (FileChanged, OSError) as error:
            raise ReportRefused(404, "data_changed", f"{error}; ask for the list of the files again") from None

    async def _may_read(self, bearer: Bearer, of: str | None) -> tuple[str, tuple[str, ...]]:
        """The run whose files are asked for, and which of them may be had; () is all."""
        row = await self._current(bearer)
        if of is None:
            return row.id, ()
        if of not in self._order_of(row).needs:
            raise ReportRefused(403, "other_run", "the run is not built on that one")
        return of, BUILT_ON

    async def _current(self, bearer: Bearer) -> RunRow:
        """
        Raises:
            UnknownRun, ReportRefused: the run has ended, or another attempt has taken the place of this one.
        """
        row = await self._runs.get(bearer.run)
        if not self._runs.place.has(row):
            raise ReportRefused(421, "elsewhere", str(RunElsewhere(row)))
        if row.attempts != bearer.attempt:
            raise ReportRefused(409, "stale", f"attempt {row.attempts} of {row.id} has taken the place of this one")
        if row.state != "running":
            raise ReportRefused(409, "ended", f"nobody waits for this attempt of {row.id} any more")
        return row

    @asynccontextmanager
    async def _writing(self, bearer: Bearer) -> AsyncIterator[tuple[RunRow, ShippedLog]]:
        """The run as it is while its log is held here, and the log. Which attempt counts is asked again then: whatever an older one sends
        is written before the log is taken here, or refused.

        Raises:
            ReportRefused: as `_current`; also where the log has its last word, though nobody may have noted it yet.
            LogInUse: another process holds the log for long.
        """
        turn = self._turns.setdefault(bearer.run, asyncio.Lock())
        async with turn:
            log = await self._log_of(self._runs.folder_of(await self._current(bearer)))
            try:
                row = await self._current(bearer)
                if log.ended:
                    raise ReportRefused(409, "ended", f"{row.id} has its last word")
                yield row, log
            finally:
                await asyncio.to_thread(log.close)

    async def _log_of(self, folder: Path) -> ShippedLog:
        for _ in range(LOOKS_AT_LOG):
            with suppress(LogInUse):
                return await asyncio.to_thread(ShippedLog, folder)
            await asyncio.sleep(BETWEEN_LOOKS_S)
        return await asyncio.to_thread(ShippedLog, folder)


def _outcome(exit_code: int | None, why: str | None) -> Outcome:
    """How an attempt ended that left no last word."""
    told: dict[str | None, Outcome] = {"limit": "limit", "silent": "silent", "cancelled": "stopped"}
    ended: Outcome = "lost" if exit_code is None else "killed" if exit_code < 0 else "exited"
    return told.get(why, ended)


def _told_why(add: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What the log says to lines that it does not take, as an answer over HTTP."""
    try:
        return add(*arguments, **named)
    except Gap as error:
        raise ReportRefused(409, "gap", str(error), expected=error.expected) from None
    except AnotherStory as error:
        raise ReportRefused(409, "another_story", str(error)) from None
    except NoEvents as error:
        raise ReportRefused(422, "no_events", str(error)) from None


def _left_by_a_run(name: str) -> PurePosixPath:
    """
    Raises:
        ReportRefused: no run leaves a file of this name, or it leads elsewhere.
    """
    path = PurePosixPath(name)
    is_left = len(path.parts) > 1 and path.parts[0] in (*RESULTS, CHECKPOINTS)
    if not (_is_inside(name) and is_left):
        raise ReportRefused(422, "bad_name", "no run leaves a file of this name", name=name[:200])
    return path


def _is_inside(name: str) -> bool:
    """Whether a name is spelt as a file's in a run's folder, in one way alone, and is none of one that is still being written."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    parts = name.split("/")
    is_plain = all(
        part not in ("", ".", "..") and not part.endswith(ASIDE) and len(part.encode()) <= 255 for part in parts
    )
    return is_plain and size <= LONGEST_NAME and not any(each in name for each in ("\\", "\0", ":"))


def _is_one_of(name: str, only: tuple[str, ...]) -> bool:
    return not only or any(name == each or name.startswith(f"{each}/") for each in only)


def _clear_attempts(folder: Path) -> None:
    """Do away with what attempts sent that were never done."""
    for path in RunFolder(folder).attempts.glob(f"*{ASIDE}"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _add_printed(folder: Path, log_at: int, printed: bytes) -> None:
    """Add what the process printed, where it goes on exactly there."""
    with append_plain(RunFolder(folder).log) as file:
        size = os.fstat(file.fileno()).st_size
        if size == log_at < MOST_LOG_BYTES:
            file.write(printed)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _end_of(path: Path, size: int) -> bytes:
    try:
        return read_end(path, size)
    except OSError:
        return b""


def _sha256_of(path: Path) -> str:
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _move(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def _missing(arriving: Path, files: Mapping[PurePosixPath, str]) -> list[str]:
    """Those of the files that are not there as they were told."""

    def is_there(name: PurePosixPath, sha256: str) -> bool:
        try:
            return _sha256_of(arriving / name) == sha256.lower()
        except OSError:
            return False

    return sorted(str(name) for name, sha256 in files.items() if not is_there(name, sha256))


def _remove_others(arriving: Path, names: set[PurePosixPath]) -> None:
    for at, _, found in os.walk(arriving):
        for path in (Path(at, name) for name in found):
            if PurePosixPath(path.relative_to(arriving).as_posix()) not in names:
                path.unlink()
