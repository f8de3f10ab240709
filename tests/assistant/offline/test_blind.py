"""The requests that the understanding is measured by (benchmarks/understanding.py): each says clearly what is right."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.understanding import verdict_on

SETS = sorted(Path(__file__).with_name("blind").glob("*.jsonl"))


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("file", SETS, ids=lambda file: file.stem)
def test_a_set_has_at_least_66_requests_in_each_language(file):
    languages = [line["language"] for line in lines_of(file)]

    assert all(languages.count(language) >= 66 for language in ("en", "ko", "zh"))


@pytest.mark.parametrize("file", SETS, ids=lambda file: file.stem)
def test_a_line_expects_calls_or_an_intent_or_a_question_and_names_only_registered_data(file):
    for line in lines_of(file):
        assert sum([bool(line["calls"]), "intent" in line, "asks" in line]) == 1, line["id"]
        for call in [call for calls in [line["calls"], *line.get("or", [])] for call in calls]:
            assert call["arguments"].get("dataset", line["datasets"][0]) in line["datasets"], line["id"]


def test_no_request_stands_in_two_sets():
    texts = [line["text"] for file in SETS for line in lines_of(file)]

    assert len(texts) == len(set(texts))


PLAN = {"calls": [{"tool": "propose_training", "arguments": {"dataset": "oled", "overkill_rate": 0.03}}]}
TWO = {"calls": [{"tool": "list_runs", "arguments": {}}, {"tool": "stop_run", "arguments": {"run": "r3"}}]}
JOINED = {"calls": [{"tool": "compare_runs", "arguments": {"runs": ["r2", "r5"]}}]}
LIGHTER = {"calls": [{"tool": "propose_training", "arguments": {}, "free": True}]}
TALK = {"calls": [], "intent": "cannot", "or_intents": ["help"]}
UNKNOWN = {"calls": [], "asks": True, "near": "oled"}


@pytest.mark.parametrize(
    ("line", "answer", "verdict"),
    [
        (PLAN, {"tool": "propose_training", "arguments": {"dataset": "oled", "overkill_rate": 0.1 * 0.3}}, "right"),
        (PLAN, {"tool": "propose_training", "arguments": {"dataset": "oled"}}, "wrong"),
        (PLAN, {"tool": "propose_training", "arguments": {**PLAN["calls"][0]["arguments"], "seed": 1}}, "wrong"),
        (PLAN, {"tool": None, "arguments": {}}, "nothing"),
        (PLAN, {"calls": [], "asks": {"choices": ["oled"]}}, "asked back"),
        (TWO, {"calls": TWO["calls"]}, "right"),
        (TWO, {"calls": TWO["calls"][::-1]}, "wrong"),
        (TWO, TWO["calls"][0], "wrong"),
        (TWO | {"or": [TWO["calls"][:1]]}, TWO["calls"][0], "right"),
        (JOINED, {"calls": [{"tool": "compare_runs", "arguments": {"runs": ["r5", "r2"]}}]}, "right"),
        (LIGHTER, {"tool": "propose_training", "arguments": {"batch_size": 4}}, "right"),
        (LIGHTER, {"tool": "propose_training", "arguments": {}}, "wrong"),
        (TALK, {"calls": [{"tool": None, "intent": "help"}]}, "right"),
        (TALK, {"tool": None, "intent": "greeting"}, "wrong"),
        (TALK, {"tool": "stop_run", "arguments": {}}, "wrong"),
        (UNKNOWN, {"calls": [], "asks": {"choices": ["oled", "tiles"]}}, "right"),
        (UNKNOWN, {"calls": [], "asks": {"choices": ["tiles"]}}, "asked back"),
        (UNKNOWN, {"tool": "propose_training", "arguments": {"dataset": "oled"}}, "wrong"),
    ],
)
def test_right_is_every_call_with_every_argument_and_no_other(line, answer, verdict):
    assert verdict_on(line, answer) == verdict
