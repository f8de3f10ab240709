"""Runs as jobs of a Slurm cluster, by its own commands: sbatch, squeue, scontrol, scancel. No accounting database is needed.

Slurm places and queues them by the CPUs and GPUs that they ask for. It tries nothing again, which is the supervisor's affair. A job is
found by its name, among those of the user that the server runs as. Slurm forgets an ended job after a while (MinJobAge, five minutes
unless it was changed): what the attempt itself reported counts then, and counts more before.
"""

import asyncio
import math
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assistant.machine.engine_environment import inherited
from assistant.runs.elsewhere import Names, gpus_of, node_command, node_environment
from assistant.runs.executors import (
    Executor,
    Exited,
    Lost,
    Order,
    Pending,
    Running,
    Status,
    Unknown,
    Unreachable,
    order_parts,
)
from assistant.runs.files import RunFiles
from assistant.runs.last_word import LOG_BYTES, log_tail
from assistant.runs.rest import MOST_SAID, NoAnswer
from assistant.settings import SettingError, Settings
from engine.contract.plain_files import read_end

ANSWER_WITHIN_S = 30
LOOKS_EVERY_S = 1.0  # at the jobs of all runs at once: a controller that is asked too often is slow for everybody
AROUND_S = 3600  # what a job may take beside the time limit of its training: data are fetched, files are sent
COLUMNS = "JobID:|,State:|,NodeList:200|,Reason:200|,Name:200"
OF_SLURM = ("SLURM_CONF", "SLURM_JWT")  # of the server's environment, for its commands
WAITS = ("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD")
GONE = ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED")
ENDS = {"CANCELLED": "cancelled", "TIMEOUT": "limit", "DEADLINE": "limit"}
OWN_END = ("COMPLETED", "FAILED")
OUT_OF_MEMORY = "OUT_OF_MEMORY"
SIGNALS = {each.value for each in signal.Signals}


def open_executor(settings: Settings, files: RunFiles) -> Executor:
    """
    Raises:
        SettingError: its further options cannot be read.
    """
    try:
        options = shlex.split(settings.slurm_options)
    except ValueError as error:
        raise SettingError(
            f"MURASCOPE_SLURM_OPTIONS is {settings.slurm_options!r}, which no shell could read ({error}); "
            "write options of sbatch, such as --account=vision --constraint=a100"
        ) from None
    return SlurmExecutor(settings, files, options)


@dataclass(frozen=True)
class Job:
    number: int
    state: str
    nodes: str
    why: str

    @property
    def told(self) -> str:
        return f"Slurm says {self.state} ({self.why}) of job {self.number}"

    @property
    def is_over(self) -> bool:
        return self.state in (*GONE, *ENDS, *OWN_END, OUT_OF_MEMORY)


