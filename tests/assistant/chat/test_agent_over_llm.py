"""Whole turns: a conversation, the agent and its tools, and an LLM that speaks over real sockets in each protocol."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from assistant.frames import (
    Answer,
    AssistantItem,
    ConfirmItem,
    ErrorItem,
    HeatmapsItem,
    ProposalItem,
    RunItem,
    Say,
    Stop,
    ToolItem,
)
from assistant.tools import tool_names
from engine.contract.jobs import make_job
from tests.llm_server import (
    KEY,
    CutMidStream,
    Hang,
    LLMServer,
    Protocol,
    Reply,
    SlowWords,
    Status,
    Text,
    ToolCall,
    TooLong,
    call_as_text,
    cut_arguments,
)
from tests.stored_runs import write_evaluation
from tests.talk_over_llm import Talk, talking

pytestmark = pytest.mark.anyio

PLAN = ToolCall("propose_training", {"dataset": "oled", "model": "padim", "image_size": 128})
START = ToolCall("start_training")


@pytest.fixture(autouse=True)
def home_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MURASCOPE_HOME", str(tmp_path / "home"))


@pytest.fixture(params=get_args(Protocol))
def protocol(request: pytest.FixtureRequest) -> Protocol:
    chosen: Protocol = request.param
    return chosen


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


# ---- a training, from the sentence to the run ----


async def test_a_sentence_becomes_a_plan_and_after_a_yes_a_run(server: LLMServer, protocol: Protocol) -> None:
    server.play([PLAN, START, Text("Hello again.")])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on the OLED data at 128 px")
        assert (await talk.last(ProposalItem)).state == "open"
        assert await talk.workspace.runs.list() == []
        await talk.approve()
        (run,) = await talk.workspace.runs.list()
        assert (run.state, run.dataset, run.subject, run.spec["image_size"]) == ("queued", "oled", "padim", 128)
        assert (await talk.last(RunItem)).run == run.id
        assert (await talk.last(AssistantItem)).text == "Hello again."
    (result,) = server.requests[-1].conversation.results
    assert json.loads(result.text)["run"] == run.id


async def test_a_declined_plan_starts_nothing_and_the_llm_hears_why(server: LLMServer, protocol: Protocol) -> None:
    server.play([PLAN, START, Text("Understood, nothing was started.")])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on oled")
        await talk.decline("the line is still being cleaned")
        assert await talk.workspace.runs.list() == []
        assert (await talk.last(ProposalItem)).state == "declined"
    heard = json.dumps(server.requests[-1].body, ensure_ascii=False)
    assert "The user declined the plan." in heard
    assert "the line is still being cleaned" in heard


async def test_other_words_instead_of_a_yes_leave_the_plan_open(server: LLMServer, protocol: Protocol) -> None:
    server.play([PLAN, START, Text("Let me look at the data.")])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on oled")
        await talk.say("What does it train on?")
        assert await talk.workspace.runs.list() == []
        assert (await talk.last(ProposalItem)).state == "open"
        assert (await talk.last(AssistantItem)).text == "Let me look at the data."


async def test_a_yes_to_the_llms_own_question_starts_no_plan(server: LLMServer, protocol: Protocol) -> None:
    server.play([PLAN, Text("Here is the plan.\n\nShall I explain AUROC?"), Text("Let me explain AUROC.")])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on oled")
        await talk.say("yes")
        assert await talk.workspace.runs.list() == []
        assert (await talk.last(AssistantItem)).text == "Let me explain AUROC."
        assert (await talk.last(ProposalItem)).state == "open"


async def test_where_the_llm_asks_beside_the_plan_a_yes_is_asked_about(server: LLMServer) -> None:
    server.play([PLAN, [Text("Shall I explain AUROC?"), START], Text("It is queued.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train PaDiM on oled")
        await talk.say("yes")
        assert await talk.workspace.runs.list() == []
        assert "Do you mean the plan?" in (await talk.last(AssistantItem)).text
        await talk.say("approve")
        assert len(await talk.workspace.runs.list()) == 1


async def test_an_llm_makes_no_buttons(server: LLMServer) -> None:
    server.play([Text("Hello. Say *plan* next.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("hello")
        words = await talk.last(AssistantItem)
        assert (words.text, words.can_be_said) == ("Hello. Say *plan* next.", False)


async def test_an_llm_is_shown_what_the_conversation_remembers(server: LLMServer) -> None:
    server.play([PLAN, START, Text("It waits.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train PaDiM on oled")
        await talk.say("what now?")
    heard = json.dumps(server.requests[-1].body, ensure_ascii=False)
    assert "What this conversation remembers" in heard
    assert "changes_that_can_be_undone" in heard


@pytest.mark.parametrize(
    "reply", [START, Text(""), Text("  \n "), Text("\u200b\u2060"), Text("\u3164 &#8203;\n\u00ad")]
)
async def test_a_turn_that_says_nothing_is_answered_by_us(server: LLMServer, reply: Any) -> None:
    server.play([PLAN, START, reply])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train PaDiM on oled")
        before = len(await talk.all(AssistantItem))
        await talk.say("and then?")
        answers = (await talk.all(AssistantItem))[before:]
        failures = await talk.all(ErrorItem)
        assert len(answers) + len(failures) == 1
        assert all(re.search("[a-z]", each.text) for each in answers)  # our own words, in English


async def test_a_plan_made_over_one_protocol_is_approved_over_another(server: LLMServer) -> None:
    server.play([PLAN, START])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train PaDiM on oled")
        conversation = talk.conversation.id
    server.play([Text("Have a look.")])
    async with talking(server, "chat", conversation) as talk:
        await talk.approve()
        assert [run.state for run in await talk.workspace.runs.list()] == ["queued"]
        assert (await talk.last(AssistantItem)).text == "Have a look."


# ---- what the LLM gets ----


async def test_the_llm_gets_rules_data_sets_and_every_tool_but_no_key(server: LLMServer, protocol: Protocol) -> None:
    server.play([Text("Hello.")])
    async with talking(server, protocol) as talk:
        await talk.say("hello there, what can you do?")
    asked = server.requests[0].conversation
    assert set(asked.tools) == set(tool_names())
    assert "You are Murascope" in asked.instructions
    assert "oled" in asked.instructions
    assert asked.asked == "hello there, what can you do?"
    assert asked.tools["propose_training"]["properties"]["image_size"]["description"]
    assert KEY not in server.requests[0].text


async def test_the_fixed_rules_are_cached_and_the_changing_part_is_not(server: LLMServer) -> None:
    server.play([Text("Hello.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("hello there")
    marked = [part["text"] for part in server.requests[0].body["system"] if "cache_control" in part]
    assert any("You are Murascope" in text for text in marked)
    assert not any("Registered data sets" in text for text in marked)


# ---- mistakes of the LLM ----


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"dataset": "oled", "model": "padim", "image_size": 100_000}, "image_size"),
        ({"dataset": "oledd", "model": "padim"}, "did you mean 'oled'"),
        ({"dataset": "oled", "model": "padimm"}, "padim"),
        ({"dataset": "oled", "speed": "fast"}, "speed"),
    ],
    ids=["out of range", "unknown data set", "unknown model", "unknown setting"],
)
async def test_a_wrong_argument_goes_back_in_words_and_is_mended(
    server: LLMServer, arguments: dict[str, Any], told: str, protocol: Protocol
) -> None:
    server.play([ToolCall("propose_training", arguments), PLAN, START])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on oled")
        assert [plan.model for plan in await talk.all(ProposalItem)] == ["padim"]
    (answer,) = server.requests[1].conversation.results
    assert told in answer.text
    if protocol == "anthropic":
        assert answer.failed


@pytest.mark.parametrize(
    "broken", [cut_arguments(PLAN), ToolCall("train_now", {"dataset": "oled"})], ids=["cut", "unknown"]
)
async def test_a_broken_call_is_mended_by_the_llm(server: LLMServer, broken: ToolCall, protocol: Protocol) -> None:
    server.play([broken, PLAN, START])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on oled")
        assert len(await talk.all(ProposalItem)) == 1
        assert await talk.all(ErrorItem) == []


async def test_a_call_in_plain_text_starts_nothing(server: LLMServer, protocol: Protocol) -> None:
    server.play([call_as_text(PLAN)])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on oled")
        assert await talk.all(ProposalItem) == []


async def test_an_llm_that_repeats_its_mistake_ends_in_a_clear_error(server: LLMServer, protocol: Protocol) -> None:
    server.play(lambda conversation: ToolCall("propose_training", {"dataset": "nowhere"}))
    async with talking(server, protocol) as talk:
        await talk.say("Train something")
        assert (await talk.last(ErrorItem)).code == "llm_nonsense"
        assert not talk.conversation.working


async def test_an_llm_that_never_stops_calling_tools_is_stopped(server: LLMServer, protocol: Protocol) -> None:
    server.play(lambda conversation: ToolCall("list_datasets"))
    async with talking(server, protocol) as talk:
        await talk.say("What data is there?")
        assert (await talk.last(ErrorItem)).code == "llm_nonsense"
    assert len(server.requests) <= 13


async def test_two_starts_in_one_answer_make_one_run(server: LLMServer) -> None:
    server.play([PLAN, [START, START], Text("Have a look.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train PaDiM on oled")
        await talk.approve()
        assert len(await talk.workspace.runs.list()) == 1


async def test_a_number_that_no_tool_gave_does_not_reach_the_user(server: LLMServer, protocol: Protocol) -> None:
    server.play(
        [
            ToolCall("inspect_dataset", {"dataset": "oled"}),
            Text("[[oled.train_good]] Expect an AUROC of 0.987. Shall I train PaDiM?"),
        ]
    )
    async with talking(server, protocol) as talk:
        await talk.say("What data is there?")
        said = " ".join(item.text for item in await talk.all(AssistantItem))
    assert "120" in said
    assert "0.987" not in said


async def test_what_any_tool_returned_can_be_said_in_our_words(server: LLMServer, protocol: Protocol) -> None:
    server.play([ToolCall("list_datasets"), Text("Have a look: [[list_datasets.told]]")])
    async with talking(server, protocol) as talk:
        await talk.say("What data is there?")
        said = (await talk.last(AssistantItem)).text
    assert said.startswith("Have a look: - **oled**: 120 good images")


async def test_a_number_that_only_the_user_wrote_is_not_told_back_as_a_result(
    server: LLMServer, protocol: Protocol
) -> None:
    server.play([Text("Yes, AUROC is 0.99 and 99 % were found. Shall I look?"), Text("As I said, 99 % were found.")])
    async with talking(server, protocol) as talk:
        await talk.say("is it 0.99? I want 99 %")
        await talk.say("and 0.99 of what?")
        said = [item.text for item in await talk.all(AssistantItem)]
    assert said[0].startswith("Shall I look?")
    assert "99" not in "".join(said)


# ---- what an LLM may not show ----


async def everything(talk: Talk) -> str:
    """All that is stored of the conversation's items, as a page gets it."""
    return json.dumps(
        [item.model_dump(mode="json") for _, _, item in await talk.conversation.items()], ensure_ascii=False
    )


