"""The page's maths, tested by node where there is one (tests/web_maths)."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.evaluation.heatmaps import HEAT, OPACITY
from prompts.page_texts import page_texts
from prompts.reasons import english_reasons, reason_in
from tests.prompts.test_reasons import SAID

FOLDER = Path(__file__).resolve().parent.parent / "web_maths"


def test_the_pure_modules_of_the_page() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node is installed; the maths is still used by the browser tests")
    done = subprocess.run([node, "--test", *map(str, FOLDER.glob("*.test.mjs"))], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_heat_looks_the_same_on_the_page_and_in_the_run_s_pictures() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node is installed to read the page's tables")
    source = (FOLDER.parent.parent / "web" / "static" / "js" / "kinds" / "detect" / "maths.js").read_text(
        encoding="utf-8"
    )
    script = f"{source}\nconsole.log(JSON.stringify([STOPS, STRENGTH]));"
    told = subprocess.run([node, "--input-type=module"], input=script, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [HEAT.tolist(), OPACITY.tolist()]


def test_the_page_says_why_something_could_not_be_as_our_sentences_do() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node is installed")
    source = (FOLDER.parent.parent / "web" / "static" / "js" / "i18n.js").read_text(encoding="utf-8")
    texts = {"texts": page_texts("ko"), "english-reasons": english_reasons()}
    given = json.dumps({id: {"textContent": json.dumps(dict(each))} for id, each in texts.items()})
    asked = [
        *SAID,
        "CUDA error (99)",
        "a (b",
        "",
        "memory ran out: " * 100 + "x",
        "memory ran out: x; " * 99,
        "a" * 3000,
    ]
    script = (
        f"globalThis.document = {{ documentElement: {{ lang: 'ko' }}, getElementById: (id) => ({given})[id] }};\n"
        f"{source}\nconsole.log(JSON.stringify({json.dumps(asked)}.map(reasonOf)));"
    )
    told = subprocess.run([node, "--input-type=module"], input=script, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [reason_in("ko", reason) for reason in asked]
