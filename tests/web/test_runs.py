"""Runs over REST."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from assistant.settings import Settings
from assistant.workspace import Workspace
from benchmarks.many_runs import fill
from engine.contract.folder import EvaluationFolder, RunFolder
from engine.contract.jobs import make_job
from tests.stored_runs import finding
from web.app import create_app


def evaluation_of(settings: Settings, run: str) -> EvaluationFolder:
    return RunFolder(settings.runs_folder / run).evaluation


def test_results_hold_the_metrics_and_an_outcome_for_each_image(finished_run: str, client: TestClient) -> None:
    results = client.get(f"/api/runs/{finished_run}/results").json()
    assert results["metrics"]["metrics"]["image_auroc"] == 0.75
    assert [image["outcome"] for image in results["images"]] == ["correct_good", "hit", "missed"]


def test_the_list_of_runs_tells_what_a_runs_kind_makes_of_its_figures(finished_run: str, client: TestClient) -> None:
    row = client.get("/runs", params={"lang": "en"}, headers={"accept": "text/html"}).text.split(
        f'data-run="{finished_run}"'
    )[1]
    assert "0.750" in row and 'data-column="missed">1</td>' in row


def test_a_run_describes_itself(finished_run: str, client: TestClient) -> None:
    run = client.get(f"/api/runs/{finished_run}").json()
    assert (run["state"], run["model_title"], run["kind"]) == ("succeeded", "PatchCore", "detect")
    assert client.get("/api/runs", params={"state": "failed"}).json() == []


def test_a_picture_is_kept_by_the_browser_until_another_run_of_that_name_brings_its_own(
    finished_run: str, client: TestClient, settings: Settings
) -> None:
    address = f"/runs/{finished_run}/files/inputs/1"
    picture = client.get(address)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert picture.headers["cache-control"] == "private, no-cache"
    again = client.get(address, headers={"if-none-match": picture.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    Image.new("RGB", (9, 9), "red").save(evaluation_of(settings, finished_run).picture("inputs", 1))
    other = client.get(address, headers={"if-none-match": picture.headers["etag"]})
    assert (other.status_code, other.content != picture.content) == (200, True)


@pytest.mark.parametrize("file", ["inputs/2", "inputs/-1", "inputs/..%2f..%2fspec", "secrets/1", "inputs/1.jpg"])
def test_nothing_else_of_a_run_folder_is_served(
    finished_run: str, client: TestClient, settings: Settings, file: str
) -> None:
    secret = evaluation_of(settings, finished_run).picture("secrets", 1)
    secret.parent.mkdir()
    secret.write_text("private")
    assert client.get(f"/runs/{finished_run}/files/{file}").status_code in (404, 422)


def test_stopping_an_ended_run_changes_nothing(finished_run: str, client: TestClient) -> None:
    assert client.post(f"/api/runs/{finished_run}/stop").json()["state"] == "succeeded"


def test_a_finished_run_is_not_continued_and_none_is_offered(finished_run: str, client: TestClient) -> None:
    answer = client.post(f"/api/runs/{finished_run}/continue")
    assert (answer.status_code, answer.json()["code"]) == (409, "run_succeeded")
    run = client.get(f"/api/runs/{finished_run}").json()
    assert (run["rest"], run["continued_as"], run["waits_for"]) == (None, None, [])
    assert (answer.json()["code"], answer.json()["hint"]) == ("run_succeeded", "look at its results, or train anew")
    assert client.post("/api/runs/r99/continue").status_code == 404


@pytest.mark.parametrize("path", ["results", "log", "files/inputs/1", "continue"])
def test_what_lies_in_another_home_is_refused_with_the_machine_that_has_it(
    finished_run: str, settings: Settings, request: pytest.FixtureRequest, path: str
) -> None:
    with closing(sqlite3.connect(settings.home / "murascope.db")) as database, database:
        database.execute("UPDATE runs SET home = 'another', host = 'line-2'")
    client: TestClient = request.getfixturevalue("client")
    pages = "" if path.startswith("files") else "/api"
    answer = client.request("POST" if path == "continue" else "GET", f"{pages}/runs/{finished_run}/{path}")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "elsewhere")
    assert "on line-2, in another home" in told["message"]
    assert client.get(f"/api/runs/{finished_run}").json()["state"] == "succeeded"


def test_a_run_without_results_says_so(finished_run: str, client: TestClient, settings: Settings) -> None:
    evaluation_of(settings, finished_run).metrics.unlink()
    answer = client.get(f"/api/runs/{finished_run}/results")
    assert (answer.status_code, answer.json()["code"]) == (404, "results_gone")
    assert evaluation_of(settings, finished_run).metrics.name in answer.json()["message"]


def explain(settings: Settings, run: str, *names: str) -> None:
    """Write what was found in image 1: in the first region, with these pictures as the nearest good ones."""
    evaluation_of(settings, run).write_finding(1, finding(nearest=names))


def test_the_regions_of_an_image_are_told_and_older_runs_have_none(
    finished_run: str, client: TestClient, settings: Settings
) -> None:
    explain(settings, finished_run, "train/good/1.png")
    assert client.get(f"/api/runs/{finished_run}/regions/1").json()["regions"][0]["area_px"] == 6
    assert client.get(f"/api/runs/{finished_run}/regions/2").json() == {"image": None, "regions": []}


def test_only_a_detection_has_regions(settings: Settings) -> None:
    async def stopped() -> str:
        async with Workspace.open(settings) as workspace:
            row = await workspace.runs.add(make_job("classify", "oled", "resnet"), data_path="/data")
            await workspace.runs.end(row.id, "stopped")
            return row.id

    run = asyncio.run(stopped())
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        answer = client.get(f"/api/runs/{run}/regions/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_good_picture_is_served_only_where_a_finding_names_it(
    finished_run: str, client: TestClient, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "train").mkdir()
    Image.new("I;16", (30, 20)).save(tmp_path / "train" / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path.parent / "outside.png")
    (tmp_path / "notes.txt").write_text("private")
    explain(settings, finished_run, "train/a.png", "../outside.png", "notes.txt", "train/gone.png", "/etc/hostname")
    for place in ("1/0/0", "1/highest/0"):
        served = client.get(f"/runs/{finished_run}/normals/{place}")
        assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
    for place in ("1/highest/1", "1/highest/2", "2/highest/0", "1/lowest/0"):
        assert client.get(f"/runs/{finished_run}/normals/{place}").status_code in (404, 422), place
    for place in ("1/0/1", "1/0/2", "1/0/3", "1/0/4", "1/0/5", "1/1/0", "1/2/0", "2/0/0"):
        assert client.get(f"/runs/{finished_run}/normals/{place}").status_code == 404, place
    assert client.get(f"/runs/{finished_run}/normals/1/0/..%2f0").status_code in (404, 422)


def test_runs_are_told_so_many_at_a_time_and_how_many_fit(settings: Settings) -> None:
    asyncio.run(fill(settings, 7))
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        answer = client.get("/api/runs", params={"first": 2, "most": 3})
        assert [run["id"] for run in answer.json()] == ["r5", "r4", "r3"]
        assert answer.headers["x-total-count"] == "7"
        rows = client.get("/runs/rows", params={"sort": "run", "first": 5, "lang": "en"}).json()
        assert [rows["html"].count(f'data-run="r{number}"') > 0 for number in (5, 6, 7)] == [False, True, True]
        assert (rows["count"], rows["total"]) == (7, 7)
        for refused in ({"most": 0}, {"most": 1001}, {"first": -1}):
            assert client.get("/api/runs", params=refused).status_code == 422
