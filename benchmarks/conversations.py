"""How the built-in assistant does in conversations that it was not written for: `python -m benchmarks.conversations`.

    python -m benchmarks.conversations                    # the table
    python -m benchmarks.conversations ko_resume --wrong  # one of them, with every turn that is not right

Plays tests/assistant/conversations/*.json (format: README.md there), each in a home of its own, without an engine: what a yes starts waits.
Of each turn:

    right       all that was expected
    asked back  a question instead of the act, which did nothing
    help text   the fixed text about what can be asked, where no help was wanted
    incomplete  the right act, but something that was expected of it or of the answer is missing
    misleading  another act, or one on another object, or words that must not be said
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from assistant.chat.conversation import Conversation  # noqa: E402
from assistant.chat.frame_refused import FrameRefused  # noqa: E402
from assistant.frames import (  # noqa: E402
    Answer,
    Approve,
    AssistantItem,
    ConfirmItem,
    Decline,
    Edit,
    Item,
    ProposalItem,
    Say,
    ToolItem,
)
from assistant.offline.words import built_in_words  # noqa: E402
from assistant.settings import Settings  # noqa: E402
from assistant.workspace import Workspace  # noqa: E402
from benchmarks.understanding import understood  # noqa: E402
from tests.scripted_home import prepare  # noqa: E402

SCRIPTS = ROOT / "tests" / "assistant" / "conversations"
VERDICTS = ("right", "asked back", "help text", "incomplete", "misleading")
TOOLS = sorted(path.name for path in (ROOT / "assistant" / "tools").iterdir() if (path / "__init__.py").is_file())
BY_THEMSELVES = {  # calls that follow from another one: before it, and after it
    "inspect_dataset": {"propose_training"},
    "start_training": {"propose_training", "undo_change", "continue_run"},
}
NO_INTENTS = ("ask", "approve", "decline")
ACTS_OF_A_YES = {"start_training", "stop_run", "continue_run"}
IN_ANY_ORDER = ("runs", "members")

Turn = dict[str, Any]


@dataclass
class Done:
    """What a turn did: calls of tools with what went in and came out, and what was said and shown."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: str | None = None  # the question back with its choices
    refused: str = ""
    answer: str = ""
    shown: str = ""
    intent: str | None = None  # that a sentence was understood as, where it needs no tool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", help="names of conversations, without .json; default: all")
    parser.add_argument("--wrong", action="store_true", help="print each turn that is not right")
    asked = parser.parse_args()
    os.environ["MURASCOPE_HUB"] = "off"
    names = asked.scripts or sorted(path.stem for path in SCRIPTS.glob("*.json"))
    scripts = {name: json.loads((SCRIPTS / f"{name}.json").read_text(encoding="utf-8")) for name in names}
    intents = _intents(scripts)
    counts: dict[str, Counter[str]] = {}
    for name, script in scripts.items():
        told = asyncio.run(play(script, lambda said, name=name: intents.get(f"{name}: {said}")))
        for turn, (verdict, why, done) in zip(script["turns"], told, strict=True):
            counts.setdefault(script["language"], Counter())[verdict] += 1
            if asked.wrong and verdict != "right":
                did = turn.get("say") or f"({turn['do']})"
                calls = "; ".join(f"{tool} {json.dumps(given, ensure_ascii=False)[:160]}" for tool, given in done.calls)
                print(f"\n{name}: {did}\n  {verdict}: {why}\n  did  {calls or '-'}\n  said {done.answer[:300]!r}")
    print(f"{'language':<10}{'turns':>6}" + "".join(f"{verdict:>12}" for verdict in VERDICTS) + f"{'right %':>9}")
    for language, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        cells = "".join(f"{count[verdict]:>12}" for verdict in VERDICTS)
        print(f"{language:<10}{count.total():>6}{cells}{100 * count['right'] / count.total():>9.1f}")


def _intents(scripts: dict[str, Turn]) -> dict[str, str]:
    """What each sentence that is expected to need no tool is understood as, by name and sentence, as `murascope understand` tells it."""
    lines = [
        {"id": f"{name}: {turn['say']}", "datasets": list(script["home"]["datasets"]), "text": turn["say"]}
        | {"language": script["language"]}
        for name, script in scripts.items()
        for turn in script["turns"]
        if "say" in turn and set(_listed(turn["expect"].get("act"))) - {*TOOLS, *NO_INTENTS}
    ]
    found = {said: [answer, *answer.get("calls", [])] for said, answer in understood(lines).items()} if lines else {}
    return {said: each["intent"] for said, told in found.items() for each in told if each.get("intent")}