@pytest.mark.parametrize(
    "figure", ["79 %", "7**9** %", "&#x37;&#x39; %", "seventy-nine percent", "칠십구 퍼센트", "七成九"]
)
async def test_a_figure_in_any_text_of_an_answer_is_withheld(
    server: LLMServer, figure: str, protocol: Protocol
) -> None:
    server.play(
        [
            [Text(f"It finds {figure} of them. Let me look."), ToolCall("list_datasets")],
            Text(f"Next, oled.\nThe recall is {figure}\nGood."),
        ]
    )
    async with talking(server, protocol) as talk:
        await talk.say("What data is there?")
        said = [item.text for item in await talk.all(AssistantItem)]
        shown = await everything(talk)
    assert [text.partition("\n\n*")[0] for text in said] == ["Let me look.", "Next, oled."]
    assert figure not in shown


async def test_a_figure_that_comes_in_pieces_is_withheld_in_every_frame(server: LLMServer) -> None:
    server.play([SlowWords("Hello there. The AUROC is 0 . 7 9 . Then 7 9 % more. Bye now.", gap_s=0.0)])
    async with talking(server, "chat") as talk, talk.conversation.subscribe() as frames:
        await talk.conversation.receive(Say(text="hello"), "en")
        await talk.conversation.finish()
        told = []
        while not (told and told[-1].type == "turn" and told[-1].state == "idle"):
            told.append(await anext(frames))
    assert "Bye now." in told[-2].model_dump_json()
    assert not any(
        digit in frame.item.text if frame.type == "item" else digit in frame.text
        for frame in told
        if frame.type != "turn"
        for digit in "79"
    )


