"""An approved plan becomes a run, or a group of runs; nothing else does."""

from typing import Any

from assistant.data.datasets import Datasets
from assistant.plans.estimates import count_work
from assistant.plans.group import Approved
from assistant.plans.plan import Plan
from assistant.plans.proposals import Proposals
from assistant.runs.groups import Groups
from assistant.runs.queue import Becomes, Queue
from assistant.store.tables import GroupRow, ProposalRow, RunRow
from engine.contract.jobs import Job, flat_settings, read_job


async def launch(
    datasets: Datasets, proposals: Proposals, runs: Queue, groups: Groups, row: ProposalRow
) -> RunRow | GroupRow:
    """Queue the run of an approved plan, or begin its group of runs. However often it is called, a plan has one.

    Raises:
        DatasetError: the data set is gone.
        OSError: the run's folder cannot be written.
    """
    assert row.state == "approved", row.state
    key = f"{row.conversation}/{row.id}"
    if row.group is not None:
        group = await begin(groups, Approved.model_validate(row.group), conversation=row.conversation, key=key)
        await proposals.note_run(row.id, group.id)
        return group
    facts = await datasets.facts(row.dataset)
    job = read_job(row.spec)
    run = await runs.add(
        job,
        data_path=facts.path,
        conversation=row.conversation,
        key=key,
        estimate_s=count_work(job, facts),
        fingerprint=row.fingerprint or facts.fingerprint,
        becomes=await next_version(runs, job, who="chat"),
    )
    await proposals.note_run(row.id, run.id)
    return run


async def launch_unstored(runs: Queue, plan: Plan, *, who: str, name: str | None = None) -> RunRow:
    """Queue the run of a plan that a person approved where no plan is stored: on the command line, or from Python. It becomes a version of
    the model `name` where one is given."""
    return await runs.add(
        plan.spec,
        data_path=plan.facts.path,
        estimate_s=count_work(plan.spec, plan.facts),
        fingerprint=plan.facts.fingerprint,
        becomes=Becomes(name, who) if name else await next_version(runs, plan.spec, who=who),
    )


async def next_version(runs: Queue, job: Job, *, who: str) -> Becomes | None:
    """What extends a version of a model becomes its next version; of two models' it is not known which."""
    before = flat_settings(job).get("learns_on")
    if before is None:
        return None
    models = {reference.rpartition("@")[0] for reference in await runs.registered_as(str(before))}
    return Becomes(models.pop(), who) if len(models) == 1 else None


async def begin(
    groups: Groups, approved: Approved, *, conversation: str | None = None, key: str | None = None
) -> GroupRow:
    """Begin the group of runs that a person approved; the same `key` twice gives the same group."""
    job, group = read_job(approved.base.job), approved.group
    return await groups.add(
        group.sort,
        plan=approved.model_dump(mode="json"),
        dataset=job.dataset,
        subject=job.subject,
        budget_s=group.minutes * 60 if group.minutes is not None else None,
        conversation=conversation,
        key=key,
    )


async def what_started(runs: Queue, run: RunRow | GroupRow) -> dict[str, Any]:
    """What is told of a run that was just started, or of a group of runs, as facts."""
    paused = await runs.paused_since() is not None
    if isinstance(run, GroupRow):
        trials = len(run.plan["trials"]) or run.plan["group"]["most"]
        return {
            "group": run.id,
            "sort": run.sort,
            "trials": trials,
            "paused": paused,
            "dataset": run.dataset,
            "model": run.subject,
        }
    return {
        "run": run.id,
        "state": run.state,
        "waits_for": await runs.waits_for(run),
        "paused": paused,
        "dataset": run.dataset,
        "model": run.subject,
        "settings": run.spec,
    }
