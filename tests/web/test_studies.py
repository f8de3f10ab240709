"""A repeatability study of a real model, begun over HTTP and read on its page and in its report."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assistant.settings import Settings
from tests.stored_home import FINISHED, unpack
from web.app import create_app
from web.guard import REPORT_POLICY

AT = "/api/models/panels/studies"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    unpack(folder := tmp_path_factory.mktemp("home"))
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=home, hub="off")), base_url="http://localhost") as opened:
        opened.post("/api/models/panels/versions", json={"run": FINISHED}).raise_for_status()
        yield opened


def ended(client: TestClient) -> dict[str, Any]:
    for _ in range(600):
        told: dict[str, Any] = client.get(AT).json()
        if told["under_way"] is None or told["under_way"]["refused"]:
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def test_a_study_is_begun_on_the_page_kept_and_reported(client: TestClient, home: Path, tmp_path: Path) -> None:
    assert "murascope study panels@champion FOLDER" in client.get("/models/panels").text
    for label, of in (("good", "good"), ("defective", "dead_pixels")):
        source = next(iter(sorted((home / "panels" / "test").glob(f"{of}/*.png"))), None)
        source = source or next(
            each for each in sorted((home / "panels" / "test").rglob("*.png")) if each.parent.name != "good"
        )
        for number in range(3):
            target = tmp_path / "parts" / label / "P1" / f"{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    begun = client.post(AT, json={"folder": str(tmp_path / "parts"), "who": "Mina"})
    assert begun.status_code == 202 and begun.json()["under_way"]["refused"] is None
    told = ended(client)
    assert told["under_way"] is None, told
    (study,) = told["studies"]
    assert told["under_way"] is None
    assert (study["reference"], study["version"], study["run"], study["who"]) == ("panels@1", 1, FINISHED, "Mina, page")
    assert study["study"]["measures"]["repeatability"]["value"] == 1  # the same picture three times
    assert client.get(f"{AT}/{study['id']}").json() == study
    for language, said in (("en", "Repeatability study"), ("ko", "반복성 평가"), ("zh", "重复性研究")):
        page = client.get(f"/models/panels?lang={language}").text
        answer = client.get(f"{AT}/{study['id']}/report.html?lang={language}")
        assert answer.headers["content-security-policy"] == REPORT_POLICY  # so that its style and pictures are shown
        report = answer.text
        assert said in page and "Mina, page" in page and f"{AT}/{study['id']}/report.html" in page
        assert said in report and study["data"] in report and "good/P1" in report
        assert not re.search(r"<script|https?://|src=\"[^d]", report)


def test_what_cannot_be_studied_is_told_in_words(client: TestClient, tmp_path: Path) -> None:
    for body, status in (({}, 422), ({"folder": "/a", "dataset": "b"}, 422), ({"dataset": "nowhere"}, 404)):
        assert client.post(AT, json=body).status_code == status
    assert client.get(f"{AT}/nothing").status_code == 404
    assert client.get("/api/models/nix/studies").status_code == 404
    client.post(AT, json={"folder": str(tmp_path / "nowhere")}).raise_for_status()
    assert ended(client)["under_way"]["refused"]["code"] == "no_folder"
