"""The page that compares runs: what it shows, what it leaves out with the reason, and addresses that name no comparison."""

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Finished, Started
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from tests.stored_runs import write_evaluation
from tests.told_runs import classified, inspected

FEW, MANY = (
    inspected({"line": (1, 20), "<b>dust": (0, 4)}, good=20, alarms=0),
    inspected({"line": (15, 20), "<b>dust": (0, 4)}, good=20, alarms=12, better=-3.0),
)


async def finish(settings: Settings) -> None:
    """r1 to r3 finished on oled, r4 on tile, r5 a classifier; r6 waits."""
    runs: list[tuple[str, str, str, dict[str, Any], Any]] = [
        ("detect", "oled", "patchcore", {}, FEW),
        ("detect", "oled", "padim", {}, MANY),
        ("detect", "oled", "patchcore", {"image_size": 128}, FEW),
        ("detect", "tile", "patchcore", {}, FEW),
        ("classify", "oled", "resnet", {}, classified([0] * 8)),
    ]
    async with Workspace.open(settings) as workspace:
        for kind, data, model, chosen, results in runs:
            row = await workspace.runs.add(make_job(kind, data, model, chosen), data_path="/d")
            folder = workspace.runs.folder(row.id)
            log = EventLog(folder)
            log.append(Started(model=model, dataset=data))
            write_evaluation(folder, results)
            log.append(Finished(metrics=results.metrics.metrics, seconds={"total": 1.0}))
            log.close()
            await workspace.runs.claim_one(row.id)
            await workspace.runs.end(row.id, "succeeded", metrics=results.metrics.metrics)


@pytest.fixture
def compared(settings: Settings) -> None:
    asyncio.run(finish(settings))


def page(client: TestClient, runs: str, language: str = "en") -> str:
    answer = client.get("/compare", params={"runs": runs, "lang": language})
    assert answer.status_code == 200
    return str(answer.text)


def row_of(text: str, line: str) -> list[str]:
    """The cells of a line of the table."""
    return text.split(f'data-line="{line}"')[1].split("</tr>")[0].split("<td ")[1:]


def test_the_best_is_marked_where_it_is_more_than_chance_and_nowhere_else(compared: None, client: TestClient) -> None:
    text = page(client, "r1,r2")
    assert "Which is better: <strong>r1</strong>" in text
    missed = row_of(text, "missed")
    assert 'class="cell best"' in missed[0] and "1 / 24" in missed[0] and 'class="cell worse"' in missed[1]
    alike = page(client, "r1,r3")
    assert "cannot be told" in alike and 'class="cell best"' not in alike and 'class="cell worse"' not in alike
    assert "Image size" in alike.split('data-table="settings"')[1]


def test_what_cannot_be_compared_is_left_out_with_the_reason_and_names_are_text(
    compared: None, client: TestClient
) -> None:
    for language in ("en", "ko", "zh"):
        text = page(client, "r1,r2,r4,r5,r77,<script>", language)
        notices = text.split('<ul class="notices">')[1].split("</ul>")[0]
        assert notices.count("<li>") == 4 and all(run in notices for run in ("r4", "r5", "r77", "&lt;script&gt;"))
        assert "&lt;b&gt;dust" in text and "<b>dust" not in text


def test_an_address_that_names_no_comparison_opens_and_offers_runs(compared: None, client: TestClient) -> None:
    for runs in ("", "r1", "r1,r1", "r4,r5", "r77", ",,;"):
        assert "data-table" not in page(client, runs), runs
    assert "<option" in page(client, "r1")
    assert "data-table" in page(client, "r1,r2,r3,r4,r5,1")


def test_more_than_six_are_refused_with_what_to_do(compared: None, client: TestClient) -> None:
    refused = client.get("/api/compare", params={"runs": "r1"})
    assert refused.status_code == 422 and refused.json()["code"] == "not_comparable"


@pytest.mark.parametrize("name", ["r77", "<script>", "r1 r2"])
def test_a_script_that_names_no_run_is_told_and_not_given_the_others_alone(
    compared: None, client: TestClient, name: str
) -> None:
    refused = client.get("/api/compare", params={"runs": f"r1,r2,{name}"})
    assert refused.status_code == 404 and name in refused.json()["message"]


def test_a_damaged_run_is_left_out_with_the_reason_and_the_others_are_compared(
    compared: None, client: TestClient, settings: Settings
) -> None:
    scores = RunFolder(settings.home / "runs" / "r1").evaluation.scores
    scores.write_bytes(scores.read_bytes()[:-20])
    for language in ("en", "ko", "zh"):
        text = page(client, "r1,r2,r3", language)
        notices = text.split('<ul class="notices">')[1].split("</ul>")[0]
        assert "r1" in notices and scores.name in notices and "data-table" in text
    facts = client.get("/api/compare", params={"runs": "r1,r2,r3"}).json()
    assert [(each["run"], each["why"]) for each in facts["left_out"]] == [("r1", "damaged")]
    assert facts["verdict"]["best"] == "r3"


def test_the_facts_hold_every_picture_as_each_run_judged_it(compared: None, client: TestClient) -> None:
    facts = client.get("/api/compare", params={"runs": "r1,r2"}).json()
    pictures = facts["beside"]["pictures"]
    assert len(pictures) == 44 and all(len(each["seen"]) == 2 for each in pictures)
    disagree = [each for each in pictures if each["seen"][0]["called"] != each["seen"][1]["called"]]
    assert len(disagree) == 14 + 12
    assert client.get("/compare/r1-r2", follow_redirects=False).headers["location"] == "/compare?runs=r1,r2"
