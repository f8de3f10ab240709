"""The report of a finished run: one file that needs nothing beside itself and says what the page says."""

import re

from starlette.testclient import TestClient

from tests.web.conftest import SECRET

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


def test_a_run_without_results_has_no_report(finished_run: str, client: TestClient) -> None:
    client.delete(f"/api/runs/{finished_run}")
    assert client.get(f"/runs/{finished_run}/report.html").json()["code"] == "deleted_run"
