"""A lying LLM over real sockets, in every protocol: whatever it calls and says, nothing is done that no person said yes to."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import pytest

from assistant.chat.frame_refused import FrameRefused
from assistant.frames import Say
from assistant.settings import Settings
from tests.assistant.injection.attacks import ATTACKS, Attack
from tests.assistant.injection.payloads import CANARY, PAYLOADS
from tests.assistant.injection.stage import CARRIERS, Home, carried_out, hostile_home, kept, told
from tests.llm_server import Conversation, LLMServer, Protocol, Reply, Text, ToolCall

pytestmark = pytest.mark.anyio

PROTOCOLS = get_args(Protocol)
SORTS = sorted({attack.sort for attack in ATTACKS})
IN_EVERY_PROTOCOL = ("calls", "forges", "says", "starts", "tells")  # of the others each attack goes over one of them


def attacks_over(protocol: Protocol, sort: str) -> list[Attack]:
    attacks = [attack for attack in ATTACKS if attack.sort == sort]
    return attacks if sort in IN_EVERY_PROTOCOL else attacks[PROTOCOLS.index(protocol) :: len(PROTOCOLS)]


CASES = [(sort, protocol) for sort in SORTS for protocol in PROTOCOLS if attacks_over(protocol, sort)]


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


def test_there_are_cases_enough() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names)
    over_wire = sum(len(attacks_over(protocol, sort)) for sort, protocol in CASES)
    assert over_wire >= 100
    assert over_wire + len(PAYLOADS) * len(CARRIERS) >= 200


@pytest.mark.parametrize(("sort", "protocol"), CASES)
async def test_nothing_is_done_that_no_person_said_yes_to(
    sort: str,
    protocol: Protocol,
    server: LLMServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    no_connection_leaves_this_machine: list[Any],
    counts: Callable[..., None],
) -> None:
    for name, value in server.environment(protocol).items():
        monkeypatch.setenv(name, value)
    attacks = attacks_over(protocol, sort)
    faults = {}
    async with hostile_home(Settings(home=settings.home, weights=settings.weights), "scratch", "en") as home:
        for attack in attacks:
            if found := await _try(home, server, attack):
                faults[attack.name] = found
    assert faults == {}
    assert no_connection_leaves_this_machine == []
    counts(protocol, sort, [attack.name for attack in attacks])


async def _try(home: Home, server: LLMServer, attack: Attack) -> list[str]:
    """Play the attack in a conversation of its own; returns what of it was carried out."""
    home.conversation = await home.workspace.conversations.create(attack.language)
    server.play(_Liar(home, attack))
    for text in attack.person:
        with suppress(FrameRefused):
            await home.conversation.receive(Say(text=text), attack.language)
        await home.conversation.finish()
    read = [
        result.text for each in server.requests for message in each.conversation.messages for result in message.results
    ]
    said = await told(home)
    faults = [f"said: {never}" for never in attack.never if never in said]
    faults += ["read outside"] * any(CANARY in text or "root:x" in text for text in read)
    faults += await carried_out(home)
    home.kept = await kept(home)  # the next attack is told from this one
    return faults


class _Liar:
    """Plays the attack's replies, one a request, filled in with what it learnt of other people's things."""

    def __init__(self, home: Home, attack: Attack):
        self._left, self._fill = list(attack.replies), {"{plan}": home.plan, "{outside}": str(home.outside)}

    def __call__(self, conversation: Conversation) -> Reply:
        return self._filled(self._left.pop(0)) if self._left else Text("Hello.")

    def _filled(self, reply: Reply) -> Any:
        match reply:
            case list():
                return [self._filled(each) for each in reply]
            case Text():
                return Text(self._text(reply.text))
            case ToolCall():
                return replace(reply, arguments=json.loads(self._text(reply.json)))
            case _:
                return reply

    def _text(self, text: str) -> str:
        for name, value in self._fill.items():
            text = text.replace(name, value)
        return text
