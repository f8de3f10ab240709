"""Page, chat and terminal say a length of time alike."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from prompts.durations import duration
from prompts.languages import Language
from prompts.page_texts import page_texts

PROJECT = Path(__file__).resolve().parent.parent.parent
SECONDS = [0, 0.04, 0.44, 0.949, 0.95, 1.5, 2.5, 9.96, 40, 89.4, 89.6, 90, 150, 3151, 5399, 5400, 7199, 7200, 7500, 100_000, 4_000_000]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.1 s"),
        (0.44, "0.4 s"),
        (40, "40 s"),
        (3151, "53 min"),
        (7200, "2 h"),
        (7500, "2 h 5 min"),
        (100_000, "27 h 47 min"),
    ],
)
def test_a_length_of_time_is_said_in_hours_and_minutes(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize("language", get_args(Language))
def test_the_page_s_script_says_the_same(language: Language) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node is installed to run the page's script")
    texts = json.dumps(page_texts(language), ensure_ascii=False)
    script = f"""
    globalThis.document = {{ getElementById: (id) => ({{ textContent: id === "texts" ? {json.dumps(texts)} : "{{}}" }}), documentElement: {{ lang: {json.dumps(language)} }} }};
    const {{ duration }} = await import({json.dumps((PROJECT / "web/static/js/format.js").as_uri())});
    console.log(JSON.stringify({json.dumps(SECONDS)}.map(duration)));
    """
    told = subprocess.run([node, "--input-type=module", "-"], input=script, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [duration(seconds, language) for seconds in SECONDS]
