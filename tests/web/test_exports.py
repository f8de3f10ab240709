"""A run's model is exported from its page: asked for, followed, fetched; a refusal says why, and another request is not in the way."""

import json
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from tests.stored_home import FINISHED, unpack
from web.app import create_app

LONGEST_S = 120


@pytest.fixture
def stored(settings: Settings) -> Settings:
    unpack(settings.home)
    return settings


def ended(client: TestClient, run: str, format: str) -> dict[str, Any]:
    """How a format stands when nothing of it is under way any more."""
    until = time.monotonic() + LONGEST_S
    while True:
        told = client.get(f"/api/runs/{run}/exports").json()
        found: dict[str, Any] = next(each for each in told["formats"] if each["format"] == format)
        if found["stage"] is None:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.2)


def test_an_export_is_followed_and_fetched(stored: Settings) -> None:
    with TestClient(create_app(stored), base_url="http://localhost") as client:
        asked = client.post(f"/api/runs/{FINISHED}/export", json={"format": "pt2"})
        assert asked.status_code == 202
        assert next(each["stage"] for each in asked.json()["formats"] if each["format"] == "pt2") is not None
        found = ended(client, FINISHED, "pt2")
        assert found["refused"] is None and found["done"]["parity"]["changed"] == []
        (file,) = found["done"]["files"]
        got = client.get(f"/runs/{FINISHED}/exports/pt2/{file['name']}")
        assert (len(got.content), file["name"]) == (file["bytes"], f"{FINISHED}.pt2")
        assert got.headers["content-disposition"].startswith("attachment")
        assert str(stored.home) not in json.dumps(found)
        for other in ("..%2Fspec.json", "r2.pt2", ".pt2"):
            assert client.get(f"/runs/{FINISHED}/exports/pt2/{other}").status_code == 404
        assert 'class="block exports"' in client.get(f"/runs/{FINISHED}").text


def test_a_run_without_a_model_is_refused_in_words_and_formats_that_there_are_not_too(
    finished_run: str, settings: Settings
) -> None:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        client.post(f"/api/runs/{finished_run}/export", json={"format": "onnx"})
        found = ended(client, finished_run, "onnx")
        assert found["done"] is None and found["refused"]["message"]
        assert client.post(f"/api/runs/{finished_run}/export", json={"format": "tensorrt"}).status_code == 422
        assert client.post("/api/runs/r99/export", json={"format": "onnx"}).status_code == 404
