"""Models over HTTP and on their pages."""

import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from assistant.settings import Settings
from engine.contract.folder import RunFolder
from tests.stored_home import FINISHED, unpack
from web.app import create_app

AT = "/api/models/panels"


@pytest.fixture
def client(tmp_path: Path):
    """A home with a finished run of version 0.1.0."""
    unpack(tmp_path / "home")
    with TestClient(create_app(Settings(home=tmp_path / "home", hub="off")), base_url="http://localhost") as opened:
        yield opened


def register(client: TestClient, **more: object) -> None:
    answer = client.post(f"{AT}/versions", json={"run": FINISHED, "who": "Mina", **more})
    assert answer.status_code == 201, answer.text


def test_a_run_is_registered_promoted_with_a_reason_and_shown_with_its_history(
    client: TestClient, tmp_path: Path
) -> None:
    assert "None yet" in client.get("/models").text
    register(client, note="<b>line 3</b>", tags=["mura"])
    next((tmp_path / "home").rglob("test/good/*.png")).unlink()  # so that something gives pause
    assessed = client.post(f"{AT}/assess", json={"version": 1}).json()
    assert (assessed["may_be_promoted"], assessed["needs_reason"]) == (True, True)
    assert "checks" in assessed["html"]
    refused = client.post(f"{AT}/promote", json={"version": 1, "seen": assessed["revision"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_reason")
    decided = {"version": 1, "seen": assessed["revision"], "who": "Mina", "why": "<i>because</i>"}
    assert client.post(f"{AT}/promote", json=decided).json()["model"]["aliases"]["champion"] == 1
    shown = client.get("/models/panels").text
    assert "&lt;b&gt;line 3" in shown and "&lt;i&gt;because" in shown and "Mina, page" in shown
    history = client.get(f"{AT}/history").json()
    assert ([act["act"] for act in history["acts"]], history["first_false"]) == (["registered", "promoted"], None)
    assert client.get("/models").text.count("champion 1") == 1


@pytest.mark.parametrize("language", ["en", "ko", "zh"])
def test_its_page_is_drawn_in_every_language(client: TestClient, language: str) -> None:
    register(client)
    assert client.get(f"/models/panels?lang={language}").status_code == 200


def test_a_gate_is_set_and_what_it_cannot_be_is_refused(client: TestClient) -> None:
    register(client)
    gate = {"max_escape": 0.02, "max_overkill": None, "max_escape_of": {"scratch": 0.0}, "data": None}
    assert client.put(f"{AT}/gate", json={"gate": gate}).json()["gate"]["max_escape"] == 0.02
    assert client.put(f"{AT}/gate", json={"gate": {**gate, "max_escape": 2}}).status_code == 422
    assert client.put(f"{AT}/gate", json={"gate": {**gate, "data": "nowhere"}}).status_code in (404, 422)
    assert client.put(f"{AT}/gate", json={"gate": None}).json()["gate"] is None


def test_what_there_is_not_is_told_in_words(client: TestClient) -> None:
    register(client)
    for method, path, body, status in (
        ("GET", "/api/models/nix", None, 404),
        ("GET", "/models/nix", None, 404),
        ("POST", "/api/models/r12/versions", {"run": FINISHED}, 409),
        ("POST", f"{AT}/versions", {"run": "r99"}, 404),
        ("POST", f"{AT}/rollback", {}, 409),
        ("POST", f"{AT}/promote", {"version": 7}, 404),
        ("POST", f"{AT}/versions", {"run": FINISHED, "colour": "red"}, 422),
    ):
        answer = client.request(method, path, json=body)
        assert answer.status_code == status, (path, answer.text)


def test_a_champion_is_not_deleted_and_another_version_is(client: TestClient) -> None:
    register(client)
    client.post(f"{AT}/promote", json={"version": 1, "why": "the only one"})
    assert client.delete(f"{AT}/versions/1").json()["code"] == "at_work"
    client.post("/api/models/cells/versions", json={"run": FINISHED})
    assert client.delete("/api/models/cells/versions/1").json()["versions"] == []


def test_a_run_that_is_registered_is_not_deleted_and_what_keeps_it_is_named(client: TestClient) -> None:
    register(client)
    answer = client.delete(f"/api/runs/{FINISHED}")
    assert (answer.status_code, answer.json()["code"]) == (409, "run_in_use")
    assert "panels@1" in answer.json()["message"]


def test_a_version_whose_model_is_gone_is_not_promoted(client: TestClient, tmp_path: Path) -> None:
    register(client)
    shutil.rmtree(RunFolder(tmp_path / "home" / "runs" / FINISHED).model.path)
    answer = client.post(f"{AT}/promote", json={"version": 1, "why": "never mind"})
    assert answer.status_code in (404, 409), answer.text
    assert client.get(AT).json()["aliases"]["champion"] is None
