"""What those who run a server ask it: is it alive, can it work, what does it do; and what its log says. A real server answers."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from assistant.chat.understanding import Understanding
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.serving import PROJECT, environment_of, serving
from web.app import create_app

PATIENT_S = 60  # with a machine that is busy


def metrics_of(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value_of(families: dict[str, Metric], sample: str, **labels: str) -> float | None:
    for family in families.values():
        for each in family.samples:
            if each.name == sample and each.labels.items() >= labels.items():
                return float(each.value)
    return None


def workspace_of(client: TestClient) -> Workspace:
    return client.app.state.workspace  # type: ignore[attr-defined, no-any-return]


def say(client: TestClient, text: str) -> str:
    """Say something in a new conversation and wait for the end of its answer; the conversation's id."""
    conversation: str = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.send_json({"type": "say", "text": text, "key": "k"})
        frames = (socket.receive_json() for _ in itertools.count())
        turns = (frame["state"] for frame in frames if frame["type"] == "turn")
        while next(turns) != "working":
            pass
        assert next(turns) == "idle"
    return conversation


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(environment_of(tmp_path_factory.mktemp("operated"))) as address:
        yield address


def test_a_server_is_alive_and_ready_and_offers_metrics(server: str) -> None:
    assert httpx2.get(f"{server}/health", timeout=PATIENT_S).json() == {"status": "ok"}
    assert httpx2.get(f"{server}/ready", timeout=PATIENT_S).json() == {"status": "ready", "reasons": []}
    scraped = httpx2.get(f"{server}/metrics", timeout=PATIENT_S)
    assert scraped.headers["content-type"].startswith("text/plain; version=")
    families = metrics_of(scraped.text)
    assert value_of(families, "murascope_database_up") == 1
    assert value_of(families, "murascope_runs", kind="detect", state="queued") == 0
    assert value_of(families, "murascope_attempts_total", outcome="lost") == 0
    assert value_of(families, "process_resident_memory_bytes") > 10e6  # type: ignore[operator]
    assert value_of(families, "murascope_http_requests_total", route="/health", method="GET", status="200") == 1


def test_requests_are_counted_by_the_template_of_their_route(server: str) -> None:
    for path in ("/runs/r901", "/runs/r902", "/nothing/here", "/nothing/there"):
        httpx2.get(f"{server}{path}", timeout=PATIENT_S)
    httpx2.request("BREW", f"{server}/runs/r901", timeout=PATIENT_S)
    httpx2.get(f"{server}/runs", headers={"host": "evil.example"}, timeout=PATIENT_S)
    text = httpx2.get(f"{server}/metrics", timeout=PATIENT_S).text
    families = metrics_of(text)
    assert value_of(families, "murascope_http_requests_total", route="/runs/{run}", method="GET", status="404") == 2
    assert value_of(families, "murascope_http_requests_total", route="none", status="404") == 2
    assert value_of(families, "murascope_http_requests_total", route="none", status="403") == 1
    assert value_of(families, "murascope_http_requests_total", method="other") == 1
    assert value_of(families, "murascope_http_request_seconds_count", route="/runs/{run}", method="GET") == 2
    assert not re.search("r90[12]|nothing|BREW|evil", text)


def test_turns_are_measured_by_language_provider_and_outcome(client: TestClient) -> None:
    conversation = say(client, "Which models can I train?")
    text = client.get("/metrics").text
    labels = {"language": "en", "provider": "built-in", "outcome": "answered"}
    assert value_of(metrics_of(text), "murascope_turn_seconds_count", **labels) == 1
    assert conversation not in text


def test_open_sockets_are_counted(client: TestClient) -> None:
    def sockets() -> float | None:
        return value_of(metrics_of(client.get("/metrics").text), "murascope_websockets", route="/ws/c/{conversation}")

    conversation = client.post("/api/conversations").json()["id"]
    with client.websocket_connect(f"ws://localhost/ws/c/{conversation}") as socket:
        socket.receive_json()
        assert sockets() == 1
    assert sockets() == 0


def test_how_late_the_event_loop_is_is_measured(client: TestClient) -> None:
    while not value_of(metrics_of(client.get("/metrics").text), "murascope_event_loop_lag_seconds_count"):
        pass
    assert value_of(metrics_of(client.get("/metrics").text), "murascope_event_loop_lag_seconds_sum") is not None