async def test_a_figure_in_the_arguments_of_a_tool_is_shown_neither_there_nor_in_its_refusal(
    server: LLMServer, protocol: Protocol
) -> None:
    server.play(
        [
            ToolCall("inspect_dataset", {"dataset": "79 % missed"}),
            ToolCall("list_runs", {"model": "recall of seventy-nine percent"}),
            ToolCall("list_models", {"good_images": 79}),
            ToolCall("list_runs", {"limit": "79 %"}),
            ToolCall("recall_79"),
            Text("With 79 images, it is good. See you next time."),
        ]
    )
    async with talking(server, protocol) as talk:
        await talk.say("What data is there?")
        tools, shown = await talk.all(ToolItem), await everything(talk)
        said = (await talk.last(AssistantItem)).text
    assert [tool.arguments for tool in tools[:3]] == [{"dataset": "…"}, {"model": "…"}, {"good_images": "…"}]
    assert [tool.state for tool in tools] == ["asks", "done", "done", "failed", "failed"]
    assert tools[2].result is not None
    assert tools[2].result["for_dataset"]["good"] == "…"
    assert "79" not in shown
    assert "seventy" not in shown
    assert said == "See you next time."


async def test_the_settings_of_a_plan_are_told_as_the_plan_holds_them(server: LLMServer) -> None:
    plan = {"dataset": "oled", "model": "stfpm", "image_size": 128, "epochs": 79}
    server.play([ToolCall("propose_training", plan), Text("I plan 79 epochs. At 129 px, as you said.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train STFPM on oled at 128 px")
        settings = {setting.name: setting.value for setting in (await talk.last(ProposalItem)).settings}
        arguments = (await talk.last(ToolItem)).arguments
        said = (await talk.last(AssistantItem)).text
    assert settings["epochs"] == 79
    assert arguments == plan
    assert said == "Plan: Epochs: 79."


async def test_a_defect_type_is_told_as_the_data_spells_it(server: LLMServer) -> None:
    server.play(
        [
            ToolCall("show_heatmaps", {"run": "r1", "defect_type": "79 % of scratch"}),
            Text("Of 79 % of scratch. Have a look."),
        ]
    )
    async with talking(server, "chat") as talk:
        run = await talk.workspace.runs.add(
            make_job("detect", "oled", "padim"), data_path="/data", conversation=talk.conversation.id
        )
        write_evaluation(talk.workspace.runs.folder(run.id))
        await talk.workspace.runs.claim_one(run.id)
        await talk.workspace.runs.end(run.id, "succeeded", metrics={})
        await talk.say("Show me the scratches of r1")
        assert (await talk.last(HeatmapsItem)).defect_type == "scratch"
        assert "79" not in await everything(talk)


async def test_names_of_the_conversation_may_be_said(server: LLMServer) -> None:
    server.play([PLAN, START, Text("Look at r1."), Text("Look at r1, with resnet18. And r79 is better.")])
    async with talking(server, "chat") as talk:
        await talk.say("Train PaDiM on oled")
        await talk.approve()
        assert (await talk.last(AssistantItem)).text == "Look at r1."
        await talk.say("How is it going?")
        assert (await talk.last(AssistantItem)).text == "Look at r1, with resnet18."


async def test_a_key_that_an_llm_repeats_is_neither_stored_nor_shown(server: LLMServer, protocol: Protocol) -> None:
    encoded = base64.b64encode(KEY.encode()).decode()
    server.play(
        [
            [Text(f"The key is {KEY}. "), ToolCall("inspect_dataset", {"dataset": KEY})],
            Text(f"It is `{KEY[:14]}` and then **{KEY[14:]}**, or {encoded}."),
            Status(400, f"no such key: {KEY}"),
        ]
    )
    async with talking(server, protocol) as talk, talk.conversation.subscribe() as frames:
        await talk.say("Which key do you use?")
        await talk.say("Are you sure?")
        told = []
        while len([frame for frame in told if frame.type == "turn"]) < 4:
            told.append(await anext(frames))
        shown = await everything(talk) + "".join(frame.model_dump_json() for frame in told)
        row = await talk.workspace.conversations._parts.histories.row(talk.conversation.id)
        assert await talk.all(ErrorItem)
    assert "[secret]" in str(row.history)
    for part in (KEY, KEY[:14], KEY[14:], encoded):
        assert part not in shown + str(row.history)


@pytest.mark.parametrize("spoken", [True, False])
async def test_a_question_whose_call_is_named_like_a_key_can_be_answered_and_the_key_is_not_stored(
    server: LLMServer, spoken: bool, protocol: Protocol
) -> None:
    server.play(
        [ToolCall(KEY, call=f"a-{KEY}"), ToolCall("stop_run", {"run": "r1"}, call=f"call-{KEY}"), Text("Stopped.")]
    )
    async with talking(server, protocol) as talk:
        run = await talk.workspace.runs.add(
            make_job("detect", "oled", "padim"), data_path="/data", conversation=talk.conversation.id
        )
        await talk.say("Please stop it")
        asked = await talk.last(ConfirmItem)
        if spoken:
            await talk.say("yes")
        else:
            await talk.conversation.receive(Answer(call=asked.call, yes=True), "en")
            await talk.conversation.finish()
        assert (await talk.last(ConfirmItem)).state == "yes"
        assert (await talk.workspace.runs.get(run.id)).state == "stopped"
        row = await talk.workspace.conversations._parts.histories.row(talk.conversation.id)
        shown = await everything(talk)
    assert KEY not in shown + str(row.history)
    assert "[secret]" not in asked.call


# ---- what goes wrong on the way ----


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Status(401), "llm_key"),
        (Status(400), "llm_rejected"),
        (Status(429, retry_after=300), "llm_busy"),
        (TooLong(), "llm_context"),
        (CutMidStream(Text("The data set oled has many good images.")), "llm_unreachable"),
    ],
    ids=["key", "rejected", "busy", "too long", "cut"],
)
async def test_after_a_failure_the_user_is_told_and_the_conversation_goes_on(
    server: LLMServer, fault: Reply, code: str, protocol: Protocol
) -> None:
    server.play([fault, Text("Hello again.")])
    async with talking(server, protocol) as talk:
        await talk.say("What can you tell me about oled?")
        error = await talk.last(ErrorItem)
        assert (error.code, talk.conversation.working) == (code, False)
        assert KEY not in error.model_dump_json()
        await talk.say("What can you tell me about oled?")
        assert (await talk.last(AssistantItem)).text == "Hello again."


