"""The threshold of a run over REST: told, set by a person, followed by the results, and never set by two pages at once."""

import re
from pathlib import Path

from starlette.testclient import TestClient

from prompts.languages import LANGUAGES
from prompts.page_texts import page_texts

PROJECT = Path(__file__).resolve().parents[2]


def test_setting_it_changes_what_is_told_of_the_run_at_once(finished_run: str, client: TestClient) -> None:
    address = f"/api/runs/{finished_run}"
    before = client.get(f"{address}/threshold").json()
    assert (before["in_force"]["version"], before["in_force"]["missed"], before["in_force"]["defective"]) == (1, 1, 2)
    preset = next(each for each in before["presets"] if each["name"] == "no_escapes")
    told = client.post(f"{address}/threshold", json={"asked": preset["asked"], "seen": 1, "why": "customer"}).json()
    assert told["in_force"] == {**told["in_force"], "version": 2, "who": "page", "why": "customer", "missed": 0}
    assert (before["can_undo"], told["can_undo"]) == (False, True)
    assert (told["metrics"]["missed"], told["in_force"]["value"]) == (0, preset["value"])
    assert [image["verdict"] for image in client.get(f"{address}/results").json()["images"]] == ["defective"] * 3
    assert client.get(address).json()["metrics"]["false_alarms"] == 1
    assert client.get(f"{address}/threshold").json()["versions"] == told["versions"]


def test_the_second_of_two_pages_that_set_it_is_refused(finished_run: str, client: TestClient) -> None:
    address = f"/api/runs/{finished_run}/threshold"
    assert client.post(address, json={"asked": {"value": 0.3}, "seen": 1}).status_code == 200
    answer = client.post(address, json={"asked": {"value": 0.7}, "seen": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_threshold")
    assert client.get(address).json()["in_force"]["value"] == 0.3


def test_another_page_cannot_set_it_and_what_is_no_wish_is_refused(finished_run: str, client: TestClient) -> None:
    address = f"/api/runs/{finished_run}/threshold"
    foreign = {"origin": "http://evil.example"}
    assert client.post(address, json={"asked": {"value": 0.3}, "seen": 1}, headers=foreign).status_code == 403
    answer = client.post(address, json={"asked": {"overkill_rate": 5}, "seen": 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_threshold")
    assert client.get(address).json()["in_force"]["version"] == 1


def test_a_wish_beyond_all_sense_is_answered_and_so_is_one_with_half_a_character(
    finished_run: str, client: TestClient
) -> None:
    address = f"/api/runs/{finished_run}/threshold"
    for rate in (5e-324, 1e-309, 1e-300):
        assert client.get(f"{address}/would", params={"overkill_rate": rate}).status_code == 200
    half = b'{"asked": {"to": "\\ud800"}, "seen": 1}'
    answer = client.post(address, content=half, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_threshold")


def test_what_a_wish_would_cost_is_told_and_nothing_set(finished_run: str, client: TestClient) -> None:
    address = f"/api/runs/{finished_run}/threshold"
    told = client.get(f"{address}/would", params={"escape_rate": 0}).json()
    assert (told["now"]["missed"], told["then"]["missed"], told["then"]["false_alarms"]) == (1, 0, 1)
    assert client.get(address).json()["in_force"]["version"] == 1


def test_whatever_is_refused_has_words_in_every_language() -> None:
    sources = ("assistant/runs/thresholds.py", "engine/contract/another_threshold.py")
    made = re.compile(r'(?:ThresholdRefused|CannotSet)\(\s*"(\w+)"')
    codes = {code for source in sources for code in made.findall((PROJECT / source).read_text("utf-8"))}
    assert len(codes) >= 7
    for language in LANGUAGES:
        texts = page_texts(language)
        assert {code for code in codes if f"error.{code}" not in texts or f"error.{code}.hint" not in texts} == set()
