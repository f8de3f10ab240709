"""A secret is masked whoever repeats it, in whatever simple form, before it is stored, shown or logged."""

import base64
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from assistant.frames import AssistantItem, DeltaFrame, ErrorItem, ToolItem
from assistant.machine.masking import MASKED, Mask, secrets_of
from assistant.settings import Settings
from assistant.workspace import Workspace

pytestmark = pytest.mark.anyio

SECRET = "sk-test-0123456789abcdef"
MASK = Mask([SECRET])


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET.upper(),
        SECRET[:16],
        SECRET[8:],
        "sk-**test**-0123`456789`abcdef",
        "s k - t e s t - 0 1 2 3 4 5 6 7 8 9 a b c d e f",
        "sk-test-\n01234567\n89abcdef",
        "sk-test-\u200b0123456789\u200babcdef",
        "-".join(SECRET),
        SECRET[::-1],
        quote(SECRET, safe=""),
        "".join(f"%{ord(letter):02X}" for letter in SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"Bearer {SECRET}".encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        SECRET.encode().hex(),
        "".join(f"\\u{ord(letter):04x}" for letter in SECRET),
        "".join(f"&#{ord(letter)};" for letter in SECRET),
        "".join(f"&#x{ord(letter):x};" for letter in SECRET),
    ],
)
def test_a_secret_is_found_in_every_simple_form(form: str) -> None:
    masked = MASK.text(f"The key is {form}, keep it.")
    assert MASKED in masked
    assert masked.startswith("The key is ")
    assert masked.endswith("keep it.")
    assert "0123456789" not in masked
    assert MASK.text(masked) == masked


@pytest.mark.parametrize("text", ["", "The key is wrong.", "sk-", "test 0123", "r12 AUROC 0.0123", "키가 틀렸습니다"])
def test_other_words_are_left_alone(text: str) -> None:
    assert MASK.text(text) == text


def test_punctuation_and_letters_of_other_scripts_in_a_secret_are_masked_in_their_json_form_too() -> None:
    secret = 'pä"ss\\wörd-9'
    mask = Mask([secret])
    for form in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret, safe="")):
        assert MASKED in mask.text(form)


def test_every_secret_of_the_settings_is_known(tmp_path: Path) -> None:
    keys = {
        name: SecretStr(f"{name}-0123456789-0123456789-0123456789")
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    settings = Settings(home=tmp_path, database="postgresql://user:p%40ss-w0rd@host/name", **keys)  # type: ignore[arg-type]
    assert sorted(secrets_of(settings)) == sorted([*(key.get_secret_value() for key in keys.values()), "p@ss-w0rd"])
    assert len(keys) >= 3


def test_a_fixed_choice_is_no_place_for_a_secret() -> None:
    shown = Mask(["streaming"]).value(AssistantItem(text="streaming", state="streaming"))
    assert (shown.text, shown.state) == (MASKED, "streaming")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", openai_api_key=SecretStr(SECRET), llm_base_url="http://127.0.0.1:9/v1")


async def stored(workspace: Workspace) -> str:
    async with workspace.database.session() as session:
        tables = [await session.execute(text(f"SELECT * FROM {table}")) for table in ("items", "conversations", "runs")]
        return repr([table.all() for table in tables])


async def test_items_are_masked_before_they_are_stored_and_shown(workspace: Workspace) -> None:
    transcript = (await workspace.conversations.create("en")).transcript
    items: list[Any] = [
        AssistantItem(text=f"It is {SECRET}."),
        ToolItem(tool="list_runs", arguments={"dataset": SECRET}, result={SECRET: [{"name": SECRET}]}, error=SECRET),
        ErrorItem(code="internal", message=SECRET, hint=SECRET, details=f"ValueError({SECRET!r})"),
    ]
    async with transcript.subscribe() as live:
        for number, item in enumerate(items):
            await transcript.show(f"item-{number}", item)
        told = [(await anext(live)).model_dump_json() for _ in items]
    assert SECRET not in "".join(told)
    assert SECRET not in await stored(workspace)
    assert (await stored(workspace)).count(MASKED) == 8


async def test_a_secret_that_comes_in_pieces_is_masked_in_every_frame(workspace: Workspace) -> None:
    transcript = (await workspace.conversations.create("en")).transcript
    await transcript.show("answer", AssistantItem(text="It is ", state="streaming"))
    async with transcript.subscribe() as live:
        for piece in (SECRET[:11], SECRET[11:17], SECRET[17:] + ", no doubt"):
            transcript.add_text("answer", piece)
        frame = await anext(live)
    assert isinstance(frame, DeltaFrame)
    assert frame.text == f"It is {MASKED}, no doubt"


async def test_the_agents_history_and_the_title_are_masked(workspace: Workspace) -> None:
    conversation = await workspace.conversations.create("en")
    await workspace.conversations.rename(conversation.id, f"about {SECRET}")
    assert SECRET not in await stored(workspace)


async def test_a_runs_reason_is_masked(workspace: Workspace) -> None:
    from engine.contract.jobs import make_job

    run = await workspace.runs.add(make_job("detect", "oled", "padim"), data_path="/data")
    await workspace.runs.claim_one(run.id)
    ended = await workspace.runs.end(run.id, "failed", reason=f"no access with {SECRET}", hint="try again")
    assert ended is not None
    assert ended.reason == f"no access with {MASKED}"


async def test_no_log_line_holds_a_secret_not_even_a_traceback(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("some.library")
    logger.warning("asking with %s", SECRET)
    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError:
        logger.exception("it failed")
    logger.warning("all is well: %d", 3)
    assert SECRET not in caplog.text
    assert caplog.text.count(MASKED) >= 2
    assert "Traceback" in caplog.text
    assert "all is well: 3" in caplog.text
