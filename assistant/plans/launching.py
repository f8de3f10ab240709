"""An approved plan becomes a run; nothing else does."""

from typing import Any

from assistant.data.datasets import Datasets
from assistant.plans.estimates import count_work
from assistant.plans.plan import Plan
from assistant.plans.proposals import Proposals
from assistant.runs.queue import Queue
from assistant.store.tables import ProposalRow, RunRow
from engine.contract.jobs import read_job


async def launch(datasets: Datasets, proposals: Proposals, runs: Queue, row: ProposalRow) -> RunRow:
    """Queue the run of an approved plan. However often it is called, a plan has one run.

    Raises:
        DatasetError: the data set is gone.
        OSError: the run's folder cannot be written.
    """
    assert row.state == "approved", row.state
    facts = await datasets.facts(row.dataset)
    job = read_job(row.spec)
    run = await runs.add(
        job,
        data_path=facts.path,
        conversation=row.conversation,
        key=f"{row.conversation}/{row.id}",
        estimate_s=count_work(job, facts),
        fingerprint=row.fingerprint or facts.fingerprint,
    )
    await proposals.note_run(row.id, run.id)
    return run


async def launch_unstored(runs: Queue, plan: Plan) -> RunRow:
    """Queue the run of a plan that a person approved where no plan is stored: on the command line."""
    return await runs.add(
        plan.spec,
        data_path=plan.facts.path,
        estimate_s=count_work(plan.spec, plan.facts),
        fingerprint=plan.facts.fingerprint,
    )


async def what_started(runs: Queue, run: RunRow) -> dict[str, Any]:
    """What is told of a run that was just started, as facts."""
    return {
        "run": run.id,
        "state": run.state,
        "waits_for": await runs.waits_for(run),
        "dataset": run.dataset,
        "model": run.subject,
        "settings": run.spec,
    }
