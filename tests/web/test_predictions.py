"""A real model at work behind the real application: what it says over HTTP is what the engine said, whatever happens to its process."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from engine.contract.folder import RunFolder
from engine.contract.results.detect import DetectResults, Finding
from tests.stored_home import FINISHED, unpack
from web.app import create_app
from web.routes import predictions as routes

PNG = {"content-type": "image/png"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a finished PaDiM and the pictures that it was tested with."""
    unpack(folder := tmp_path_factory.mktemp("home"))
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    return home / "runs" / FINISHED


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    settings = Settings(home=home, hub="off", serving_queue=200)
    with TestClient(create_app(settings), base_url="http://localhost") as opened:
        yield opened


@pytest.fixture(scope="module")
def results(run: Path) -> DetectResults:
    return RunFolder(run).evaluation.read(DetectResults)


def pictures(run: Path, results: DetectResults) -> list[tuple[str, tuple[str, bytes, str]]]:
    data = run.parent.parent / "panels"
    return [("pictures", (row.name, (data / row.name).read_bytes(), "image/png")) for row in results.rows]


def ask(client: TestClient, files: Any, **query: Any) -> dict[str, Any]:
    answer = client.post("/api/models/r1/predict", files=files, params=query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def warm(client: TestClient) -> dict[str, int]:
    found: dict[str, int] = client.app.state.workspace.predictions.pool.workers()  # type: ignore[attr-defined]
    return found


def test_what_is_predicted_is_what_the_evaluation_said(client: TestClient, run: Path, results: DetectResults) -> None:
    told = ask(client, pictures(run, results))
    assert [each["name"] for each in told["pictures"]] == [row.name for row in results.rows]
    for each, row in zip(told["pictures"], results.rows, strict=True):
        assert each["score"] == pytest.approx(row.score, abs=1e-5)
        assert each["is_anomalous"] == row.is_anomalous
        assert each["verdict"] == ("defective" if row.is_anomalous else "good")
        assert each["p_value"] == pytest.approx(row.p_value)
        assert 0 <= each["confidence"] <= 1 and 0 <= each["uncertainty"] <= 1
        found = RunFolder(run).evaluation.read_finding(row.index, Finding)
        assert found is not None
        assert [tuple(region["box"]) for region in each["regions"]] == [region.box for region in found.regions]


def test_a_moved_threshold_judges_the_next_picture_without_another_process(
    client: TestClient, run: Path, results: DetectResults
) -> None:
    one = pictures(run, results)[:1]
    before, process = ask(client, one)["pictures"][0], warm(client)
    client.post(
        "/api/runs/r1/threshold", json={"asked": {"value": before["score"] - 0.01}, "seen": 1}
    ).raise_for_status()
    after = ask(client, one)["pictures"][0]
    client.post("/api/runs/r1/threshold", json={"asked": {"to": "previous"}, "seen": 2}).raise_for_status()
    assert (before["verdict"], after["verdict"]) == ("good", "defective")
    assert (before["threshold_version"], after["threshold_version"]) == (1, 2)
    assert after["score"] == pytest.approx(before["score"], abs=1e-6)
    assert warm(client) == process


def test_broken_pictures_are_told_by_name_and_the_others_answered(
    client: TestClient, run: Path, results: DetectResults
) -> None:
    whole = pictures(run, results)[0]
    cut = ("pictures", ("cut.png", whole[1][1][: len(whole[1][1]) // 2], "image/png"))
    text = ("pictures", ("text.png", b"not a picture", "image/png"))
    empty = ("pictures", ("empty.png", b"", "image/png"))
    told = ask(client, [text, whole, cut, empty])["pictures"]
    assert ["broken" in each for each in told] == [True, False, True, True]
    assert told[3] == {"name": "empty.png", "broken": "the file is empty"}


def test_a_prediction_is_on_record_with_its_pictures(client: TestClient, run: Path, results: DetectResults) -> None:
    content = pictures(run, results)[0][1][1]
    answer = client.post("/api/models/r1/predict?name=a.png&who=line&raw_map=true", content=content, headers=PNG)
    told = answer.json()["pictures"][0]
    assert client.get(f"/api/predictions/{told['id']}").json() == told
    listed = client.get("/api/predictions", params={"run": "r1", "image": told["sha256"], "most": 1})
    assert listed.json() == [told]
    assert int(listed.headers["x-total-count"]) >= 1
    assert (told["who"], told["name"], told["run"]) == ("line", "a.png", "r1")
    for what, kind in (("heatmap", "image/jpeg"), ("picture", "image/jpeg"), ("map", "image/png")):
        assert client.get(told[what]).headers["content-type"] == kind
    assert client.get(told["heatmap"].replace("heatmap.jpg", "other.png")).status_code == 404
    assert client.get("/api/predictions/none").json()["code"] == "unknown_prediction"


def test_a_decision_is_reported_with_what_it_rests_on(client: TestClient, run: Path, results: DetectResults) -> None:
    content = pictures(run, results)[-1][1][1]
    told = client.post("/api/models/r1/predict?name=<b>a.png", content=content, headers=PNG).json()["pictures"][0]
    report = client.get(f"/api/predictions/{told['id']}/report").json()
    assert report["image"]["sha256"] == told["sha256"] == hashlib.sha256(content).hexdigest()
    assert report["threshold"]["value"] == told["threshold"] and report["data"]["fingerprint"] == told["data"]
    assert report["model"]["run"] == "r1" and report["reviewer"] is None
    factors = {each["name"]: each["value"] for each in report["factors"]}
    assert factors["above_threshold"] == pytest.approx(told["score"] - told["threshold"])
    assert report["types"] == told["types"] and report["types"]["reason"].startswith("this run kept no features")
    for language, word in (("en", "No likely type"), ("ko", "추정 유형 없음"), ("zh", "没有推测类型")):
        assert any(line.startswith(word) for line in report["said"][language])
    for language, word in (("en", "defective"), ("ko", "불량"), ("zh", "有缺陷")):
        assert word in report["said"][language][0] and f"{told['score']:.5g}" in report["said"][language][0]
        page = client.get(f"/predictions/{told['id']}/report.html?lang={language}").text
        assert f'lang="{language}"' in page and told["sha256"] in page and "data:image/jpeg;base64," in page
        assert "<b>" not in page.split("<h1")[1].split("</h1>")[0]
    assert client.get("/api/predictions/none/report").status_code == 404


def test_what_a_person_says_of_a_decision_stands_in_its_report(
    client: TestClient, run: Path, results: DetectResults
) -> None:
    content = pictures(run, results)[-1][1][1]
    told = client.post("/api/models/r1/predict?name=a.png", content=content, headers=PNG).json()["pictures"][0]
    at = f"/api/predictions/{told['id']}"
    said = client.post(f"{at}/feedback", json={"verdict": "good", "who": "Mina", "region": [1, 2, 3, 4]})
    assert (said.status_code, said.json()["number"], said.json()["picture"]) == (201, 1, "kept")
    home = client.app.state.workspace.settings.home  # type: ignore[attr-defined]
    assert (home / "feedback" / told["sha256"][:2] / told["sha256"]).read_bytes() == content
    report = client.get(f"{at}/report").json()
    assert (report["reviewer"], report["review"]["verdict"]) == ("Mina", "good")
    assert "Reviewed by Mina (good)." in report["said"]["en"]
    assert not any("marked" in line for line in report["said"]["en"])  # a good part has no defect
    found = client.get("/api/models/r1/feedback").json()
    assert (found["good"], found["false_alarms"], found["proposals"][0]["what"]) == (1, 1, "let_pass")
    said = client.post(f"{at}/feedback", json={"verdict": "defective", "region": [1, 2, 3.5, 4]})
    assert said.json()["region"] == [1, 2, 3.5, 4]
    report = client.get(f"{at}/report").json()
    assert report["review"]["region"] == [1, 2, 3.5, 4]
    assert "at x 1, y 2: a box of 3.5 × 4 pixels" in report["said"]["en"][-1]
    share = 100 / report["review"]["image_size"]
    assert (
        f"left: {share}%; top: {2 * share}%; width: {3.5 * share}%"
        in client.get(f"/predictions/{told['id']}/report.html").text
    )
    assert client.post(f"{at}/feedback", json={"verdict": "maybe"}).status_code == 422
    assert client.post("/api/predictions/none/feedback", json={"verdict": "good"}).status_code == 404


def test_reviewed_pictures_become_a_data_set_that_a_gate_is_measured_on(
    client: TestClient, run: Path, results: DetectResults
) -> None:
    files, rows = pictures(run, results), results.rows
    told = [each for each, row in zip(ask(client, files)["pictures"], rows, strict=True) if row.label != "unknown"]
    for each in told:
        is_good = "good" in each["name"]
        said = client.post(
            f"/api/predictions/{each['id']}/feedback", json={"verdict": "good" if is_good else "defective"}
        )
        assert said.json()["picture"] == "kept"
    at = "/api/models/r1/feedback"
    made = client.post(f"{at}/dataset", json={"dataset": "from the line"}).json()
    assert (made["train_good"], made["test_good"], made["test_defective"]) == (0, 6, 6)
    assert client.get(at).json()["kept"] == 12
    taken = client.post(f"{at}/dataset", json={"dataset": "From The Line", "with_training_data": True})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert client.post("/api/models/line/versions", json={"run": "r1"}).status_code == 201
    assert "data-tells-feedback" in client.get("/models/line").text
    gate = {"max_escape": 0.5, "max_overkill": 0.5, "data": "from the line"}
    client.put("/api/models/line/gate", json={"gate": gate}).raise_for_status()
    measured = client.post("/api/models/line/assess", json={"version": 1}).json()["measured"]
    assert (measured["data"], measured["escapes"]["defective"][1], measured["overkill"][1]) == ("from the line", 6, 6)


def test_what_cannot_be_taken_is_refused_with_what_to_do(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str, **request: Any) -> tuple[int, str]:
        answer = client.post(f"/api/models/{path}/predict", **request)
        return answer.status_code, answer.json()["code"]

    many = [("pictures", (f"{number}.png", b"x", "image/png")) for number in range(65)]
    assert refused("r1", content=b"text", headers={"content-type": "text/plain"}) == (415, "not_pictures")
    assert refused("r1", content=b"text", headers=PNG) == (422, "picture_unreadable")
    assert refused("r1", files=many) == (413, "too_many_pictures")
    assert refused("r1", data={"a": "b"}, files=[]) == (415, "not_pictures")
    assert refused("r77", content=b"x", headers=PNG) == (404, "not_found")
    assert refused("screws@champion", content=b"x", headers=PNG) == (404, "unknown_model")
    monkeypatch.setattr(routes, "MOST_BYTES", 100)
    assert refused("r1", content=b"x" * 101, headers=PNG) == (413, "picture_too_large")
    other = {"origin": "http://evil.example", **PNG}
    assert client.post("/api/models/r1/predict", content=b"x", headers=other).status_code == 403


def test_a_large_picture_lies_in_a_file_until_it_is_judged(
    client: TestClient, run: Path, results: DetectResults
) -> None:
    content = pictures(run, results)[0][1][1]
    padded = content + b"\0" * (3 << 20)  # behind its end a PNG may have anything
    told = client.post("/api/models/r1/predict", content=padded, headers=PNG).json()["pictures"][0]
    assert told["score"] == pytest.approx(results.rows[0].score, abs=1e-5)
    folder = client.app.state.workspace.settings.home / "cache" / "incoming"  # type: ignore[attr-defined]
    assert list(folder.iterdir()) == []
    said = client.post(f"/api/predictions/{told['id']}/feedback", json={"verdict": "good"})
    assert said.json()["picture"] == "kept"  # though it arrived in a file that is gone


def test_whoever_asks_while_the_process_is_killed_gets_an_answer_and_the_next_one_too(
    client: TestClient, run: Path, results: DetectResults
) -> None:
    files, begun = pictures(run, results), threading.Barrier(7)
    ask(client, files[:1])

    def asks(number: int) -> list[dict[str, Any]]:
        begun.wait()
        return [each for _ in range(2) for each in ask(client, files)["pictures"]]

    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(asks, number) for number in range(6)]
        (process,) = warm(client).values()
        begun.wait()
        time.sleep(0.1)  # some are answered by then, others are not
        os.kill(process, signal.SIGKILL)
        told = [each for done in asking for each in done.result()]
    assert len(told) == 12 * len(files)
    scores = {row.name: row.score for row in results.rows}
    assert all(each["score"] == pytest.approx(scores[each["name"]], abs=1e-5) for each in told)
    assert ask(client, files[:1])["pictures"][0]["verdict"]
    assert set(warm(client).values()) != {process}