async def test_a_message_that_was_not_answered_is_not_in_the_history_and_stands_once_when_it_is_sent_again(
    server: LLMServer, protocol: Protocol
) -> None:
    server.play([Text("Hello."), Status(401), Status(401), Text("One, oled.")])
    async with talking(server, protocol) as talk:
        for text in ("hello there", "What data is there?", "Which data is there?", "What data is there?"):
            await talk.say(text)
    said = [message.text for message in server.requests[-1].conversation.messages if message.role == "user"]
    assert said == ["hello there", "What data is there?"]


async def test_a_call_that_never_got_its_result_is_not_in_the_history(server: LLMServer, protocol: Protocol) -> None:
    server.play(lambda conversation: [ToolCall("list_datasets")] * 7)
    async with talking(server, protocol) as talk:
        await talk.say("What data is there?")
        assert (await talk.last(ErrorItem)).code == "llm_nonsense"
        server.play([Text("Hello again.")])
        await talk.say("hello there")
        assert (await talk.last(AssistantItem)).text == "Hello again."
    messages = server.requests[-1].conversation.messages
    calls, results = (
        sum(len(each) for each in kind) for kind in zip(*((m.calls, m.results) for m in messages), strict=True)
    )
    assert calls == results


async def test_a_short_failure_is_not_seen_by_the_user(server: LLMServer, protocol: Protocol) -> None:
    server.play([Status(503), Text("Hello.")])
    async with talking(server, protocol) as talk:
        await talk.say("hello there")
        assert await talk.all(ErrorItem) == []
        assert (await talk.last(AssistantItem)).text == "Hello."


