"""English counts: 1 picture, 2 pictures."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from prompts.figures import counted
from prompts.page_texts import page_texts

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("assistant/cli", "assistant/models", "assistant/telling", "assistant/data", "web")
NOUNS = "alarms|defects|epochs|files|images|models|nodes|parts|pictures|regions|runs|sentences|trainings|versions"
MANY = re.compile(
    rf"\s(?:(?:defective|different|false|good|masks?|new|real|reviewed|test|usual)\s){{0,2}}(?:{NOUNS})\b"
)
NEVER_ONE = {  # constants, and counts that are larger by what is done before
    "assistant/cli/training.py: made.pictures",
    "assistant/models/adapting.py: len(judged)",
    "assistant/models/drift.py: FEWEST",
    "assistant/models/drift.py: FEWEST_KEPT",
    "web/pictures.py: MOST_WAITING",
    "web/routes/predictions.py: MOST_PICTURES",
}
TEXTS_NEVER_ONE = {  # of groups, of what is told from a number on, and of what lies between others
    "compare.too_many", "drift.steady", "group.title.models", "likely.rests", "notice.backbone_has_seen", "notice.leave_one_out",
    "notice.memory_models_only", "notice.scores_all_equal", "notice.uneven_classes", "results.promise_show", "runs.compare_how",
}  # fmt: skip


def test_a_count_is_told_in_the_number_that_it_has() -> None:
    assert [counted(1, "picture"), counted(0, "picture"), counted(1200, "good one")] == [
        "1 picture", "0 pictures", "1,200 good ones",
    ]  # fmt: skip
    assert [counted(number, "picture waits", "pictures wait") for number in (1, 2)] == [
        "1 picture waits", "2 pictures wait",
    ]  # fmt: skip


def test_no_plural_follows_a_count_that_may_be_one_in_terminals_and_errors() -> None:
    found = {f"{path}: {value}" for room in ROOMS for path, value in _before_plurals(room)}
    assert found - NEVER_ONE == set()


def test_no_plural_follows_a_count_that_may_be_one_on_the_page() -> None:
    found = set()
    for key, text in page_texts("en").items():
        if isinstance(text, str) and not key.startswith(("setting.", "help.", "reason.")):
            for count in re.finditer(r"(\b(?:of|all|at most|than) )?\{\w+\}", text):
                if not count[1] and MANY.match(text, count.end()):
                    found.add(key)
    assert found - TEXTS_NEVER_ONE == set()


def _before_plurals(room: str) -> Iterator[tuple[str, str]]:
    """Values of f-strings that a plural follows, by file."""
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            pieces = node.values if isinstance(node, ast.JoinedStr) else []
            for value, text in pairwise(pieces):
                if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant) and MANY.match(text.value):
                    yield path.relative_to(ROOT).as_posix(), ast.unparse(value.value)
