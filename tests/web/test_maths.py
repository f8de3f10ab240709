"""The page's maths, tested by node where there is one (tests/web_maths)."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "web_maths"


def test_the_pure_modules_of_the_page() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node is installed; the maths is still used by the browser tests")
    done = subprocess.run([node, "--test", *map(str, FOLDER.glob("*.test.mjs"))], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
