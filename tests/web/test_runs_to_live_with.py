"""What people do with runs over REST: write on them, delete them and bring them back, make another like one."""

import asyncio
from pathlib import Path

from starlette.testclient import TestClient

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from tests.web.conftest import SECRET
from web.app import create_app

HOSTILE = "<img src=x onerror=alert(1)>\n\x1b[0mline 3"


def test_what_is_written_on_a_run_is_shown_as_text(finished_run: str, client: TestClient) -> None:
    written = {"name": HOSTILE, "note": SECRET, "tags": ["<b>mura</b>"]}
    told = client.patch(f"/api/runs/{finished_run}", json=written).json()
    assert (told["name"], told["tags"]) == ("<img src=x onerror=alert(1)> [0mline 3", ["<b>mura</b>"])
    for path in ("/runs", f"/runs/{finished_run}"):
        page = client.get(path, headers={"accept": "text/html"}).text
        assert "&lt;img src=x onerror=alert(1)&gt; [0mline 3" in page
        assert not any(hostile in page for hostile in ("<img src=x", "<b>mura", "<script>alert"))


def test_what_is_left_out_stays_and_what_is_too_long_is_refused(finished_run: str, client: TestClient) -> None:
    client.patch(f"/api/runs/{finished_run}", json={"name": "a", "tags": ["x"]})
    told = client.patch(f"/api/runs/{finished_run}", json={"note": "b"}).json()
    assert (told["name"], told["note"], told["tags"]) == ("a", "b", ["x"])
    refused = client.patch(f"/api/runs/{finished_run}", json={"name": "n" * 81})
    assert (refused.status_code, refused.json()["code"]) == (422, "name_too_long")


def test_nothing_written_leaves_a_run_as_it_is(finished_run: str, client: TestClient) -> None:
    before = client.patch(f"/api/runs/{finished_run}", json={"name": "a", "tags": ["x"]}).json()
    for nothing in ({}, {"name": None}, {"tags": None}):
        assert client.patch(f"/api/runs/{finished_run}", json=nothing).json() == before


def test_a_deleted_run_is_gone_everywhere_until_it_is_restored(finished_run: str, client: TestClient) -> None:
    assert client.delete(f"/api/runs/{finished_run}").json()["deleted_at"]
    assert client.get("/api/runs").json() == []
    gone = client.get(f"/api/runs/{finished_run}/results")
    assert (gone.status_code, gone.json()["code"]) == (410, "deleted_run")
    assert client.get("/api/runs/space").json()["deleted"][finished_run] > 0
    assert client.post(f"/api/runs/{finished_run}/restore").json()["deleted_at"] is None
    assert client.get(f"/api/runs/{finished_run}/results").status_code == 200


def test_another_like_it_is_a_plan_that_waits_for_its_yes(settings: Settings, data: Path) -> None:
    async def added() -> str:
        async with Workspace.open(settings) as workspace:
            await workspace.datasets.add("panels", data)
            job = make_job("detect", "panels", "padim", {"image_size": 96, "backbone": "resnet18"})
            row = await workspace.runs.add(job, data_path=str(data))
            await workspace.runs.claim_one(row.id)
            await workspace.runs.end(row.id, "failed", reason="killed")
            return row.id

    run = asyncio.run(added())
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        made = client.post(f"/api/runs/{run}/duplicate", json={}).json()
        page = client.get(f"/c/{made['conversation']}", headers={"accept": "text/html"}).text
        assert [row["id"] for row in client.get("/api/runs").json()] == [run]
    assert "PaDiM · panels" in page  # what the conversation is called
    card = page.split(f'data-proposal="{made["proposal"]}"')[1]
    assert 'data-state="open"' in card and 'value="96"' in card
