"""A run in plain words by an LLM over a real socket: shown when every figure in it is a fact, else our own words are."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from assistant.kinds.summary import word
from assistant.llm.providers import choose, open_model
from assistant.llm.summaries import summarize
from assistant.settings import Settings
from prompts.languages import Language
from tests.assistant.test_words import summary_facts
from tests.llm_server import LLMServer, Protocol, Text

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


async def told(server: LLMServer, text: str, *, language: Language = "en", protocol: Protocol = "anthropic") -> str:
    server.play([Text(text)])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment(protocol).items():
            patch.setenv(name, value)
        settings = Settings(home=Path("unused"))
    async with open_model(choose(settings), settings) as model:
        return await summarize(summary_facts(), language, model)


@pytest.mark.parametrize("protocol", get_args(Protocol))
async def test_a_summary_whose_figures_are_all_facts_is_told_in_the_llms_words(
    server: LLMServer, protocol: Protocol
) -> None:
    text = "Good enough to try: AUROC 0.919 (95 % interval 0.84 to 0.975), took 43 s.\n\n1. It missed 14 of 40.\n2. No false alarm, 0 of 20."
    assert await told(server, text, protocol=protocol) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "AUROC 0.919. It missed 13 of 40."),
        ("en", "AUROC 0.919.\n\nNinety-nine percent of the lines were found."),
        ("en", "AUROC 0.9**9**9, with 95 % recall."),
        ("ko", "AUROC 0.919입니다. 아흔아홉 퍼센트를 찾았습니다."),
        ("zh", "AUROC 为 0.919。漏检率只有百分之一。"),
    ],
)
async def test_one_invented_figure_puts_our_own_words_in_its_place(
    server: LLMServer, language: Language, text: str
) -> None:
    assert await told(server, text, language=language) == word(summary_facts(), language)


async def test_an_empty_summary_gives_way_to_our_own_words(server: LLMServer) -> None:
    assert await told(server, " \n ") == word(summary_facts(), "en")
