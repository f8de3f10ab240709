"""What one turn of the built-in assistant costs: `python -m benchmarks.turn_cost`.

Talks in a real workspace (SQLite, a home of its own, three data sets, a finished and a running training), prints the median of processor
milliseconds of a turn beside its tools, and where they go, by part. The conversation is begun anew after each round of sentences unless
`--long` keeps talking in one.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from assistant.chat import agent as agents  # noqa: E402
from assistant.chat.conversation import Conversation  # noqa: E402
from assistant.frames import Say  # noqa: E402
from assistant.settings import Settings  # noqa: E402
from assistant.workspace import Workspace  # noqa: E402
from tests.scripted_home import prepare  # noqa: E402

HOME: dict[str, Any] = {
    "datasets": {
        name: {"good": 60, "test_good": 12, "defective": {"scratch": 5, "spot": 4}}
        for name in ("oled", "tiles", "bottles")
    },
    "runs": [
        {
            "id": "r1",
            "state": "succeeded",
            "dataset": "oled",
            "model": "padim",
            "metrics": {"image_auroc": 0.96, "missed": 1, "false_alarms": 2},
            "missed": {"scratch": 0, "spot": 1},
        },
        {
            "id": "r2",
            "state": "running",
            "dataset": "tiles",
            "model": "stfpm",
            "progress": {"epoch": 3, "epochs": 20, "seconds_left": 600},
        },
    ],
    "spoken_of": ["r1", "r2"],
}
SENTENCES = (
    "what is in oled?",
    "how did r1 do?",
    "how far is r2?",
    "which trainings are there?",
    "train PaDiM on tiles with batch 8",
    "batch 4",
    "oled 데이터 어때?",
    "r1 结果怎么样？",
    "what is AUROC?",
    "which data sets do I have?",
)
PARTS = ("assistant/offline", "assistant/chat", "assistant/store", "assistant/tools", "assistant", "engine", "prompts", "pydantic_ai", "pydantic", "sqlalchemy", "aiosqlite", "sqlite", "jinja2", "json", "asyncio", "anyio")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--long", action="store_true", help="all turns in one conversation")
    parser.add_argument("--functions", type=int, default=0, help="print so many of the functions that take most, too")
    asked = parser.parse_args()
    os.environ["MURASCOPE_HUB"] = "off"
    tools = _Tools()
    _count_tools(tools)
    asyncio.run(_measure(asked.turns, asked.long, asked.functions, tools))


async def _measure(turns: int, long: bool, functions: int, tools: "_Tools") -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with Workspace.open(Settings(home=root / "home", weights=root / "weights", hub="off")) as workspace:
            conversation = await prepare(workspace, HOME, language="en", folder=root)
            for sentence in SENTENCES:  # what is learned or compiled once is no turn's
                await _say(conversation, sentence)
            beside = [each async for each in _turns(workspace, conversation, turns, long, tools)]
            profile = cProfile.Profile()
            profile.enable()
            profiled = [each async for each in _turns(workspace, conversation, min(turns, 50), long, tools)]
            profile.disable()
    milliseconds = sorted(1e3 * each for each in beside)
    print(f"{len(beside)} turns: median {statistics.median(milliseconds):.1f} ms of processor time beside the tools")
    print(
        f"nine of ten below {milliseconds[int(0.9 * len(milliseconds))]:.1f} ms; the tools take {1e3 * tools.seconds / tools.calls:.1f} ms a call"
    )
    _print_parts(profile, statistics.median(milliseconds), len(profiled), functions)


async def _turns(workspace: Workspace, conversation: Conversation, turns: int, long: bool, tools: "_Tools") -> Any:
    """The processor seconds of each turn beside those of its tools."""
    for number in range(turns):
        if number % len(SENTENCES) == 0 and not long:
            conversation = await workspace.conversations.create("en")
        before, tools_before = time.process_time(), tools.seconds
        await _say(conversation, SENTENCES[number % len(SENTENCES)])
        yield time.process_time() - before - (tools.seconds - tools_before)


async def _say(conversation: Conversation, text: str) -> None:
    await conversation.receive(Say(text=text), "en")
    await conversation.finish()


class _Tools:
    """What the tools themselves took."""

    seconds, calls = 0.0, 0


def _count_tools(tools: _Tools) -> None:
    for tool in agents.make_agent()._function_toolset.tools.values():
        tool.function_schema.call = _counted(tool.function_schema.call, tools)  # type: ignore[method-assign]


def _counted(call: Callable[..., Any], tools: _Tools) -> Callable[..., Any]:
    async def counted(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return await call(*arguments, **named)
        finally:
            tools.seconds, tools.calls = tools.seconds + time.process_time() - began, tools.calls + 1

    return counted


def _print_parts(profile: cProfile.Profile, median_ms: float, turns: int, functions: int) -> None:
    """The shares of the main thread's time by part, tools included, as milliseconds of a profiled turn."""
    taken: dict[str, float] = defaultdict(float)
    stats = pstats.Stats(profile)
    for (file, _, _), (_, _, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        taken[next((part for part in PARTS if f"/{part}/" in file or f"/{part}." in file), "other")] += own
    whole = sum(taken.values())
    print(f"\n{'part':<20}{'share %':>9}    (of {1e3 * whole / turns:.1f} ms in the profiler, tools included)")
    for part, seconds in sorted(taken.items(), key=lambda each: -each[1]):
        print(f"{part:<20}{100 * seconds / whole:>9.1f}")
    if functions:
        stats.sort_stats("cumulative").print_stats(functions)


if __name__ == "__main__":
    main()
