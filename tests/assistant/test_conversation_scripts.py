"""The scripted conversations that the assistant is measured by: what they ask of a player is plain and can be had."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = {
    file.stem: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted(Path(__file__).with_name("conversations").glob("*.json"))
}
EXPECTED = {"act", "acts", "arguments", "choices", "plan", "plan_state", "runs", "says", "names", "never"}


def test_there_are_enough_conversations_in_each_language_and_turns_in_all():
    languages = Counter(script["language"] for script in SCRIPTS.values())

    assert all(languages[language] >= 14 for language in ("en", "ko", "zh"))
    assert sum(len(script["turns"]) for script in SCRIPTS.values()) >= 270


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_script_asks_for_nothing_that_its_home_has_not(script: dict[str, Any]):
    home = script["home"]
    runs = {run["id"] for run in home["runs"]}

    assert {run["dataset"] for run in home["runs"]} <= home["datasets"].keys()
    assert set(home.get("spoken_of", [])) <= runs
    for turn in script["turns"]:
        assert ("say" in turn) != ("do" in turn)
        expected = turn["expect"]
        assert expected and expected.keys() <= EXPECTED
        arguments = [expected.get("arguments", {}), *(each["arguments"] for each in expected.get("acts", []))]
        named = [expected.get("plan", {}), *arguments]
        assert {each["dataset"] for each in named if "dataset" in each} <= home["datasets"].keys()
        assert {each["run"] for each in named if "run" in each} <= runs
