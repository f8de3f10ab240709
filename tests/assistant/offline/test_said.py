"""What a person says is read once: its language, whether it asks, what it answers; and what it asks for."""

import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from assistant.chat.conversation import Conversation
from assistant.offline.said import Said, read
from assistant.offline.understand import understand
from tests.talk import say

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", Said("yes", "en", False, "yes")),
        ("네?", Said("네?", "ko", True, "question")),
        ("用 OLED 数据训练 PatchCore", Said("用 OLED 数据训练 PatchCore", "zh", False, None)),
        ("42", Said("42", "ko", False, None)),  # of no language of its own: that of the page
    ],
)
def test_a_message_is_read_in_its_language_and_as_the_answer_that_it_may_be(text: str, said: Said) -> None:
    assert read(text, otherwise="ko") == said


@pytest.fixture
def understood() -> Iterator[list[str]]:
    """The texts that are understood by rules, as often as they are."""
    texts: list[str] = []

    def hear(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is understand.__code__:
            texts.append(frame.f_locals["text"])

    sys.setprofile(hear)
    yield texts
    sys.setprofile(None)


async def test_the_built_in_assistant_understands_a_message_once(
    conversation: Conversation, understood: list[str]
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    assert understood == ["train PatchCore on the OLED data"]
