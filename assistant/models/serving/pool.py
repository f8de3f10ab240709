"""Warm workers, one for each model that is asked: started when needed, ended when nobody asks, replaced when they die.

Every picture that was taken gets an answer or a reason. Of the pictures that a dying process had before it, each is tried once more, alone, by
a new one: so the one that ended it is found out, and the others are judged.
"""

import asyncio
import itertools
import logging
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.machine.metrics import Metrics
from assistant.models.serving.references import Servable
from assistant.models.serving.worker import CannotLoad, Died, Worker
from assistant.refused import Refused
from assistant.settings import Settings
from engine.contract.serving import Answered, Asked, Ready
from prompts.figures import counted

logger = logging.getLogger(__name__)

IN_FLIGHT = 16  # pictures handed to a process; with it they die, and are tried again one by one
PATIENCE_S = 180.0  # for one picture that was handed over; a process that takes longer hangs
TURN_S = 10.0  # a model keeps its place at least so long while others wait for one
USUAL_S = 0.2  # a picture, before anything is known


class Busy(Refused):
    """More pictures wait than may; nothing of the request was taken."""

    status = 429

    def __init__(self, label: str, waiting: int, retry_after_s: int):
        super().__init__(
            "serving_busy",
            f"{label} is busy: {counted(waiting, 'picture waits', 'pictures wait')} already",
            f"try again in {retry_after_s} s, or with fewer pictures",
            model=label,
            waiting=waiting,
            seconds=retry_after_s,
        )
        self.retry_after_s = retry_after_s


class NotServed(Refused):
    """A picture was not judged, and why; another try may help."""

    status = 503

    def __init__(self, label: str, why: str):
        super().__init__(
            "not_served",
            f"{label} could not judge the picture: {why}",
            "try again in a moment",
            model=label,
            why=why,
        )


@dataclass(frozen=True)
class Picture:
    """A picture to be judged: its bytes, or where it lies. `draw` is the stem of the files to draw of it; None draws none. One that
    `passes` lies in a file of the home that is gone once it is judged."""

    name: str
    content: bytes | None = None
    path: Path | None = None
    passes: bool = False
    draw: str | None = None
    which: tuple[str, ...] = ("heatmap.jpg", "picture.jpg")
    nearest: bool = True


@dataclass(eq=False)
class _Job:
    servable: Servable
    picture: Picture
    answer: "asyncio.Future[Answered]"
    tries: int = 0
    sent_at: float = 0.0
    taken_at: float = field(default_factory=time.monotonic)


class Pool:
    """Use `judge`; `close` ends all workers."""

    def __init__(self, settings: Settings, metrics: Metrics):
        self.settings, self.metrics = settings, metrics
        self._stations: dict[str, _Station] = {}
        self._warm: set[_Station] = set()
        self._placing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._meant: dict[str, str] = {}
        self.someone_waits = False

    async def judge(self, servable: Servable, pictures: Sequence[Picture]) -> "list[Answered | NotServed]":
        """What the model says of each picture, or why it said nothing.

        Raises:
            Busy: more pictures wait than may; none of these was taken.
        """
        self._retire(servable)
        if (station := self._stations.get(servable.run)) is None or station.is_over:
            station = self._stations[servable.run] = _Station(self, servable)
        jobs = station.take(servable, pictures)
        try:
            found = await asyncio.gather(*(job.answer for job in jobs), return_exceptions=True)
        finally:
            for job in jobs:
                job.answer.cancel()
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, NotServed):
                raise each
        return [each for each in found if isinstance(each, Answered | NotServed)]

    async def close(self) -> None:
        """End all workers; whoever waits is told."""
        await asyncio.gather(*(station.close() for station in self._stations.values()))
        self._stations.clear()

    def ready_of(self, run: str) -> Ready | None:
        """What is known of a run's model since it was loaded."""
        station = self._stations.get(run)
        return None if station is None else station.ready

    def workers(self) -> dict[str, int]:
        """The process of each warm model, by its run."""
        return {run: station.worker.pid for run, station in self._stations.items() if station.worker is not None}

    def _retire(self, servable: Servable) -> None:
        """The worker of a model that the same reference meant before ends as soon as it has nothing left to do."""
        before = self._meant.get(servable.reference)
        self._meant[servable.reference] = servable.run
        if before not in (None, servable.run) and before not in self._meant.values():
            assert before is not None
            if (old := self._stations.get(before)) is not None:
                old.retire()

    async def place_for(self, station: "_Station") -> None:
        """Wait until this one may have a process: the least recently used of those that rest gives way."""
        async with self._placing:
            while len(self._warm) >= self.settings.serving_models:
                resting = [each for each in self._warm if each.rests]
                if resting:
                    await min(resting, key=lambda each: each.used_at).give_way()
                    continue
                self.someone_waits = True
                self._changed.clear()
                for each in self._warm:
                    each.look()
                await self._changed.wait()
            self.someone_waits = False
            self._warm.add(station)
        self.metrics.serving_workers(len(self._warm))

    def left(self, station: "_Station") -> None:
        self._warm.discard(station)
        self.metrics.serving_workers(len(self._warm))
        self._changed.set()

    def changed(self) -> None:
        self._changed.set()


