"""The log: whose run and conversation a line is about, in both forms."""

import asyncio
import json
import logging

import pytest

from assistant.machine.logs import JsonLines, Lines, about, go_on_about, subject


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("web.sockets", logging.WARNING, "", 0, message, args, None)


def test_a_line_carries_the_ids_of_what_it_is_about() -> None:
    with about(conversation="c1"), about(run="r12"):
        line, told = Lines().format(record("lost %s", "it")), json.loads(JsonLines().format(record("lost %s", "it")))
    assert line.endswith("warning web.sockets [r12, c1]: lost it")
    assert (told["run"], told["conversation"], told["message"], told["level"]) == ("r12", "c1", "lost it", "warning")
    assert "run" not in json.loads(JsonLines().format(record("later")))


def test_a_message_of_several_lines_stays_one_line_of_json() -> None:
    assert "\n" not in JsonLines().format(record('one\ntwo "three" 불량'))


@pytest.mark.anyio
async def test_tasks_that_are_begun_meanwhile_are_about_the_same_and_no_others() -> None:
    async def other(run: str) -> dict[str, str]:
        go_on_about(run=run)
        await asyncio.sleep(0)
        return subject()

    with about(conversation="c1"):
        tasks = [asyncio.create_task(other(run)) for run in ("r1", "r2")]
        threads = asyncio.create_task(asyncio.to_thread(subject))
    assert await asyncio.gather(*tasks) == [{"run": run, "conversation": "c1"} for run in ("r1", "r2")]
    assert await threads == {"conversation": "c1"}
    assert subject() == {}
