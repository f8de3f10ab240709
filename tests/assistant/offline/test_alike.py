"""A choice is read off a sentence as the examples of its tool have it."""

import tomllib

import pytest

from assistant.offline.alike import choice_alike
from assistant.tools import FOLDER


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("can I really trust what r4 says?", "trust"), ("did r9 overfit, you think?", "overfit"), ("why are so many good ones rejected by r2?", "why"),
        ("r3 결과를 정말 믿어도 돼?", "trust"), ("r5 과적합된 거 아니야?", "overfit"), ("r2에서 제일 못 찾는 불량 유형이 뭐야?", "worst"),
        ("r7 的结果到底可不可信？", "trust"), ("r8 为什么漏了这么多缺陷？", "why"), ("r2 里哪种缺陷类型最差？", "worst"),
    ],
)  # fmt: skip
def test_a_question_is_that_of_the_examples_most_like_it(text: str, question: str) -> None:
    assert choice_alike("explain_result", "question", text) == question


def test_each_example_is_read_as_it_says_itself() -> None:
    entries = tomllib.loads((FOLDER / "explain_result" / "examples.toml").read_text("utf-8"))["example"]
    said = [(text, each["arguments"]["question"]) for each in entries for of in ("en", "ko", "zh") for text in each[of]]
    wrong = [text for text, question in said if choice_alike("explain_result", "question", text) != question]
    assert len(wrong) <= 0.03 * len(said), wrong
