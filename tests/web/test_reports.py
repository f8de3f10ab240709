"""The report of a finished run: one file that needs nothing beside itself and says what the page says."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from assistant import reports
from assistant.reports import charts
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Finished, Started
from engine.contract.jobs import make_job
from prompts.languages import LANGUAGES
from tests.stored_runs import write_evaluation
from tests.told_runs import classified
from tests.web.conftest import SECRET
from web import render

REFERENCES = re.compile(
    r"""(?:src|href|data|poster|srcset)\s*=\s*["']?(?!data:image/)[^"'\s>]|url\(|@import|<(?:script|link|iframe|object)\b"""
)


def test_a_report_needs_nothing_beside_itself_and_its_figures_are_those_of_the_page(
    finished_run: str, client: TestClient
) -> None:
    client.patch(f"/api/runs/{finished_run}", json={"name": "<b>line 3</b>", "note": SECRET})
    answer = client.get(f"/runs/{finished_run}/report.html", params={"lang": "ko"})
    assert answer.headers["content-disposition"] == f'attachment; filename="murascope-{finished_run}.html"'
    report = answer.text
    assert REFERENCES.findall(re.sub(r"data-[a-z]+=", "", report)) == []
    assert SECRET not in report and "<b>line 3</b>" not in report and "&lt;b&gt;line 3" in report
    assert 'lang="ko"' in report and "data:image/jpeg;base64," in report

    results = client.get(f"/api/runs/{finished_run}/results").json()
    told = dict(re.findall(r'data-metric="(\w+)".*?<td class="num">([^<]*)</td>', report))
    measured = results["metrics"]["metrics"]
    assert told["image_auroc"] == f"{measured['image_auroc']:.3f}"
    assert told["pixel_auroc"] == "–"
    outcomes = [image["outcome"] for image in results["images"]]
    cells = dict(re.findall(r'data-cell="([\w-]+)">([\d,]+)<', report))
    assert cells["defective-good"] == str(outcomes.count("missed"))
    assert cells["good-defective"] == str(outcomes.count("false_alarm"))


@pytest.mark.parametrize("environment", [render.environment, reports.environment], ids=["page", "report"])
def test_every_template_of_every_kind_can_be_read(environment: Callable[[str], Any]) -> None:
    jinja = environment("en")
    names = jinja.list_templates()
    assert any(name.startswith("kinds/classify/") for name in names)
    for name in names:
        if name.endswith((".html", ".j2")):
            jinja.get_template(name)


@pytest.fixture
def classification(settings: Settings) -> str:
    async def finish() -> str:
        async with Workspace.open(settings) as workspace:
            results = classified([0, 0, 0, 1, 1, 1, 1, 0])
            row = await workspace.runs.add(make_job("classify", "parts", "resnet"), data_path="/d")
            folder = workspace.runs.folder(row.id)
            log = EventLog(folder)
            log.append(Started(kind="classify", model="resnet", dataset="parts"))
            write_evaluation(folder, results)
            log.append(Finished(metrics=results.metrics.metrics, seconds={"total": 1.0}))
            log.close()
            await workspace.runs.claim_one(row.id)
            await workspace.runs.end(row.id, "succeeded", metrics=results.metrics.metrics)
            return row.id

    return asyncio.run(finish())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_of_a_classification_tells_what_was_taken_for_what(
    classification: str, client: TestClient, language: str
) -> None:
    answer = client.get(f"/runs/{classification}/report.html", params={"lang": language})
    assert answer.status_code == 200
    confusion = answer.text.split('<table id="confusion">')[1].split("</table>")[0]
    assert re.findall(r'<td class="num( confused)?">(\d+)</td>', confusion) == [
        ("", "3"), (" confused", "1"), (" confused", "1"), ("", "3"),
    ]  # fmt: skip
    assert answer.text.count("75.0 %") >= 2


@pytest.mark.parametrize("threshold", [-1.7e308, 1.7e308, 2.5, 40.0])
def test_a_threshold_far_off_all_scores_stands_at_the_edge_of_the_curve(threshold: float) -> None:
    drawn = charts.histogram([1.0, 2.0, 2.0], [3.0], threshold)
    assert 0 <= drawn.threshold <= charts.WIDTH
    assert (drawn.low, drawn.high) == (max(min(threshold, 1.0), -7.0), min(max(threshold, 3.0), 11.0))
    assert len(drawn.good) >= 1 and all(0 <= x < charts.WIDTH for x, *_ in (*drawn.good, *drawn.defective))


def test_a_run_without_results_has_no_report(finished_run: str, client: TestClient) -> None:
    client.delete(f"/api/runs/{finished_run}")
    assert client.get(f"/runs/{finished_run}/report.html").json()["code"] == "deleted_run"
