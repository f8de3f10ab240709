"""How long a run will take: its kind's count of the work, corrected by how long earlier runs on this machine took."""

import statistics
from collections.abc import Sequence

from assistant.frames import Estimate
from assistant.kinds import kind_of
from assistant.runs.took import took
from assistant.store.tables import RunRow
from engine.contract.data import DataFacts
from engine.contract.jobs import Job

RECENT = 5  # runs that correct it: the count of those before may have been another version's


def expected(job: Job, facts: DataFacts, finished: Sequence[RunRow]) -> Estimate:
    """Seconds that the job will take, given the facts of its data set and the finished runs of this machine, the newest first."""
    ratios = [
        seconds / run.estimate_s
        for run in finished
        if run.subject == job.subject and run.estimate_s and (seconds := took(run))
    ][:RECENT]
    return Estimate(seconds=count_work(job, facts) * (statistics.median(ratios) if ratios else 1.0), basis=len(ratios))


def count_work(job: Job, facts: DataFacts) -> float:
    """The uncorrected count, in seconds."""
    return kind_of(job.kind).work(job, facts)
