"""A run as an LLM over a real socket puts it together from our sentences; where it uses none, our own words stand."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from assistant.llm.providers import choose, open_model
from assistant.llm.summaries import summarize
from assistant.settings import Settings
from assistant.telling import Sentence
from prompts.languages import Language
from tests.llm_server import LLMServer, Protocol, Text

pytestmark = pytest.mark.anyio

OWN = "**r7** missed 14 of 40."
MISSED = Sentence("r7.missed", "**r7** missed 14 of 40 defective images.", {})
AUROC = Sentence("r7.image_auroc", "The image AUROC is 0.919.", {})


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
        return await summarize([MISSED, AUROC], OWN, language, model)


@pytest.mark.parametrize("protocol", get_args(Protocol))
async def test_a_summary_is_made_of_our_sentences_in_the_llms_order(server: LLMServer, protocol: Protocol) -> None:
    text = "Here is what was measured: [[r7.image_auroc]]\n\n- [[r7.missed]]"
    shown = f"Here is what was measured: {AUROC.text}\n\n- {MISSED.text}"
    assert await told(server, text, protocol=protocol) == shown


async def test_of_a_summary_what_claims_is_dropped_and_our_sentences_stay(server: LLMServer) -> None:
    assert await told(server, "A perfect result. [[r7.missed]] All lines were found.") == MISSED.text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "It missed 13 of 40."),
        ("en", "Ninety-nine percent of the lines were found."),
        ("ko", "아흔아홉 퍼센트를 찾았습니다."),
        ("zh", "漏检率只有百分之一。"),
        ("en", " \n "),
    ],
)
async def test_a_summary_without_a_sentence_of_ours_gives_way_to_our_own(
    server: LLMServer, language: Language, text: str
) -> None:
    assert await told(server, text, language=language) == OWN
