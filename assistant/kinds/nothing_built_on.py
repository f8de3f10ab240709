"""For kinds of runs that build on no earlier run: nothing is filled in, no setting names a data set, and each does what it says."""

from collections.abc import Mapping
from typing import Any

from assistant.data.facts import NamedFacts
from assistant.kinds import Built
from assistant.runs.queue import Queue
from engine.contract.jobs import Job


async def build_on(
    runs: Queue, *, facts: NamedFacts, model: str, chosen: dict[str, Any], wishes: Mapping[str, Any]
) -> Built:
    return Built(chosen)


async def dataset_of(runs: Queue, asked: Mapping[str, Any], *, otherwise: str | None) -> str | None:
    return otherwise


def like_of(asked: Mapping[str, Any]) -> str | None:
    return None


def without_effect(job: Job) -> set[str]:
    return set()