async def test_a_run_starts_at_the_users_yes_even_when_the_llm_is_gone(server: LLMServer, protocol: Protocol) -> None:
    server.play([PLAN, START, Status(401)])
    async with talking(server, protocol) as talk:
        await talk.say("Train PaDiM on oled")
        await talk.approve()
        assert len(await talk.workspace.runs.list()) == 1
        assert (await talk.last(ErrorItem)).code == "llm_key"


async def test_stop_ends_the_answer_keeps_what_was_said_and_hangs_up(server: LLMServer, protocol: Protocol) -> None:
    server.play([SlowWords("Let me look. " * 2000), Text("Hello again.")])
    async with talking(server, protocol) as talk:
        async with talk.conversation.subscribe() as frames:
            await talk.conversation.receive(Say(text="Tell me everything"), "en")
            async for frame in frames:
                if frame.type == "delta":
                    break
        await talk.conversation.receive(Stop(), "en")
        await talk.conversation.finish()
        stopped = await talk.last(AssistantItem)
        assert stopped.state == "stopped"
        assert stopped.text.startswith("Let me look.")
        assert await asyncio.to_thread(server.saw_disconnect)
        await talk.say("Shorter, please")
        assert (await talk.last(AssistantItem)).text == "Hello again."


async def test_stop_while_the_llm_is_silent_hangs_up_too(server: LLMServer, protocol: Protocol) -> None:
    server.play([Hang()])
    async with talking(server, protocol) as talk:
        await talk.conversation.receive(Say(text="Tell me everything"), "en")
        while not server.requests:
            await asyncio.sleep(0)
        await talk.conversation.receive(Stop(), "en")
        await talk.conversation.finish()
        assert not talk.conversation.working
        assert await talk.all(ErrorItem) == []
    assert server.saw_disconnect()


