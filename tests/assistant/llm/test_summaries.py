"""A run in plain words by an LLM over a real socket: shown when every figure in it is a fact, else our own words are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from assistant.llm.providers import choose, open_model
from assistant.llm.summaries import summarize
from assistant.settings import Settings
from engine.contract.policy import Promise
from prompts.languages import Language
from tests.llm_server import LLMServer, Protocol, Text

pytestmark = pytest.mark.anyio

OWN = "**r7** missed 14 of 40."


def summary_facts(**changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "task": "detect",
        "run": "r7",
        "dataset": "oled",
        "synthetic": False,
        "model": "patchcore",
        "model_title": "PatchCore",
        "image_size": 256,
        "weights": {"backbone": "mobilenetv2_100", "source": "local"},
        "counts": {"test_good": 20, "test_defective": 40, "broken": 0},
        "metrics": {
            "image_auroc": 0.91875,
            "image_aupr": 0.9653,
            "pixel_auroc": 0.8182,
            "pixel_aupr": 0.0561,
            "missed": 14.0,
            "false_alarms": 0.0,
        },
        "reasons": {},
        "intervals": {"image_auroc": [0.84, 0.975]},
        "threshold": {
            "image": 6.4012,
            "calibration_images": 12,
            "overkill_rate": 0.05,
            "promised": 1 / 13,
            "smallest_promise": 1 / 13,
            "said": Promise("split_conformal", 12, 0.05, 1 / 13).said(),
        },
        "per_defect_type": {"line": {"count": 8, "found": 6, "missed": 2}},
        "seconds": {"total": 43.2},
    }
    return facts | changes


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
        return await summarize(summary_facts(), OWN, language, model)


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
    assert await told(server, text, language=language) == OWN


async def test_an_empty_summary_gives_way_to_our_own_words(server: LLMServer) -> None:
    assert await told(server, " \n ") == OWN
