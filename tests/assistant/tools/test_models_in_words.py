"""A model is registered, promoted, told of and rolled back in words; each change waits for a yes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import ConfirmItem
from assistant.settings import Settings
from assistant.tools.words import question_words
from assistant.workspace import Workspace
from prompts.languages import Language
from tests.stored_home import FINISHED, unpack
from tests.talk import answers, say

pytestmark = pytest.mark.anyio


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A home with a finished run of version 0.1.0, of whose test images one is gone."""
    unpack(tmp_path)
    next(tmp_path.rglob("test/good/*.png")).unlink()
    async with Workspace.open(Settings(home=tmp_path, hub="off", tracking="off")) as opened:
        yield opened


async def asked(conversation: Conversation, text: str, language: Language = "en") -> str:
    """The words of the question that it leads to."""
    item = next(item for item in await say(conversation, text, language) if isinstance(item, ConfirmItem))
    return question_words(item.action, item.values, language)


async def test_a_training_becomes_the_champion_and_is_rolled_back(workspace: Workspace) -> None:
    conversation, registry = await workspace.conversations.create("en"), workspace.models.registry
    assert "no model is registered" in answers(await say(conversation, "promote the candidate")).lower()
    assert "not registered yet" in answers(await say(conversation, f"promote {FINISHED}"))

    assert f"Register the model of {FINISHED}" in await asked(conversation, f"register {FINISHED}")
    assert await registry.list() == []
    assert "version 1" in answers(await say(conversation, "yes"))
    (model,) = await registry.list()
    name = model.row.name

    question = await asked(conversation, "promote it")
    assert "could not be checked again" in question and "Your yes is kept as the reason" in question
    assert (await registry.get(name)).aliases.champion is None
    assert "champion now" in answers(await say(conversation, "yes"))
    assert (await registry.get(name)).aliases.champion == 1
    last = (await registry.history(name))[0][-1]
    assert (last.who, last.why.startswith("yes in the conversation to: ")) == ("chat", True)

    told = answers(await say(conversation, "which version is the champion"))
    assert "version 1 (**champion**)" in told
    assert "no champion before this one" in answers(await say(conversation, "roll back to the previous version"))


@pytest.mark.parametrize(("language", "text"), [("ko", "이 모델 배포해줘"), ("zh", "发布候选版本")])
async def test_a_no_promotes_nothing(workspace: Workspace, language: Language, text: str) -> None:
    version = await workspace.models.register("panels", FINISHED, who="page")
    conversation = await workspace.conversations.create(language)
    assert "panels" in await asked(conversation, text, language)
    await say(conversation, {"ko": "아니", "zh": "不"}[language], language)
    model = await workspace.models.registry.get("panels")
    assert (model.aliases.candidate, model.aliases.champion) == (version.row.version, None)


async def test_which_of_several_models_is_meant_is_asked(workspace: Workspace) -> None:
    for name in ("panels", "cells"):
        await workspace.models.register(name, FINISHED, who="page")
    conversation = await workspace.conversations.create("en")
    told = answers(await say(conversation, "promote the candidate"))
    assert "Which of the registered models" in told
    assert "Promote version 1 of cells" in await asked(conversation, "cells")
