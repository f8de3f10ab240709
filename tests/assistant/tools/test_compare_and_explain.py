"""Two runs are compared, and a result is explained, in the conversation: asked in words, answered in true sentences."""

import pytest

from assistant.frames import AssistantItem, Say
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Finished, Started
from engine.contract.jobs import make_job
from engine.contract.results.detect import DetectResults
from tests import stored_runs
from tests.told_runs import inspected

pytestmark = pytest.mark.anyio

FEW, MANY = (
    inspected({"line": (1, 20)}, good=20, alarms=0),
    inspected({"line": (15, 20)}, good=20, alarms=12, better=-3.0),
)


async def finished(workspace: Workspace, conversation: str, results: DetectResults) -> RunRow:
    """A run of this conversation that ended well and left these results."""
    row = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/d", conversation=conversation)
    folder = workspace.runs.folder(row.id)
    log = EventLog(folder)
    log.append(Started(model="patchcore", dataset="oled"))
    stored_runs.write_evaluation(folder, results)
    log.append(Finished(metrics=results.metrics.metrics, seconds={"total": 1.0}))
    log.close()
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics=results.metrics.metrics)
    return await workspace.runs.get(row.id)


async def told(workspace: Workspace, *asked: str) -> list[str]:
    """What is answered to each of these, two runs having finished."""
    conversation = await workspace.conversations.create("en")
    for results in (FEW, MANY):
        await finished(workspace, conversation.id, results)
    answers = []
    for text in asked:
        before = len(await conversation.items())
        await conversation.receive(Say(text=text), "en")
        await conversation.finish()
        items = [item for _, _, item in await conversation.items()][before:]
        answers.append("\n".join(item.text for item in items if isinstance(item, AssistantItem)))
    return answers


async def test_two_runs_are_compared_with_how_sure_the_difference_is(workspace: Workspace) -> None:
    (said,) = await told(workspace, "compare r1 and r2")
    assert said.startswith("By image AUROC **r1** is better")
    assert "**r1** 1, **r2** 15" in said and "p < 0.001" in said


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("can I trust r2?", "It was tested with 20 good and 20 defective images."),
        ("which type is worst in r2?", "*line*: 5 of 20 found"),
        ("did r2 overfit?", "cannot be told from losses"),
        ("is r2 any good?", "More than 50 % of *line* is missed at this threshold (15 of 20)"),
        ("why does r2 raise so many false alarms?", "**12 of 20** good test images"),
    ],
)
async def test_a_question_about_a_result_is_answered_from_its_evidence(
    workspace: Workspace, asked: str, words: str
) -> None:
    (said,) = await told(workspace, asked)
    assert words in said


async def test_one_run_alone_is_not_compared_and_it_is_asked_which(workspace: Workspace) -> None:
    (said,) = await told(workspace, "compare r1 with r1")
    assert "Name two to six finished ones" in said


async def test_why_a_run_failed_is_answered_by_its_reason(workspace: Workspace) -> None:
    conversation = await workspace.conversations.create("en")
    row = await workspace.runs.add(
        make_job("detect", "oled", "patchcore"), data_path="/d", conversation=conversation.id
    )
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "failed", reason="out of memory", hint="take a smaller batch")
    await conversation.receive(Say(text="why is r1 so bad?"), "en")
    await conversation.finish()
    said = "\n".join(item.text for _, _, item in await conversation.items() if isinstance(item, AssistantItem))
    assert "What happened: out of memory. What to do: take a smaller batch." in said