async def test_tools_show_what_went_in_and_what_came_out(server: LLMServer, protocol: Protocol) -> None:
    server.play([[Text("Let me look. "), ToolCall("list_datasets")], Text("Have a look.")])
    async with talking(server, protocol) as talk:
        await talk.say("What data is there?")
        tool = await talk.last(ToolItem)
        said = [item.text for item in await talk.all(AssistantItem)]
    assert (tool.tool, tool.state, tool.error) == ("list_datasets", "done", None)
    assert tool.result is not None
    assert tool.result["datasets"][0]["good"] == 120
    assert said == ["Let me look.", "Have a look."]


async def test_a_server_that_uses_the_same_call_id_again_is_understood(server: LLMServer, protocol: Protocol) -> None:
    calls: list[Reply] = [
        ToolCall("list_datasets", call="call_0"),
        ToolCall("inspect_dataset", {"dataset": "oled"}, call="call_0"),
        ToolCall(PLAN.tool, PLAN.arguments, call="call_0"),
        ToolCall(START.tool, call="call_0"),
        Text("Have a look."),
    ]
    server.play(calls)
    async with talking(server, protocol) as talk:
        await talk.say("Look at the data, then train PaDiM")
        assert await talk.all(ErrorItem) == []
        shown = [item.tool for item in await talk.all(ToolItem)]
        await talk.approve()
        assert len(await talk.workspace.runs.list()) == 1
        assert (await talk.last(AssistantItem)).text == "Have a look."
    assert shown == ["list_datasets", "inspect_dataset", "propose_training"]


async def test_an_empty_answer_is_an_error_that_can_be_tried_again(server: LLMServer, protocol: Protocol) -> None:
    server.play(lambda conversation: Text(""))
    async with talking(server, protocol) as talk:
        await talk.say("hello there")
        error = await talk.last(ErrorItem)
    assert (error.code, error.retry) == ("llm_nonsense", True)


async def test_text_in_korean_and_chinese_survives_all_protocols(server: LLMServer, protocol: Protocol) -> None:
    server.play([Text("oled 데이터를 보겠습니다."), Text("请看卡片。")])
    async with talking(server, protocol) as talk:
        await talk.say("올레드 데이터로 학습해 줘")
        await talk.say("用这个数据训练")
        said = [item.text for item in await talk.all(AssistantItem)]
    assert said == ["oled 데이터를 보겠습니다.", "请看卡片。"]
    assert server.requests[1].conversation.messages[0].text == "올레드 데이터로 학습해 줘"
