"""Who tells of results asks the run's state first, and takes no file that is not what was written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.frames import AssistantItem, HeatmapsItem, Say
from assistant.kinds.detect.findings import finding, normal_named
from assistant.kinds.detect.gallery import gallery
from assistant.kinds.summary import run_facts
from assistant.runs.results import NoResults, evaluation_of, load
from assistant.runs.took import took
from assistant.store.tables import RunRow
from assistant.telling.runs import sentences_of_run, summary_of
from assistant.workspace import Workspace
from engine.contract.checksums import LIST
from engine.contract.events import EventLog, Failed, Finished, Started
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.results.detect import DetectResults
from prompts.reasons import reason_in
from tests import stored_runs

pytestmark = pytest.mark.anyio

METRICS: dict[str, float | None] = {**stored_runs.METRICS, "image_auroc": 0.979, "image_aupr": 0.9}
REASON, HINT = "the training process was killed by signal 9 (SIGKILL)", "start the run again"


async def ended(workspace: Workspace, state: str, conversation: str | None = None, *, checked: bool = True) -> RunRow:
    """A run that wrote its evaluation, and then ended in that state."""
    row = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/d", conversation=conversation)
    folder = workspace.runs.folder(row.id)
    log = EventLog(folder)
    log.append(Started(model="patchcore", dataset="oled"))
    results = stored_runs.measured(metrics=METRICS)
    stored_runs.write_evaluation(
        folder, results, findings={1: stored_runs.finding(nearest=["a.png"])}, is_sealed=checked
    )
    if state == "succeeded":
        log.append(Finished(metrics={"image_auroc": 0.979}, seconds={"total": 1.0}))
    elif state == "failed":
        log.append(Failed(code="killed", reason=REASON, hint=HINT))
    log.close()
    await workspace.runs.claim_one(row.id)
    if state != "running":
        why = {"reason": REASON, "hint": HINT} if state == "failed" else {"metrics": METRICS}
        await workspace.runs.end(row.id, state, **why)
    return await workspace.runs.get(row.id)


READERS: list[Callable[[RunRow, Path], object]] = [
    lambda row, folder: load(row, folder, DetectResults),
    evaluation_of,
    run_facts,
    lambda row, folder: summary_of(row.kind, sentences_of_run(row, folder, "en"), "en"),
    lambda row, folder: finding(row, folder, 1),
    lambda row, folder: normal_named(row, folder, index=1, region=0, rank=0),
]


@pytest.mark.parametrize("state", ["failed", "stopped", "running", "queued"])
@pytest.mark.parametrize("read", READERS)
async def test_what_a_run_left_behind_that_did_not_end_well_is_no_result(
    workspace: Workspace, state: str, read: Callable[[RunRow, Path], object]
) -> None:
    row = await ended(workspace, "running" if state == "queued" else state)
    row.state = state
    with pytest.raises(NoResults) as refused:
        read(row, workspace.runs.folder(row.id))
    assert refused.value.code == {"running": "unfinished", "queued": "unfinished"}.get(state, state)
    assert state != "failed" or REASON in str(refused.value)


async def test_a_run_whose_log_ends_well_has_results_before_the_database_has_heard_of_it(workspace: Workspace) -> None:
    row = await ended(workspace, "succeeded")
    row.state, row.worked_s, row.finished_at = "running", None, None
    folder = workspace.runs.folder(row.id)
    assert load(row, folder, DetectResults).metrics.metrics["image_auroc"] == 0.979
    assert took(row, folder) is not None


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("how good is r1?", REASON),
        ("show the missed defects of r1", REASON),
        ("show the heatmaps of r1", REASON),
        ("r1 결과 요약해줘", reason_in("ko", REASON)),
        ("总结 r1 的结果", reason_in("zh", REASON)),
    ],
)
async def test_a_failed_run_is_told_as_failed_with_its_reason_and_without_figures_or_gallery(
    workspace: Workspace, asked: str, reason: str
) -> None:
    conversation = await workspace.conversations.create("en")
    await ended(workspace, "failed", conversation.id)
    await conversation.receive(Say(text=asked), "en")
    await conversation.finish()
    items = [item for _, _, item in await conversation.items()]
    said = "\n".join(item.text for item in items if isinstance(item, AssistantItem))
    assert reason in said
    assert "0.979" not in said
    assert not any(isinstance(item, HeatmapsItem) for item in items)


async def test_a_run_that_ended_well_is_told_with_its_figures(workspace: Workspace) -> None:
    row = await ended(workspace, "succeeded")
    folder = workspace.runs.folder(row.id)
    assert "0.979" in summary_of(row.kind, sentences_of_run(row, folder, "en"), "en").text
    shown = gallery(row, folder, which="missed", count=9)
    assert ([image.name for image in shown.images], shown.total) == (["test/scratch/c.png"], 1)


EVALUATION = RunFolder(Path()).evaluation
FILES = [
    str(path.relative_to(EVALUATION.path)) for path in (EVALUATION.metrics, EVALUATION.scores, EVALUATION.finding(1))
]


def read_all(row: RunRow, folder: Path) -> None:
    load(row, folder, DetectResults)
    finding(row, folder, 1)
    summary_of(row.kind, sentences_of_run(row, folder, "en"), "en")


@pytest.mark.parametrize("name", FILES)
async def test_a_bit_that_flipped_anywhere_in_a_file_is_told_by_the_files_name(workspace: Workspace, name: str) -> None:
    row = await ended(workspace, "succeeded")
    folder = workspace.runs.folder(row.id)
    path = folder / EVALUATION.path / name
    whole = path.read_bytes()
    read_all(row, folder)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        with pytest.raises(NoResults) as refused:
            read_all(row, folder)
        assert (refused.value.code, refused.value.values["file"]) == ("damaged", str(EVALUATION.path / name))


@pytest.mark.parametrize("name", [*FILES, LIST])
@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize(
    "kind", ["empty", "cut", "not_utf8", "folder", "nan", "infinity", "wrong_types", "list", "deep", "columns", "nul"]
)
async def test_a_damaged_file_is_refused_in_words_whatever_is_wrong_with_it(
    workspace: Workspace, name: str, kind: str, checked: bool
) -> None:
    row = await ended(workspace, "succeeded", checked=checked)
    folder = workspace.runs.folder(row.id)
    path = folder / EVALUATION.path / name
    if name == LIST and not checked:
        RunFolder(folder).evaluation.seal()
    text = path.read_text()
    other = {
        "cut": text[: len(text) // 2],
        "nan": text.replace("0.9", "NaN"),
        "infinity": text.replace("0.9", "Infinity"),
        "wrong_types": text.replace("0.9", '"x"'),
        "list": "[1, 2]",
        "deep": "[" * 100_000,
        "columns": text.replace("score", "sc0re").replace("metrics", "m"),
        "nul": text.replace(",", "\0", 1),
    }
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"" if kind == "empty" else b"\xff\xfe\xb0" if kind == "not_utf8" else other[kind].encode())
    harmless = path.is_file() and path.read_text(errors="replace") == text
    if harmless:
        read_all(row, folder)
        return
    with pytest.raises(NoResults) as refused:
        read_all(row, folder)
    assert refused.value.code == "damaged"
    assert name == LIST or path.name in str(refused.value)


async def test_results_from_before_there_were_checksums_are_read(workspace: Workspace) -> None:
    row = await ended(workspace, "succeeded", checked=False)
    assert load(row, workspace.runs.folder(row.id), DetectResults).metrics.threshold.image == 0.5


async def test_the_end_of_a_run_whose_results_are_damaged_is_told_with_the_files_name(workspace: Workspace) -> None:
    conversation = await workspace.conversations.create("ko")
    row = await ended(workspace, "succeeded", conversation.id)
    RunFolder(workspace.runs.folder(row.id)).evaluation.scores.write_bytes(b"")
    await conversation.tell_end_of(row)
    (told,) = [item for key, _, item in await conversation.items() if key == "summary-r1"]
    assert isinstance(told, AssistantItem)
    assert str(EVALUATION.scores) in told.text
