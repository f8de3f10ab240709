"""The conversation in a terminal: a real terminal, a real training, and plain lines where there is none."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.serving import PROJECT, environment_of
from tests.terminal import CTRL_C, CTRL_D, in_terminal

CHAT = [sys.executable, "-c", "from assistant.cli import main; main()", "chat"]
QUICK = "train padim on panels with image size 64"
ENDLESS = "train an autoencoder on panels with image size 64, 5000 epochs and patience 0"


@pytest.fixture
def environment(settings: Settings, panels: Path) -> dict[str, str]:
    """A home that knows one small data set."""

    async def register() -> None:
        async with Workspace.open(settings) as workspace:
            await workspace.datasets.add("panels", panels)

    asyncio.run(register())
    return environment_of(settings.home) | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}


def state_of(settings: Settings, run: str) -> str:
    async def state() -> str:
        async with Workspace.open(settings) as workspace:
            return (await workspace.runs.get(run)).state

    return asyncio.run(state())


def talk(environment: dict[str, str], *lines: str) -> "subprocess.CompletedProcess[str]":
    """What is said where no terminal is."""
    typed = "".join(f"{line}\n" for line in lines)
    return subprocess.run(CHAT, env=environment, cwd=PROJECT, input=typed, capture_output=True, text=True, timeout=300)


def test_a_training_is_planned_changed_approved_watched_and_summed_up_in_a_terminal(
    settings: Settings, environment: dict[str, str]
) -> None:
    with in_terminal(CHAT, environment) as terminal:
        terminal.say(QUICK)
        assert "64" in terminal.until("yes starts it")
        terminal.say("batch size 8")
        terminal.until("yes starts it")
        terminal.say("yes")
        terminal.until("Run r1")
        terminal.until("r1 · Collect (2 of 7)")
        terminal.until("> ")
        terminal.until("PaDiM on panels took")
        terminal.type(CTRL_D)
        terminal.until("murascope chat --conversation")
        assert terminal.end() == 0
    assert state_of(settings, "r1") == "succeeded"
    assert (settings.home / "chat_history").read_text().splitlines()[-1] == "yes"


def test_who_leaves_is_asked_what_becomes_of_a_training_and_can_stop_it(
    settings: Settings, environment: dict[str, str]
) -> None:
    with in_terminal(CHAT, environment) as terminal:
        terminal.say(ENDLESS)
        terminal.say("yes")
        terminal.until("r1 · Train")
        terminal.type(CTRL_C)
        terminal.until("once more leaves")
        terminal.type(CTRL_C)
        terminal.until("r1 is still training")
        terminal.until("stay here")
        terminal.type("2\n")
        assert terminal.end() == 3
    assert state_of(settings, "r1") == "stopped"


def test_a_question_is_answered_by_its_number(settings: Settings, environment: dict[str, str]) -> None:
    with in_terminal(CHAT, environment) as terminal:
        terminal.say(ENDLESS)
        terminal.say("yes")
        terminal.until("r1 · Train")
        terminal.type("stop it\n")
        terminal.until("1  Yes, do it")
        terminal.until("2  No")
        terminal.say("1")
        terminal.until("r1 was stopped")
        terminal.until("> ")
        terminal.type(CTRL_D)
        assert terminal.end() == 3


def test_plain_lines_are_answered_one_after_the_other_and_a_training_is_seen_to_its_end(
    settings: Settings, environment: dict[str, str]
) -> None:
    said = talk(environment, "what data do I have?", QUICK, "yes")
    assert (said.returncode, said.stderr) == (0, "")
    assert "\033" not in said.stdout
    assert [
        step for step in ("panels", "yes starts it", "r1 · Verify (7 of 7)", "took") if step not in said.stdout
    ] == []


def test_a_line_that_is_no_text_or_too_long_is_answered_and_the_next_one_too(environment: dict[str, str]) -> None:
    lines = b"\xff\n" + b"a" * 20_001 + b"\nwhat data do I have?\n"
    said = subprocess.run(CHAT, env=environment, cwd=PROJECT, input=lines, capture_output=True)
    assert (said.returncode, said.stderr) == (0, b"")
    assert b"at most 20,000 characters" in said.stdout
    assert b"panels" in said.stdout


def test_a_no_starts_nothing(settings: Settings, environment: dict[str, str]) -> None:
    said = talk(environment, QUICK, "no")
    assert said.returncode == 0
    assert "declined" in said.stdout
    with pytest.raises(LookupError):
        state_of(settings, "r1")


def test_a_terminal_speaks_korean_where_it_is_asked_to(environment: dict[str, str]) -> None:
    said = subprocess.run(
        [*CHAT, "--language", "ko"],
        env=environment,
        cwd=PROJECT,
        input="데이터 뭐 있어?\n",
        capture_output=True,
        text=True,
    )
    assert "데이터셋 목록 확인" in said.stdout


def test_an_unknown_conversation_is_refused_in_words(environment: dict[str, str]) -> None:
    said = subprocess.run(
        [*CHAT, "--conversation", "000"], env=environment, cwd=PROJECT, capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (2, "")
    assert "there is no conversation" in said.stderr