def test_runs_are_counted_from_the_database(finished_run: str, client: TestClient) -> None:
    families = metrics_of(client.get("/metrics").text)
    assert value_of(families, "murascope_runs", kind="detect", state="succeeded") == 1
    assert value_of(families, "murascope_queue_wait_seconds_count", kind="detect") == 1


def test_a_server_whose_database_is_damaged_lives_and_says_what_is_wrong(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        for damaged in settings.home.glob("murascope.db*"):
            with damaged.open(
                "r+b"
            ) as file:  # no shorter than it was: one is mapped, and to read beyond its end is death
                file.write(b"no database" * (damaged.stat().st_size // 11))
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert any("database" in reason for reason in ready.json()["reasons"])
        assert client.get("/health").json() == {"status": "ok"}
        assert value_of(metrics_of(client.get("/metrics").text), "murascope_database_up") == 0


def test_a_server_whose_database_is_gone_is_not_ready_and_begins_no_empty_one(
    client: TestClient, settings: Settings
) -> None:
    for file in settings.home.glob("murascope.db*"):
        file.unlink()
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert any("database" in reason for reason in ready.json()["reasons"])
    assert not (settings.home / "murascope.db").exists()


def test_a_server_whose_home_is_gone_is_not_ready(client: TestClient, settings: Settings) -> None:
    shutil.rmtree(settings.home)
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert any(reason.startswith("the home folder cannot be written") for reason in ready.json()["reasons"])


def test_a_server_that_supervises_no_runs_any_more_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken() -> Any:
        raise AssertionError("a mistake of our own")

    workspace = workspace_of(client)
    monkeypatch.setattr(workspace.runs, "running", mistaken)
    while workspace.supervisor.is_working:
        workspace.runs.added.set()
        client.get("/health")
    assert client.get("/ready").json()["reasons"] == ["runs are not supervised: look at the server's log"]


def test_a_server_that_cannot_make_what_the_examples_teach_is_not_ready(settings: Settings) -> None:
    understanding = Understanding()
    with TestClient(create_app(settings, understanding), base_url="http://localhost") as client:
        understanding.state = "being made"
        assert client.get("/ready").status_code == 200
        understanding.state = "failed"
        assert client.get("/ready").status_code == 503
        assert "examples" in client.get("/ready").json()["reasons"][0]


def test_each_line_of_a_json_log_is_an_object_with_its_run_and_without_secrets(tmp_path: Path) -> None:
    token = "a-token-that-only-agents-know-5518"
    environment = environment_of(tmp_path) | {"MURASCOPE_LOG_FORMAT": "json", "MURASCOPE_MCP_TOKEN": token}
    lines = logged(environment, f"{token}")
    assert {"time", "level", "logger", "message"} <= set(lines[0])
    assert lines[0]["message"].startswith("Murascope is at http://")
    trouble = next(line for line in lines if line.get("run") == "r7")
    assert trouble["logger"] == "web.test"
    assert trouble["conversation"] == "c0ffee"
    assert "[secret]" in trouble["message"]
    assert trouble["error"].startswith("Traceback")
    assert token not in json.dumps(lines)
    assert any(line["logger"] == "uvicorn.error" for line in lines)


def logged(environment: dict[str, str], secret: str) -> list[dict[str, Any]]:
    """What a server logs that fails over a secret while it serves a run's page, with a request that is no HTTP."""
    code = f"""
import logging, socket, web.app
from fastapi import APIRouter
from assistant.cli import main

router = APIRouter()

@router.get("/fail/{{run}}/{{conversation}}")
def fail():
    try:
        raise ValueError("it was {secret}")
    except ValueError:
        logging.getLogger("web.test").exception("%s was tried", "{secret}")

web.app.pages.router.include_router(router)
main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve"], env=environment, cwd=PROJECT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        first = process.stderr.readline()
        address = re.search(r"http://[\d.:]+", first)
        assert address is not None, first + process.stderr.read()
        assert httpx2.get(f"{address.group()}/fail/r7/c0ffee", timeout=PATIENT_S).status_code == 200
        spoil(address.group())
    finally:
        process.terminate()
    rest = process.stderr.read()
    process.stderr.close()
    process.wait()
    return [json.loads(line) for line in (first + rest).splitlines()]


def spoil(address: str) -> None:
    """Send what is no HTTP: uvicorn warns of it."""
    import socket

    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"no http at all\r\n\r\n")
        raw.recv(100)