async def play(script: Turn, intent_of: Callable[[str], str | None]) -> list[tuple[str, str, Done]]:
    """The verdict on each turn, why, and what it did."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with Workspace.open(Settings(home=root / "home", weights=root / "weights", hub="off")) as workspace:
            language = script["language"]
            conversation = await prepare(workspace, script["home"], language=language, folder=root)
            told = []
            for turn in script["turns"]:
                done = await _take(conversation, turn, language)
                done.intent = intent_of(turn.get("say", ""))
                told.append((*await _judge(workspace, conversation, turn, done, script), done))
            return told


# ---- taking a turn ----


async def _take(conversation: Conversation, turn: Turn, language: Any) -> Done:
    before = max((revision for _, revision, _ in await conversation.items()), default=0)
    waiting = await _waiting(conversation)
    done = Done()
    try:
        if (frame := await _frame(conversation, turn)) is not None:
            await conversation.receive(frame, language)
            await conversation.finish()
    except (FrameRefused, LookupError) as refused:
        done.refused = str(refused)
    new = [item for _, revision, item in await conversation.items() if revision > before]
    for item in new:
        if isinstance(item, ToolItem):
            done.calls.append((item.tool, {**_flat(item.result or {}), **_flat(item.arguments)}))
            if item.state == "asks":
                done.asked = item.error or ""
        elif getattr(item, "choices", None) and item.state == "open":
            done.asked = item.model_dump_json()
    for call, (tool, given) in (await _waiting(conversation)).items():
        if call not in waiting:
            done.calls.append((tool, given))
    done.answer = "\n".join(item.text for item in new if isinstance(item, AssistantItem))
    done.shown = "\n".join(_shown(item) for item in new)
    return done


async def _frame(conversation: Conversation, turn: Turn) -> Any:
    """What the page would send; None for a yes that was taken from the words before."""
    if "say" in turn:
        return Say(text=turn["say"])
    items = [item for _, _, item in await conversation.items()]
    if turn["do"] == "press":
        return _press(items, turn["choice"])
    question = next((item for item in reversed(items) if isinstance(item, ConfirmItem) and item.state == "open"), None)
    if question is not None and turn["do"] != "edit":
        return Answer(call=question.call, yes=turn["do"] == "approve")
    plan = _plan(items)
    if plan is None:
        raise LookupError("there is neither a plan nor a question")
    if plan.state == "approved" and turn["do"] == "approve":
        return None
    match turn["do"]:
        case "approve":
            return Approve(proposal=plan.proposal, revision=plan.revision)
        case "decline":
            return Decline(proposal=plan.proposal)
        case _:
            return Edit(proposal=plan.proposal, revision=plan.revision, changes=turn["settings"])


def _press(items: list[Item], word: str) -> Any:
    """What the button sends: the page says the choice in the person's stead."""
    for item in reversed(items):
        for choice in getattr(item, "choices", ()):
            says = getattr(choice, "says", choice)
            if word in str(choice):
                return Say(text=says)
    raise LookupError(f"there is no choice with {word!r}")


async def _waiting(conversation: Conversation) -> dict[str, tuple[str, dict[str, Any]]]:
    """The calls that wait for a yes, with what is on record of them."""
    history = await conversation._parts.histories.load(conversation.id)
    pending = history.deferred_tool_requests
    calls = pending.approvals if pending else []
    known = pending.metadata if pending else {}
    return {
        call.tool_call_id: (call.tool_name, {**known.get(call.tool_call_id, {}), **call.args_as_dict()})
        for call in calls
    }


