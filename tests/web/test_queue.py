"""The queue over HTTP: paused and resumed, who goes first, and how a run stands. Nothing runs here: the queue is paused first."""

import asyncio

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.jobs import make_job


@pytest.fixture
def waiting(settings: Settings) -> list[str]:
    """Two runs that wait in a queue that is paused. Ask for them before `client`."""

    async def add() -> list[str]:
        async with Workspace.open(settings) as workspace:
            await workspace.runs.pause()
            job = make_job("detect", "oled", "patchcore", {})
            return [(await workspace.runs.add(job, data_path="/data")).id for _ in range(2)]

    return asyncio.run(add())


def test_a_run_tells_its_place_in_the_queue_and_what_it_waits_for(waiting: list[str], client: TestClient) -> None:
    standing = client.get(f"/api/runs/{waiting[1]}").json()["standing"]
    assert (standing["position"], standing["waiting"], standing["why"], standing["attempts"]) == (2, 2, "paused", [])


def test_the_run_that_is_put_first_goes_before_all_that_wait(waiting: list[str], client: TestClient) -> None:
    put = client.post(f"/api/runs/{waiting[1]}/priority", json={}).json()
    assert put["waiting"] == [waiting[1], waiting[0]]
    assert client.post(f"/api/runs/{waiting[1]}/priority", json={"priority": 0}).json()["waiting"] == waiting


def test_a_run_that_has_ended_is_not_put_first(waiting: list[str], client: TestClient) -> None:
    client.post(f"/api/runs/{waiting[0]}/stop")
    refused = client.post(f"/api/runs/{waiting[0]}/priority", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "waits_no_more")


def test_the_queue_tells_since_when_it_is_paused_until_it_is_resumed(client: TestClient) -> None:
    told = {"paused_since": None, "running": [], "waiting": [], "slots": 1, "devices": ["cpu"]}
    assert client.get("/api/queue").json() == told
    since = client.post("/api/queue/pause").json()["paused_since"]
    assert since is not None and client.post("/api/queue/pause").json()["paused_since"] == since
    assert client.post("/api/queue/resume").json()["paused_since"] is None