class _Station:
    """One model's pictures, and the process that judges them."""

    def __init__(self, pool: Pool, servable: Servable):
        self._pool, self._settings = pool, pool.settings
        self._folder = servable.folder
        self._label = servable.label
        self._waiting: deque[_Job] = deque()
        self._suspects: deque[_Job] = deque()  # a process died over them, or over one that it had beside them
        self._in_flight: dict[int, _Job] = {}
        self._numbers = itertools.count(1)
        self._look = asyncio.Event()
        self._retired = False
        self._since = 0.0
        self._seconds = USUAL_S  # that a picture takes lately
        self.worker: Worker | None = None
        self.ready: Ready | None = None
        self.used_at = time.monotonic()
        self._heard_at = 0.0
        self._working = asyncio.create_task(self._work())
        self._working.add_done_callback(lambda done: self._fail_all("the server ends"))

    @property
    def is_over(self) -> bool:
        return self._working.done()

    @property
    def rests(self) -> bool:
        return self.worker is not None and not (self._waiting or self._suspects or self._in_flight)

    @property
    def waits(self) -> int:
        return len(self._waiting) + len(self._suspects) + len(self._in_flight)

    def take(self, servable: Servable, pictures: Sequence[Picture]) -> list[_Job]:
        """
        Raises:
            Busy: more wait than may.
        """
        if self.waits and self.waits + len(pictures) > self._settings.serving_queue:
            self._pool.metrics.predictions("busy", len(pictures))
            raise Busy(self._label, self.waits, min(max(math.ceil(self.waits * self._seconds), 1), 120))
        loop = asyncio.get_running_loop()
        jobs = [_Job(servable, picture, loop.create_future()) for picture in pictures]
        self._waiting.extend(jobs)
        self.used_at, self._retired = time.monotonic(), False
        self._note_queue(len(jobs))
        self.look()
        return jobs

    def look(self) -> None:
        self._look.set()

    def retire(self) -> None:
        self._retired = True
        self.look()

    async def give_way(self) -> None:
        """End the process; the next picture asks for a place again."""
        worker, self.worker = self.worker, None
        if worker is not None:
            await worker.end()
        self._pool.left(self)

    async def close(self) -> None:
        self._working.cancel()
        await asyncio.gather(self._working, return_exceptions=True)
        await self.give_way()

    async def _work(self) -> None:
        while True:
            if self.waits == 0:
                await self._rest()
            elif self.worker is None:
                await self._begin()
            else:
                await self._send()
                await self._wait()
                if self.worker is not None and self.worker.is_gone:
                    await self._after_death(self.worker)

    async def _rest(self) -> None:
        """Until something is asked; the process ends when nothing was for long, or what it was asked by means another one by now."""
        self._pool.changed()
        self._look.clear()
        if self.worker is None:
            await self._look.wait()
        elif self._retired or self.worker.is_gone:
            await self.give_way()
        else:
            try:
                async with asyncio.timeout(self._settings.serving_idle_s):
                    await self._look.wait()
            except TimeoutError:
                if self.waits == 0:
                    await self.give_way()

    async def _begin(self) -> None:
        await self._pool.place_for(self)
        for last in (False, True):
            try:
                self.worker = await Worker.start(
                    self._settings, self._folder, answered=self._answered, ended=lambda worker: self.look()
                )
                self._since, self.ready = time.monotonic(), self.worker.ready
                return
            except (Died, TimeoutError) as error:
                why = str(error) or "it took too long to load the model"
                logger.warning("the process that serves %s ended while it loaded: %s", self._label, why)
                if last:
                    self._fail_all(why)
            except CannotLoad as error:
                self._fail_all(str(error))
                break
        self._pool.left(self)

    async def _send(self) -> None:
        """Hand over what may be; one alone where one of them may have ended a process."""
        gives_way = self._pool.someone_waits and time.monotonic() - self._since > TURN_S
        if gives_way and not self._in_flight:
            await self.give_way()
            return
        while (worker := self.worker) is not None and not worker.is_gone and not gives_way:
            queue = self._suspects or self._waiting
            is_alone = bool(self._suspects) or any(job.tries for job in self._in_flight.values())
            if not queue or len(self._in_flight) >= (1 if is_alone else IN_FLIGHT):
                return
            job = queue.popleft()
            if job.answer.done():  # nobody waits for it any more
                self._note_queue(-1)
                continue
            number = next(self._numbers)
            job.sent_at = time.monotonic()
            self._in_flight[number] = job
            picture, servable = job.picture, job.servable
            asked = Asked(
                id=number,
                name=picture.name,
                length=None if picture.content is None else len(picture.content),
                path=None if picture.path is None else str(picture.path),
                threshold=servable.threshold,
                pixel_threshold=servable.pixel_threshold,
                draw=picture.draw,
                which=list(picture.which),
                nearest=picture.nearest,
            )
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await worker.ask(asked, picture.content)
            except TimeoutError:  # it reads nothing any more
                worker.kill()

    async def _wait(self) -> None:
        """For an answer, another picture, or the end of the process; one that hangs over a picture is ended."""
        if self.worker is None:
            return
        now = time.monotonic()
        oldest = min((job.sent_at for job in self._in_flight.values()), default=now)
        left = max(oldest, self._heard_at) + PATIENCE_S - now
        try:
            async with asyncio.timeout(min(max(left, 0.01), TURN_S)):
                await self._look.wait()
        except TimeoutError:
            if self._in_flight and left <= 0:
                logger.warning("the process that serves %s hangs; it is ended", self._label)
                self.worker.kill()
                while not self.worker.is_gone:
                    self._look.clear()
                    await self._look.wait()
        self._look.clear()

    def _answered(self, answered: Answered) -> None:
        job = self._in_flight.pop(answered.id, None)
        if job is None:
            return
        self._note_queue(-1)
        took = time.monotonic() - job.sent_at
        self._seconds += 0.1 * (took / max(answered.batch, 1) - self._seconds)
        self._pool.metrics.prediction(
            "broken" if answered.broken else "failed" if answered.failed else "judged",
            seconds=time.monotonic() - job.taken_at,
        )
        if not job.answer.done():
            job.answer.set_result(answered)
        self.used_at = self._heard_at = time.monotonic()
        self.look()

    async def _after_death(self, worker: Worker) -> None:
        why = await worker.why()
        lost = [self._in_flight.pop(number) for number in sorted(self._in_flight)]
        logger.warning("the process that serves %s ended over %d pictures: %s", self._label, len(lost), why)
        for job in reversed(lost):
            job.tries += 1
            if job.tries > 1:
                self._fail(job, f"{why}; twice while it had this picture")
            else:
                self._suspects.appendleft(job)
        await self.give_way()

    def _fail_all(self, why: str) -> None:
        for job in [*self._in_flight.values(), *self._suspects, *self._waiting]:
            self._fail(job, why)
        for queue in (self._in_flight, self._suspects, self._waiting):
            queue.clear()

    def _fail(self, job: _Job, why: str) -> None:
        self._note_queue(-1)
        self._pool.metrics.predictions("failed", 1)
        if not job.answer.done():
            job.answer.set_exception(NotServed(job.servable.label, why))

    def _note_queue(self, change: int) -> None:
        self._pool.metrics.serving_waits(change)
