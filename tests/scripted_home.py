"""A home as a scripted conversation wants it (tests/assistant/conversations/README.md): its data sets, its runs, and the conversation itself."""

import json
import struct
from functools import partial
from pathlib import Path
from typing import Any

from assistant.chat.conversation import Conversation
from assistant.data.datasets import folder_stamp
from assistant.frames import RunItem
from assistant.state import with_run
from assistant.store.tables import DatasetRow, RunRow, now
from assistant.workspace import Workspace
from engine.contract.events import Epoch, Event, EventLog, Failed, Finished, Stage, Started, Stopped
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, make_job
from engine.contract.results.detect import DetectResults, OfType
from prompts.languages import Language
from tests.data_facts import stored_facts
from tests.stored_runs import LIMIT, card, inspected, measured, write_evaluation, write_model

FINGERPRINT = "f"  # of the pictures
BACKBONES = ("mobilenetv2_100", "resnet18")  # whose weights are there: those that the scripts name
SECONDS = 95.0  # that a finished training took
Described = dict[str, Any]


async def prepare(workspace: Workspace, home: Described, *, language: Language, folder: Path) -> Conversation:
    """Register the data sets under `folder`, put the runs there, and open a conversation that has spoken of those it should."""
    workspace.settings.weights_folder.mkdir(parents=True, exist_ok=True)
    for name in BACKBONES:
        (workspace.settings.weights_folder / f"{name}.safetensors").touch()
    for name, data in home["datasets"].items():
        await _register(workspace, name, data, folder / name)
    conversation = await workspace.conversations.create(language)
    spoken_of = home.get("spoken_of", [])
    for run in home["runs"]:
        spoken = conversation.id if run["id"] in spoken_of else None
        await _put_run(workspace, run, home["datasets"][run["dataset"]], folder / run["dataset"], conversation=spoken)
    for run in reversed(spoken_of):
        await conversation.transcript.show(f"run-{run}", RunItem(run=run))
        await conversation.memory.change(partial(with_run, run=run))
    return conversation


async def _register(workspace: Workspace, name: str, data: Described, folder: Path) -> None:
    folder.mkdir()
    types, good = data["defective"], data["good"]
    defective = sum(types.values())
    facts = stored_facts(
        path=str(folder),
        train_good=good,
        test_good=data["test_good"],
        test_defective=defective,
        defect_types=types,
        masks=defective,
        sizes=[[256, 256, good + data["test_good"] + defective]],
        modes={"RGB": good + data["test_good"] + defective},
    )
    row = DatasetRow(
        name=name, path=str(folder), layout="mvtec", origin="demo", facts=facts, images=[], stamp=folder_stamp(folder)
    )
    async with workspace.database.session() as session:
        session.add(row)


async def _put_run(
    workspace: Workspace, run: Described, data: Described, folder: Path, *, conversation: str | None
) -> None:
    job = make_job("detect", run["dataset"], run["model"])
    results = _results(run, data) if run["state"] == "succeeded" else None
    metrics = results.metrics.metrics if results else None
    began = None if run["state"] == "queued" else now()
    async with workspace.database.session() as session:
        session.add(
            RunRow(
                id=run["id"],
                number=int(run["id"][1:]),
                kind=job.kind,
                executor=workspace.settings.executor,
                home=workspace.runs.place.home,
                host=workspace.runs.place.host,
                state=run["state"],
                conversation=conversation,
                dataset=job.dataset,
                data_path=str(folder),
                subject=job.subject,
                spec=job.model_dump(mode="json"),
                fingerprint=FINGERPRINT,
                metrics=metrics,
                reason=run.get("reason"),
                hint=run.get("hint"),
                worked_s=SECONDS if results else None,
                started_at=began,
                finished_at=now() if run["state"] in ("succeeded", "failed", "stopped") else None,
            )
        )
    here = workspace.runs.folder(run["id"])
    here.mkdir(parents=True)
    RunFolder(here).write_job(job)
    if run["state"] != "queued":
        log = EventLog(here)
        for event in _events(run, job, metrics):
            log.append(event)
        log.close()
    if results is not None:
        write_evaluation(here, results)
        write_model(here, card(job, fingerprint=FINGERPRINT))
    if "checkpoint_epoch" in run:
        _write_checkpoint(here, run["checkpoint_epoch"])


def _events(run: Described, job: Job, metrics: dict[str, float | None] | None) -> list[Event]:
    stages = job.stages()
    events: list[Event] = [Started(model=run["model"], dataset=run["dataset"]), Stage(name="loading", stages=stages)]
    at = run.get("progress") or ({"epoch": run["checkpoint_epoch"]} if "checkpoint_epoch" in run else None)
    if at is not None:
        events.append(Stage(name="training", stages=stages))
        epochs = at.get("epochs", job.all_epochs or at["epoch"])
        left = at.get("seconds_left")
        events.append(Epoch(epoch=at["epoch"], epochs=epochs, loss=0.4, lr=1e-3, best=True, eta_s=left))
    match run["state"]:
        case "succeeded":
            events.append(Finished(metrics=metrics or {}, seconds={"total": SECONDS}))
        case "failed":
            events.append(Failed(code="memory", reason=run["reason"], hint=run["hint"]))
        case "stopped":
            events.append(Stopped(stage="training"))
    return events


def _results(run: Described, data: Described) -> DetectResults:
    """What a run on these data measured that has these figures; its rows count as the figures do."""
    told, missed = run["metrics"], run["missed"]
    good = [LIMIT + 0.1] * told["false_alarms"] + [LIMIT - 0.3] * (data["test_good"] - told["false_alarms"])
    scores = [("good", number, score) for number, score in enumerate(good)]
    for name, count in data["defective"].items():
        of_type = [LIMIT - 0.2] * missed[name] + [LIMIT + 0.3] * (count - missed[name])
        scores += [(name, number, score) for number, score in enumerate(of_type)]
    rows = [
        inspected(at, f"test/{name}/{number:03}.png", score, defect_type=None if name == "good" else name)
        for at, (name, number, score) in enumerate(scores)
    ]
    defective = sum(data["defective"].values())
    auroc = told["image_auroc"]
    metrics: dict[str, float | None] = {
        "image_auroc": auroc,
        "image_aupr": auroc,
        "pixel_auroc": None,
        "pixel_aupr": None,
        "recall": 1 - told["missed"] / defective,
        "escape_rate": told["missed"] / defective,
        "overkill": told["false_alarms"] / data["test_good"],
        "missed": told["missed"],
        "false_alarms": told["false_alarms"],
    }
    results = measured(rows, metrics=metrics)
    per_type = {
        name: OfType(count=count, found=count - missed[name], missed=missed[name], image_auroc=auroc)
        for name, count in data["defective"].items()
    }
    figures = results.metrics.model_copy(
        update={
            "per_defect_type": per_type,
            "counts": {"test_good": data["test_good"], "test_defective": defective, "broken": 0},
            "intervals": {"image_auroc": (round(max(auroc - 0.05, 0), 3), round(min(auroc + 0.03, 1), 3))},
        }
    )
    return results.model_copy(update={"metrics": figures})


def _write_checkpoint(run: Path, epoch: int) -> None:
    """The head of a checkpoint, which says how far it got; it holds no weights."""
    header = json.dumps({"__metadata__": {"progress": json.dumps({"position": {"epoch": epoch}})}}).encode()
    path = RunFolder(run).checkpoint
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)
