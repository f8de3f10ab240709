"""What a person says is read once: its language, whether it asks, what it answers; and what it asks for."""

from typing import Any

import pytest

from assistant.chat.conversation import Conversation
from assistant.offline.language import detect_language
from assistant.offline.requests import Understood
from assistant.offline.said import Said, read
from assistant.offline.understand import understand
from prompts.languages import Language
from tests.talk import answers, say

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


@pytest.mark.parametrize("text", ["magnetic_tile", " Magnetic_Tile.", "PatchCore, magnetic_tile"])
def test_a_name_alone_is_of_no_language_of_its_own(text: str) -> None:
    names = ["magnetic_tile", "tile", "patchcore", "PatchCore"]
    assert read(text, otherwise="ko", names=names).language == "ko"
    assert read(f"train {text}", otherwise="ko", names=names).language == "en"
    assert read("tiles", otherwise="ko", names=names).language == "en"  # no name, but a word that holds one


@pytest.mark.parametrize(
    ("sentence", "language"),
    [("분류기 학습해줘", "ko"), ("训练分类器", "zh"), ("train a classifier", "en")],
    ids=["ko", "zh", "en"],
)
async def test_a_name_alone_is_answered_in_the_language_of_the_conversation(
    conversation: Conversation, sentence: str, language: Language
) -> None:
    await say(conversation, sentence)  # on a page that is English
    told = answers(await say(conversation, "oled"))
    assert detect_language(told) == language


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are understood, as often as they are."""
    texts: list[str] = []

    def hear(text: str, **known: Any) -> Understood:
        texts.append(text)
        return understand(text, **known)

    monkeypatch.setattr("assistant.offline.understand.understand", hear)
    return texts


async def test_the_built_in_assistant_understands_a_message_once(
    conversation: Conversation, understood: list[str]
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    assert understood == ["train PatchCore on the OLED data"]
