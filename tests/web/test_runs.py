"""Runs over REST."""

import pytest
from PIL import Image
from starlette.testclient import TestClient

from assistant.settings import Settings


def test_results_hold_the_metrics_and_an_outcome_for_each_image(finished_run: str, client: TestClient) -> None:
    results = client.get(f"/api/runs/{finished_run}/results").json()
    assert results["metrics"]["metrics"]["image_auroc"] == 0.75
    assert [image["outcome"] for image in results["images"]] == ["correct_good", "hit", "missed"]


def test_a_run_describes_itself(finished_run: str, client: TestClient) -> None:
    run = client.get(f"/api/runs/{finished_run}").json()
    assert (run["state"], run["model_title"], run["family"]) == ("succeeded", "PatchCore", "memory")
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
    Image.new("RGB", (9, 9), "red").save(settings.runs_folder / finished_run / "evaluation" / "inputs" / "0001.jpg")
    other = client.get(address, headers={"if-none-match": picture.headers["etag"]})
    assert (other.status_code, other.content != picture.content) == (200, True)


@pytest.mark.parametrize("file", ["inputs/2", "inputs/-1", "inputs/..%2f..%2fspec", "secrets/1", "inputs/1.jpg"])
def test_nothing_else_of_a_run_folder_is_served(finished_run: str, client: TestClient, file: str) -> None:
    assert client.get(f"/runs/{finished_run}/files/{file}").status_code in (404, 422)


def test_stopping_an_ended_run_changes_nothing(finished_run: str, client: TestClient) -> None:
    assert client.post(f"/api/runs/{finished_run}/stop").json()["state"] == "succeeded"


def test_a_run_without_results_says_so(finished_run: str, client: TestClient, settings: Settings) -> None:
    (settings.runs_folder / finished_run / "evaluation" / "metrics.json").unlink()
    answer = client.get(f"/api/runs/{finished_run}/results")
    assert (answer.status_code, "no results" in answer.json()["message"]) == (404, True)
