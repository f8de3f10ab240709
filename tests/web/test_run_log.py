"""The log of a run over HTTP: its events in words, by weight, and what its process printed; a piece at a time, and whole as a file."""

import os
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from assistant.machine.masking import MASKED
from assistant.runs.run_log import MOST_BYTES
from assistant.settings import Settings
from engine.contract.events import Batches, Epoch, Event, Started, System, Warned, as_line
from engine.contract.folder import RunFolder
from web.run_log import MOST_LINES

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def folder(finished_run: str, settings: Settings) -> RunFolder:
    return RunFolder(settings.runs_folder / finished_run)


def write(folder: RunFolder, *events: Event) -> None:
    """The log holds these events from now on."""
    for seq, event in enumerate(events, 1):
        event.seq, event.time = seq, 1_700_000_000.0 + seq
    folder.events.write_bytes(b"".join(map(as_line, events)))


def log_of(client: TestClient, folder: RunFolder, **asked: Any) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/api/runs/{folder.id}/log", params=asked).json()
    return told


def texts(told: dict[str, Any]) -> list[str]:
    return [line["text"] for line in told["lines"]]


STORY = (
    Started(model="padim", dataset="oled"),
    Batches(what="loading", done=3, total=9),
    Warned(code="weights_random", message="random weights", values={"backbone": "resnet18"}),
    Epoch(epoch=1, epochs=4, loss=0.25, lr=0.001, best=True),
)


def test_events_are_told_in_the_reader_s_words_by_their_weight(folder: RunFolder, client: TestClient) -> None:
    write(folder, *STORY)
    told = log_of(client, folder, what="everything", lang="en")
    assert [line["level"] for line in told["lines"]] == ["info", "detail", "warning", "info"]
    assert texts(told)[1] == "3 of 9 images"
    assert texts(told)[3] == "epoch 1 of 4 · training loss 0.25 · learning rate 0.001 · best so far"
    assert told["lines"][0]["time"] == 1_700_000_001.0
    assert texts(log_of(client, folder, what="problems", lang="ko")) == [
        "사전 학습 대신 무작위 가중치를 사용합니다. resnet18의 검출 성능이 크게 떨어집니다."
    ]


def test_who_knows_a_log_is_told_only_what_came_since(folder: RunFolder, client: TestClient) -> None:
    write(folder, *STORY[:2])
    first = log_of(client, folder, what="everything", lang="en")
    assert (len(first["lines"]), first["anew"], first["left_out"]) == (2, True, False)
    write(folder, *STORY)
    whole = folder.events.read_bytes()
    folder.events.write_bytes(whole[:-9])  # its last line is being written
    then = log_of(client, folder, what="steps", lang="en", at=first["end"])
    assert ([line["level"] for line in then["lines"]], then["anew"]) == (["warning"], False)
    folder.events.write_bytes(whole)
    last = log_of(client, folder, what="steps", lang="en", at=then["end"])
    assert texts(last) == ["epoch 1 of 4 · training loss 0.25 · learning rate 0.001 · best so far"]
    assert log_of(client, folder, what="steps", at=last["end"])["lines"] == []
    write(folder, *STORY[:1])  # somebody cut it off
    assert log_of(client, folder, what="steps", at=last["end"])["anew"]


def test_of_a_long_log_the_end_is_told_and_that_more_came_before(folder: RunFolder, client: TestClient) -> None:
    line = b"x" * 99 + b"\n"
    folder.log.write_bytes(line * (MOST_BYTES // 50) + b"the end\n")
    told = log_of(client, folder, what="printed")
    assert (len(told["lines"]), texts(told)[-1], told["left_out"]) == (MOST_LINES, "the end", True)
    assert told["end"] == folder.log.stat().st_size
    write(folder, STORY[0], *(System(cpu_percent=1, memory_mb=n) for n in range(MOST_LINES + 1)))
    assert log_of(client, folder, what="everything")["left_out"]


def test_what_the_process_printed_is_told_without_secrets(
    folder: RunFolder, settings: Settings, request: pytest.FixtureRequest
) -> None:
    folder.log.write_text(f"10 %\r20 %\rkey={KEY}\nand more\n")
    write(folder, Warned(code="strange", message=f"refused {KEY}"))
    settings.mcp_token = SecretStr(KEY)
    client: TestClient = request.getfixturevalue("client")
    assert texts(log_of(client, folder, what="printed")) == [f"key={MASKED}", "and more"]
    assert texts(log_of(client, folder)) == [f"refused {MASKED}"]
    assert KEY not in client.get(f"/runs/{folder.id}/whole-log").text


def test_the_whole_log_is_one_file(folder: RunFolder, client: TestClient) -> None:
    write(folder, *STORY)
    folder.log.write_text("Traceback\n")
    answer = client.get(f"/runs/{folder.id}/whole-log?lang=en")
    assert answer.headers["content-disposition"] == f'attachment; filename="murascope-{folder.id}-log.txt"'
    lines = answer.text.splitlines()
    assert lines[0] == "2023-11-14T22:13:21.000+00:00\tinfo\tThe training process started"
    assert lines[-2:] == ["--- printed by the training process ---", "Traceback"]


def test_a_damaged_line_is_said_to_be_one_and_the_others_are_told(folder: RunFolder, client: TestClient) -> None:
    write(folder, *STORY)
    content = folder.events.read_bytes()
    folder.events.write_bytes(content.replace(b'"done":3', b'"done":4'))
    told = log_of(client, folder, what="everything", lang="en")
    assert (len(told["lines"]), texts(told)[1]) == (4, "A line of the event log cannot be read")


def test_a_pipe_in_place_of_the_log_is_said_to_be_none(folder: RunFolder, client: TestClient) -> None:
    os.mkfifo(folder.log)
    assert texts(log_of(client, folder, what="printed")) == ["(log.txt cannot be read: it is no plain file)"]
    assert client.get(f"/runs/{folder.id}/whole-log").status_code == 200


def test_a_long_event_is_told_whole_in_the_file(folder: RunFolder, client: TestClient) -> None:
    long = "a very long warning " * 10_000
    write(folder, Warned(code="unheard_of", message=long.strip()))
    assert long.strip() in client.get(f"/runs/{folder.id}/whole-log?lang=en").text
