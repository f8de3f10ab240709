"""Tool: judge all images of a data set, or of a folder, by a model."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.data.datasets import DatasetError
from assistant.data.names import looks_like_path
from assistant.models.serving.folder_job import FolderJob, NoPictures, names_inside
from assistant.models.serving.not_judged import NotJudged
from assistant.runs.place import RunElsewhere
from assistant.runs.results import NoResults
from assistant.store.tables import SUCCEEDED
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.registered import model_meant

TRAITS = Traits(asks_on="card", rather=SUCCEEDED)
AT_ONCE = 100  # images that are judged without a question
REASONS = 3  # for which images could not be judged that are told, the commonest
NAMED = 5  # images of those called defective that are named, the highest scores first


async def judge_images(
    ctx: RunContext[Desk],
    run: str | None = None,
    registered: str | None = None,
    dataset: str | None = None,
) -> dict[str, Any]:
    """Judge all images of a registered data set, or of a folder on this machine, by the champion of a registered model or by a finished run, at
    the threshold in force. Nothing is trained. Where there are many images the user is asked first.

    Args:
        run: id of a finished run, such as r12; left out: the champion of a registered model, or the last run.
        registered: name of a registered model, such as panels.
        dataset: name of the data set whose images are judged, or the path of a folder.
    """
    desk = ctx.deps
    if dataset is None:
        raise desk.refuse("no_images", "which images: name a registered data set or a folder")
    try:
        if dataset in await desk.datasets.names() or not looks_like_path(dataset):
            path = Path((await desk.datasets.get(dataset)).path)
            names = [image.name for image in await desk.datasets.images(dataset)]  # masks are no images to judge
        else:
            path, names = await asyncio.to_thread(_inside, dataset)
    except DatasetError as error:
        raise desk.refuse_input(error) from None
    except NoPictures as error:
        raise desk.refuse("no_images_there", str(error), folder=dataset) from None
    meant = await _model_meant(desk, run, registered, dataset)
    try:
        reference = (
            await desk.predictions.resolve(meant)
        ).label  # one version throughout, whatever is promoted meanwhile
    except (NoResults, RunElsewhere) as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    asked = {"model": reference, "images": len(names), "of": dataset}
    if len(names) > AT_ONCE and not ctx.tool_call_approved:
        raise ApprovalRequired(metadata=asked)
    verdicts: Counter[str] = Counter()
    not_judged = NotJudged()
    defective: list[tuple[float, str]] = []
    try:
        job = FolderJob(desk.predictions, reference, path, who="chat", draw=True, only=frozenset(names))
        async for told in job.told():
            if not_judged.add(told) is not None:
                continue
            verdict = str(told["verdict"])
            verdicts[verdict] += 1
            if verdict == "defective":
                defective.append((told["score"], told["name"]))
    except (NoResults, RunElsewhere) as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    named = [name for _, name in sorted(defective, reverse=True)[:NAMED]]
    reasons = not_judged.told()[:REASONS]
    unread = not_judged.count
    return {**asked, "verdicts": dict(verdicts.most_common()), "unread": unread, "reasons": reasons, "highest": named}


def _inside(folder: str) -> tuple[Path, list[str]]:
    path = Path(os.path.expanduser(folder))  # which never fails
    return path, names_inside(path)


async def _model_meant(desk: Desk, run: str | None, registered: str | None, dataset: str) -> str:
    """A finished run, or a registered model: by its name, or the one of this data."""
    if run is not None:
        return (await desk.run(run, rather=SUCCEEDED)).id
    models = await desk.models.registry.list()
    if not models and registered is None:
        return (await desk.run(None, rather=SUCCEEDED)).id
    known = {version.facts.dataset for model in models for version in model.versions}
    return (await model_meant(desk, registered or (dataset if dataset in known else None))).row.name
