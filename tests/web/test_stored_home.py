"""The pages of a home that a released version left."""

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from tests.stored_home import AFTER_EPOCH, CONVERSATION, FINISHED, STOPPED, unpack


@pytest.fixture
def settings(settings: Settings) -> Settings:
    unpack(settings.home)
    return settings


def test_every_page_of_it_opens(client: TestClient) -> None:
    for path in (
        "/runs",
        "/data",
        "/data/panels",
        *(f"/runs/{run}{end}" for run in (FINISHED, STOPPED) for end in ("", "/view")),
    ):
        assert client.get(path).status_code == 200, path
    assert "PaDiM" in client.get(f"/runs/{FINISHED}").text


def test_its_results_and_what_is_left_of_its_stopped_run_are_told(client: TestClient) -> None:
    results = client.get(f"/api/runs/{FINISHED}/results").json()
    assert results["metrics"]["metrics"]["image_auroc"] == 1.0
    outcomes = [image["outcome"] for image in results["images"]]
    assert (outcomes.count("correct_good"), outcomes.count("hit")) == (6, 6)
    stopped = client.get(f"/api/runs/{STOPPED}").json()
    assert (stopped["state"], stopped["rest"]["after_epoch"]) == ("stopped", AFTER_EPOCH)


def test_its_conversation_is_drawn_with_its_plans_and_its_runs(client: TestClient) -> None:
    page = client.get(f"/c/{CONVERSATION}").text
    assert [page.count(f'data-run="{run}"') > 0 for run in (FINISHED, STOPPED)] == [True, True]
    assert page.count("train padim on panels") >= 2