class SlurmExecutor:
    shares_disk = False

    def __init__(self, settings: Settings, files: RunFiles, options: Sequence[str]):
        """
        Args:
            options: further ones of sbatch; they go before ours.
        """
        self._settings, self._files, self._options, self._names = settings, files, list(options), Names(settings)
        self._turn = asyncio.Lock()
        self._seen: dict[str, list[Job]] = {}  # by their names, the first one first
        self._seen_at = -math.inf

    async def devices(self) -> Sequence[str]:
        return ()

    async def ready(self, order: Order) -> None:
        """
        Raises:
            OSError: nobody can be asked.
        """
        await self._jobs_of(order.id)

    async def submit(self, order: Order) -> None:
        """A second job of the same name waits until the first has ended, and is taken back before that.

        Raises:
            OSError: Slurm did not take it.
        """
        script = f"#!/bin/sh\nexec {shlex.join(node_command(order, self._settings))}\n"
        if await self._jobs_of(order.id, anew=True):
            return
        await _call("sbatch", *self._asks(order), given=script, told=node_environment(order, self._settings))
        with suppress(NoAnswer):  # it is submitted
            await self._cancel((await self._jobs_of(order.id, anew=True))[1:])

    async def status(self, order: str) -> Status:
        try:
            jobs = await self._jobs_of(order)
            return await self._read(jobs[0]) if jobs else Unknown()
        except NoAnswer as error:
            return Unreachable(str(error))

    async def cancel(self, order: str, *, grace_s: float) -> None:
        """Slurm asks every process of the job, and kills what is left after a time of its own (KillWait).

        Raises:
            OSError: nobody could be asked.
        """
        await self._cancel(await self._jobs_of(order, anew=True))
        self._seen_at = -math.inf

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        """What the training printed, as far as it was reported, and then what its job printed where that file is seen here."""
        printed = [*await asyncio.to_thread(log_tail, self._files.folder(order_parts(order)[0]), lines)]
        with suppress(OSError):
            for job in (await self._jobs_of(order))[:1]:
                end = await asyncio.to_thread(read_end, Path(_word("StdOut", await self._about(job))), LOG_BYTES)
                printed += end.decode(errors="replace").splitlines()
        return printed[-lines:]

    def _asks(self, order: Order) -> list[str]:
        """The options of sbatch. Where one stands twice the last one counts."""
        asks = {
            "job-name": self._names.of(order.id),
            "partition": self._settings.slurm_partition,
            "cpus-per-task": math.ceil(self._settings.run_cpus),
            "gres": f"gpu:{gpus}" if (gpus := gpus_of(order, self._settings)) else None,
            "time": math.ceil((order.limit_s + AROUND_S) / 60) if order.limit_s is not None else None,  # minutes
            "dependency": "singleton",
            "chdir": "/",
            "output": "/dev/null",
            "export": "ALL",  # of what is told to sbatch
        }
        told = [f"--{name}={value}" for name, value in asks.items() if value is not None]
        return ["--parsable", "--no-requeue", "--ntasks=1", *told, *self._options]

    async def _jobs_of(self, order: str, *, anew: bool = False) -> list[Job]:
        """The jobs with the name of that attempt: one, unless two servers submitted it at the same moment.

        Raises:
            NoAnswer
        """
        async with self._turn:
            if anew or time.monotonic() - self._seen_at > LOOKS_EVERY_S:
                told = await _call("squeue", "--me", "--states=all", "--noheader", f"--Format={COLUMNS}")
                self._seen, self._seen_at = _read_jobs(told), time.monotonic()
            return self._seen.get(self._names.of(order), [])

    async def _cancel(self, jobs: Sequence[Job]) -> None:
        """
        Raises:
            NoAnswer
        """
        if goes_on := [str(job.number) for job in jobs if not job.is_over and job.state != "COMPLETING"]:
            await _call("scancel", "--quiet", *goes_on)

    async def _read(self, job: Job) -> Status:
        if job.state in WAITS:
            return Pending(job.why)
        if job.state in GONE:
            return Lost(job.told)
        if job.state in ENDS:
            return Exited(None, ENDS[job.state])
        if job.state == OUT_OF_MEMORY:
            return Exited(-signal.SIGKILL)
        if job.state in OWN_END:
            return await self._how_it_ended(job)
        return Running(job.nodes or None)

    async def _how_it_ended(self, job: Job) -> Status:
        code, _, by_signal = _word("ExitCode", await self._about(job)).partition(":")
        if by_signal in ("", "0"):
            return Exited(int(code))
        if int(by_signal) not in SIGNALS:  # Slurm has numbers of its own, such as 53 for a job that it could not launch
            return Lost(job.told)
        return Exited(-int(by_signal))

    async def _about(self, job: Job) -> str:
        return await _call("scontrol", "--oneliner", "show", "job", str(job.number))


def _read_jobs(told: str) -> dict[str, list[Job]]:
    jobs: dict[str, list[Job]] = {}
    for line in told.splitlines():
        words = [word.strip() for word in line.split("|", COLUMNS.count(","))]
        if len(words) > COLUMNS.count(","):  # else it is a piece of somebody's name
            number, state, nodes, why, name = words
            jobs.setdefault(name, []).append(Job(int(number), state, nodes, why))
    return {name: sorted(each, key=lambda job: job.number) for name, each in jobs.items()}


def _word(name: str, told: str) -> str:
    """
    Raises:
        NoAnswer: scontrol says nothing of it.
    """
    found = re.search(rf"(?:^|\s){name}=(\S+)", told)
    if found is None:
        raise NoAnswer(f"Slurm tells no {name} of a job")
    return found[1]


async def _call(*command: str, given: str = "", told: dict[str, str] | None = None) -> str:
    """What one of Slurm's commands says, in an environment without our keys: sbatch hands on what it finds there.

    Raises:
        NoAnswer: it is not installed, the controller does not answer, or it refuses.
    """
    slurm = {name: value for name in OF_SLURM if (value := os.environ.get(name))}
    environment = {**inherited(fetches=True), **slurm, **(told or {})}
    return await asyncio.to_thread(_called, command, given, environment)


def _called(command: Sequence[str], given: str, environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command, input=given, env=environment, capture_output=True, text=True, errors="replace",
            timeout=ANSWER_WITHIN_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"Slurm does not answer {command[0]} within {ANSWER_WITHIN_S} s") from None
    except OSError as error:
        raise NoAnswer(f"{command[0]} of Slurm cannot be called here: {error.strerror}") from None
    if done.returncode != 0:
        raise NoAnswer(f"{command[0]} of Slurm says: {done.stderr.strip()[-MOST_SAID:]}")
    return done.stdout
