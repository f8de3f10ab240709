"""The requests that the understanding is measured by (benchmarks/understanding.py): each says clearly what is right."""

import json
from pathlib import Path
from typing import Any

import pytest

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