def _plan(items: list[Item]) -> ProposalItem | None:
    """The open plan, wherever its card stands; else the latest."""
    plans = [item for item in items if isinstance(item, ProposalItem)]
    return next((item for item in reversed(plans) if item.state == "open"), plans[-1] if plans else None)


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments, and settings of a result, whether they stand in a group of their own or not."""
    groups = {key: given[key] for key in ("request", "settings") if isinstance(given.get(key), dict)}
    flat = {**given, **{name: value for group in groups.values() for name, value in group.items()}}
    return {key: value for key, value in flat.items() if value is not None}


def _shown(item: Item) -> str:
    return item.text if isinstance(item, AssistantItem) else "" if item.kind == "user" else item.model_dump_json()


# ---- judging it ----


async def _judge(
    workspace: Workspace, conversation: Conversation, turn: Turn, done: Done, script: Turn
) -> tuple[str, str]:
    expected = turn["expect"]
    said = [word for word in expected.get("never", ()) if word.casefold() in done.answer.casefold()]
    if said:
        return "misleading", f"said {said}"
    if "do" in turn and done.refused:
        return "incomplete", done.refused
    if _is_help(done.answer, script) and not done.calls and "help" not in _listed(expected.get("act")):
        return "help text", ""
    wrong = _wrong_act(expected, done, by_words="say" in turn)
    if wrong is not None:
        if done.asked is not None:
            return "asked back", wrong
        return "misleading" if done.calls else "incomplete", wrong
    missing = [*_missing_words(expected, done), *await _missing_facts(workspace, conversation, expected)]
    return ("incomplete", ", ".join(missing)) if missing else ("right", "")


def _wrong_act(expected: Turn, done: Done, *, by_words: bool) -> str | None:
    """What is wrong with what was done; None where it is right."""
    if "acts" in expected:
        calls = _without_what_follows(done.calls, keep={each["act"] for each in expected["acts"]})
        if [tool for tool, _ in calls] != [each["act"] for each in expected["acts"]]:
            return f"expected {[each['act'] for each in expected['acts']]}"
        wrong = [
            _wrong_arguments(each["arguments"], given) for each, (_, given) in zip(expected["acts"], calls, strict=True)
        ]
        return next((each for each in wrong if each), None)
    acts = _listed(expected.get("act"))
    if not acts:
        return None
    calls = _without_what_follows(done.calls, keep=set(acts))
    tools = [tool for tool, _ in calls]
    if "ask" in acts and done.asked is not None:
        lacking = [name for name in expected.get("choices", ()) if name not in done.asked + done.answer]
        return f"choices without {lacking}" if lacking else None
    if {"approve", "decline"} & {*acts}:
        return None if {*tools} <= ACTS_OF_A_YES else f"expected {acts}"
    if done.asked is not None:
        return f"expected {acts}"
    if len(calls) == 1 and tools[0] in acts:
        return _wrong_arguments(expected.get("arguments", {}), calls[0][1])
    talk = {*acts} - {*TOOLS, *NO_INTENTS}
    is_talk = bool(talk) and not calls and by_words and bool(done.answer) and done.intent in (None, *talk)
    return None if is_talk else f"expected {acts} {expected.get('arguments', '')}"


def _without_what_follows(calls: list[tuple[str, Any]], *, keep: set[str]) -> list[tuple[str, Any]]:
    """The calls that were asked for: a look at the data before a plan and the question after it come by themselves."""
    tools = {tool for tool, _ in calls}
    return [call for call in calls if call[0] in keep or not BY_THEMSELVES.get(call[0], set()) & tools]


def _wrong_arguments(expected: Turn, given: Turn) -> str | None:
    wrong = {key: given.get(key) for key, value in expected.items() if not _same(key, given.get(key), value)}
    return f"expected {expected}, got {wrong}" if wrong else None


def _missing_words(expected: Turn, done: Done) -> list[str]:
    shown = (done.answer + done.shown).casefold()
    lacking = [f"does not name {word}" for word in expected.get("names", ()) if word.casefold() not in shown]
    says = expected.get("says", ())
    return lacking if not says or any(word.casefold() in shown for word in says) else [*lacking, f"says none of {says}"]


async def _missing_facts(workspace: Workspace, conversation: Conversation, expected: Turn) -> list[str]:
    """What does not hold of the plan and of the runs after the turn."""
    plan = _plan([item for _, _, item in await conversation.items()])
    holds = _told_of(plan) if plan else {}
    lacking = [
        f"plan has {key}={holds.get(key)!r}, not {value!r}"
        for key, value in expected.get("plan", {}).items()
        if not _same(key, holds.get(key), value)
    ]
    if "plan_state" in expected and (plan is None or plan.state != expected["plan_state"]):
        lacking.append(f"plan is {plan.state if plan else None}, not {expected['plan_state']}")
    runs = {row.id: row for row in await workspace.runs.list()}
    for run, state in expected.get("runs", {}).items():
        row = runs.get(run)
        is_so = row is not None and (row.state == state or (state == "stopped" and row.stop_requested))
        if not is_so or (state == "running" and row is not None and row.stop_requested):
            lacking.append(f"{run} is {row.state if row else None}, not {state}")
    return lacking


def _told_of(plan: ProposalItem) -> dict[str, Any]:
    settings = {setting.name: setting.value for setting in plan.settings}
    return {**settings, "task": plan.task, "dataset": plan.dataset, "model": plan.model}


def _is_help(answer: str, script: Turn) -> bool:
    """Whether the answer is the text for what was not understood."""
    facts = {"topic": "other", "term": None, "datasets": sorted(script["home"]["datasets"])}
    texts = [built_in_words("help", language, facts) for language in ("en", "ko", "zh")]  # type: ignore[arg-type]
    return any(text.strip().splitlines()[0] in answer for text in texts)


def _same(key: str, got: Any, wanted: Any) -> bool:
    if key in IN_ANY_ORDER and isinstance(got, list):
        return sorted(map(str, got)) == sorted(map(str, wanted))
    if isinstance(got, int | float) and isinstance(wanted, int | float) and not isinstance(got, bool):
        return bool(abs(got - wanted) < 1e-9)
    return bool(got == wanted)


def _listed(act: str | list[str] | None) -> list[str]:
    return [] if act is None else [act] if isinstance(act, str) else act


if __name__ == "__main__":
    main()
