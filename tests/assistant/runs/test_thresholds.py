"""The threshold of a finished run: set, followed by all that is told of it, undone, and never set by two at once."""

from pathlib import Path
from typing import Any

import pytest

from assistant.kinds import kind_of
from assistant.kinds.detect.findings import finding
from assistant.kinds.summary import run_facts
from assistant.runs.results import NoResults, load
from assistant.runs.thresholds import ThresholdRefused, options, read_asked, set_threshold, would
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.another_threshold import Asked
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectResults
from tests import stored_runs

pytestmark = pytest.mark.anyio


async def finished(workspace: Workspace, *, model: str = "patchcore") -> RunRow:
    """A run with a good picture that scores 0.2, and defects that score 0.9 and 0.1; its threshold is 0.5."""
    job = make_job("detect", "oled", model)
    assert isinstance(job, DetectJob)
    row = await workspace.runs.add(job, data_path="/d")
    folder = workspace.runs.folder(row.id)
    stored_runs.write_evaluation(folder, findings={1: stored_runs.finding()})
    stored_runs.write_model(folder, stored_runs.card(job))
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics={"missed": 1.0, "false_alarms": 0.0})
    return await workspace.runs.get(row.id)


def at(row: RunRow, workspace: Workspace) -> DetectResults:
    return load(row, workspace.runs.folder(row.id), DetectResults)


async def test_all_that_is_told_of_a_run_follows_the_threshold_in_force(workspace: Workspace) -> None:
    row = await finished(workspace)
    row = await set_threshold(workspace.runs, row, Asked(escape_rate=0), who="page", why="no more escapes")
    folder = workspace.runs.folder(row.id)
    assert row.threshold == (await workspace.runs.get(row.id)).threshold
    assert row.metrics is not None and (row.metrics["missed"], row.metrics["false_alarms"]) == (0, 1)
    assert [each.is_anomalous for each in at(row, workspace).rows] == [True, True, True]
    told = kind_of(row.kind).results(row, folder)
    assert [image["outcome"] for image in told["images"]] == ["false_alarm", "hit", "hit"]
    facts = run_facts(row, folder)
    assert (facts["metrics"]["missed"], facts["per_defect_type"]["scratch"]["missed"]) == (0, 0)
    shown = kind_of(row.kind).gallery(row, folder, which="false_alarms", count=9)
    assert (shown.total, shown.threshold) == (1, pytest.approx(0.1))
    found = finding(row, folder, 1)
    assert found is not None and found.image.threshold == pytest.approx(0.1)
    assert found.image.pixel_threshold == stored_runs.LIMIT  # at which its regions were cut


async def test_what_it_costs_is_told_before_and_nothing_is_set_by_asking(workspace: Workspace) -> None:
    row = await finished(workspace)
    told = await would(workspace.runs, row, Asked(escape_rate=0))
    assert [(told[when]["missed"], told[when]["false_alarms"]) for when in ("now", "then")] == [(1, 0), (0, 1)]
    assert told["then"]["oracle"] and told["then"]["promised"] is not None  # what the good images say of it
    assert (await workspace.runs.get(row.id)).threshold is None


async def test_each_setting_is_a_version_that_tells_who_when_how_and_why(workspace: Workspace) -> None:
    row = await finished(workspace)
    row = await set_threshold(workspace.runs, row, Asked(value=0.95), who="command line", why="a trial")
    told = await options(workspace.runs, row)
    assert [(each["version"], each["who"]) for each in told["versions"]] == [(1, "training"), (2, "command line")]
    force = told["in_force"]
    assert (force["asked"], force["why"], force["value"], force["missed"]) == ({"value": 0.95}, "a trial", 0.95, 2)
    assert force["when"].startswith("20")
    assert {"promised", "no_escapes", "f1", "cost"} <= {each["name"] for each in told["presets"]}
    assert all("missed" in each and "promised" in each for each in told["presets"])
    assert told["pixel_knots"]


async def test_undoing_goes_back_version_by_version_until_nothing_is_left(workspace: Workspace) -> None:
    row = first = await finished(workspace)
    for value in (0.3, 0.7):
        row = await set_threshold(workspace.runs, row, Asked(value=value), who="page")
    values = []
    for _ in range(2):
        row = await set_threshold(workspace.runs, row, Asked(to="previous"), who="page")
        values.append(at(row, workspace).metrics.threshold.image)
    assert values == [0.3, stored_runs.LIMIT]
    assert at(row, workspace) == at(first, workspace)
    with pytest.raises(ThresholdRefused) as refused:
        await set_threshold(workspace.runs, row, Asked(to="previous"), who="page")
    assert refused.value.code == "nothing_before"


async def test_of_two_that_set_it_at_once_the_second_is_refused_in_words(workspace: Workspace) -> None:
    row = await finished(workspace)
    await set_threshold(workspace.runs, row, Asked(value=0.3), who="page", seen=1)
    with pytest.raises(ThresholdRefused, match="version 2 is in force, not 1") as refused:
        await set_threshold(workspace.runs, row, Asked(value=0.7), who="page", seen=1)
    assert (refused.value.status, refused.value.code) == (409, "stale_threshold")
    assert at(await workspace.runs.get(row.id), workspace).metrics.threshold.image == 0.3


async def test_who_names_another_version_than_that_in_force_sets_nothing(workspace: Workspace) -> None:
    row = await finished(workspace)
    for value in (0.3, 0.4):
        row = await set_threshold(workspace.runs, row, Asked(value=value), who="page")
    with pytest.raises(ThresholdRefused, match="version 3 is in force, not 5"):
        await set_threshold(workspace.runs, row, Asked(value=0.7), who="page", seen=5)
    assert [each.version for each in await workspace.runs.thresholds(row.id)] == [2, 3]


async def test_a_run_without_results_or_of_a_kind_without_threshold_is_refused(workspace: Workspace) -> None:
    row = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/d")
    with pytest.raises(NoResults):
        await options(workspace.runs, row)
    row = await workspace.runs.add(make_job("classify", "oled", "resnet"), data_path="/d")
    with pytest.raises(ThresholdRefused, match="no threshold"):
        await options(workspace.runs, row)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "exactly one"),
        ({"value": 1.0, "to": "f1"}, "exactly one"),
        (
            {"overkill_rate": 3.0, "to": None},
            r"overkill rate cannot be 3.0: it should be less than 1 \(share .* 0.03\)",
        ),
        ({"escape_cost": float("nan")}, "escape cost cannot be nan: it should be a finite number"),
        ({"valu": 1.0}, "not permitted"),
    ],
)
def test_what_is_no_wish_for_a_threshold_is_refused_in_words(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ThresholdRefused, match=said) as refused:
        read_asked(asked)
    assert refused.value.status == 422


async def test_a_damaged_card_is_told_by_its_file(workspace: Workspace) -> None:
    row = await finished(workspace)
    await would(workspace.runs, row, Asked(value=1.0))  # which may be remembered, but not over what was written since
    card: Path = RunFolder(workspace.runs.folder(row.id)).model.card
    card.write_bytes(card.read_bytes().replace(b"0.1", b"0.12", 1))
    with pytest.raises(NoResults) as refused:
        await would(workspace.runs, row, Asked(value=1.0))
    assert refused.value.code == "damaged"
