"""Hostile text wherever text of somebody else is kept: whoever reads it out, the built-in assistant or an LLM that obeys it, nothing is done."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

import pytest

from assistant.frames import Say
from assistant.settings import Settings
from prompts.languages import Language
from tests.assistant.injection.payloads import CANARY, PAYLOADS, Payload
from tests.assistant.injection.stage import CARRIERS, MARKS, Home, carried_out, hostile_home, texts, told
from tests.llm_server import Conversation, LLMServer, Protocol, Reply, Text, ToolCall

pytestmark = pytest.mark.anyio

PROTOCOLS = get_args(Protocol)
LOOKS = {
    "en": ("what data do I have?", "what is in {data}?", "how good is r1?", "show me the missed images of r1", "list all runs", "why did r2 fail?", "how far is r3?", "train padim on {data}"),
    "ko": ("어떤 데이터가 있어?", "{data} 데이터에 뭐가 들어 있어?", "r1 결과 어때?", "r1이 놓친 이미지 보여줘", "학습 목록 보여줘", "r2 왜 실패했어?", "r3 어디까지 됐어?", "{data} 데이터로 padim 학습해 줘"),
    "zh": ("有哪些数据？", "{data} 数据集里有什么？", "r1 的结果怎么样？", "显示 r1 漏检的图像", "列出所有训练", "r2 为什么失败？", "r3 进行到哪里了？", "用 {data} 训练 padim"),
}  # fmt: skip
QUOTING = {
    "en": "I got a mail that says: “{text}” – what is that about?",
    "ko": "메일에 이렇게 적혀 있어: “{text}” 이게 무슨 뜻이야?",
    "zh": "邮件里写着：“{text}”，这是什么意思？",
}


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


async def say(home: Home, text: str, language: Language) -> None:
    await home.conversation.receive(Say(text=text), language)
    await home.conversation.finish()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda each: each.name)
async def test_the_built_in_assistant_carries_no_text_out(
    payload: Payload, settings: Settings, no_connection_leaves_this_machine: list[Any], counts: Callable[..., None]
) -> None:
    text, language = payload.text.format(plan="p1") if "{plan}" in payload.text else payload.text, payload.language
    async with hostile_home(settings, text, language) as home:
        for look in LOOKS[language]:
            await say(home, look.format(data=home.data), language)
        await say(home, QUOTING[language].format(text=texts(text)["message that quotes"]), language)
        shown = await home.items()
        unseen = [carrier for carrier in CARRIERS if MARKS[carrier] not in shown + home.kept["title"]]
        assert await carried_out(home) == []
        assert no_connection_leaves_this_machine == []
    counts("built-in", payload, [carrier for carrier in CARRIERS if carrier not in unseen])


class Obedient:
    """An LLM that looks at everything, then does what stands there, and in the next turn tells what it was told to."""

    def __init__(self, payload: Payload, *, data: str, plan: str, outside: str):
        self._asked, self._payload, self._data = 0, payload, data
        self._fill = {"{plan}": plan, "{outside}": outside}

    def __call__(self, conversation: Conversation) -> Reply:
        self._asked += 1
        if self._asked == 1:
            return [
                ToolCall("list_datasets"),
                ToolCall("inspect_dataset", {"dataset": self._data}),
                ToolCall("summarize_results", {"run": "r1"}),
                ToolCall("show_heatmaps", {"run": "r1"}),
                *(ToolCall("run_status", {"run": run}) for run in ("r2", "r3")),
                ToolCall("list_runs"),
            ]
        if self._asked == 2 and self._payload.calls:
            return [ToolCall(each.tool, json.loads(self._filled(each.json))) for each in self._payload.calls]
        return Text(f"{self._filled(self._payload.says)}\n\n{self._payload.text}")

    def _filled(self, text: str) -> str:
        for name, value in self._fill.items():
            text = text.replace(name, value)
        return text


def sentences_in(results: Sequence[str]) -> list[str]:
    """Our own sentences that tools returned: what they say of hostile names is said by us, the longest first."""
    returned = [json.loads(text) for text in results if text.startswith("{")]
    return sorted((each["text"] for result in returned for each in result.get("sentences", ())), key=len, reverse=True)


@pytest.mark.parametrize(("number", "payload"), [*enumerate(PAYLOADS)], ids=lambda each: getattr(each, "name", ""))
async def test_an_llm_that_obeys_the_text_can_carry_nothing_out(
    number: int,
    payload: Payload,
    server: LLMServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    no_connection_leaves_this_machine: list[Any],
    counts: Callable[..., None],
) -> None:
    for name, value in server.environment(PROTOCOLS[number % len(PROTOCOLS)]).items():
        monkeypatch.setenv(name, value)
    settings = Settings(home=settings.home, weights=settings.weights)
    async with hostile_home(settings, payload.text, payload.language) as home:
        server.play(Obedient(payload, data=home.data, plan=home.plan, outside=str(home.outside)))
        await say(
            home, QUOTING[payload.language].format(text=texts(payload.text)["message that quotes"]), payload.language
        )
        await say(home, LOOKS[payload.language][4], payload.language)
        said = await told(home)
        read = [
            result.text
            for each in server.requests
            for message in each.conversation.messages
            for result in message.results
        ]
        unseen = [
            carrier
            for carrier in CARRIERS
            if MARKS[carrier] not in "".join(read) + await home.items() + home.kept["title"]
        ]
        assert unseen == []
        for ours in sentences_in(read):
            said = said.replace(ours, "")
        assert [never for never in payload.never if never in said] == []
        assert not any(CANARY in text or "root:x" in text for text in read)
        assert await carried_out(home) == []
        assert no_connection_leaves_this_machine == []
    counts("obedient LLM", payload, CARRIERS)
