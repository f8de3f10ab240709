"""Settings: database addresses in every spelling, and no key for the engine."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.machine.engine_environment import engine_environment
from assistant.settings import SettingError, Settings
from tests.serving import PROJECT, environment_of


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:////data/m.db", "sqlite+aiosqlite:////data/m.db"),
        ("sqlite+aiosqlite:////data/m.db", "sqlite+aiosqlite:////data/m.db"),
        ("postgresql://u:p@h/m", "postgresql+psycopg://u:p@h/m"),
        ("postgresql+psycopg://u:p@h/m", "postgresql+psycopg://u:p@h/m"),
    ],
)
def test_a_database_address_gets_its_async_driver(given: str, used: str) -> None:
    assert Settings(database=given).database_url == used


def test_a_database_address_that_is_none_is_named() -> None:
    with pytest.raises(SettingError, match="MURASCOPE_DATABASE"):
        _ = Settings(database="no address").database_url


SECRETS = (
    "ANTHROPIC_API_KEY", "anthropic_api_key", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "openai_api_key", "HF_TOKEN",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "aws_session_token", "MURASCOPE_LLM_API_KEY", "MURASCOPE_DATABASE",
    "murascope_database", "NVIDIA_API_KEY", "FOO_SECRET", "TORCH_SECRET", "SSH_AUTH_SOCK", "PGPASSWORD", "Http_Proxy",
)  # fmt: skip


def test_the_engine_gets_the_weights_and_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    environment = engine_environment(Settings(weights=tmp_path, hub="off"))
    assert environment["MURASCOPE_WEIGHTS"] == str(tmp_path)
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert [name for name, value in environment.items() if value == "secret"] == []


@pytest.mark.parametrize(
    ("variable", "setting", "value"),
    [
        ("MURASCOPE_MCP_TOKEN", "mcp_token", SecretStr("a-token")),
        ("ANTHROPIC_API_KEY", "anthropic_api_key", SecretStr("a-token")),
        ("MURASCOPE_DATABASE", "database", "a-token"),
    ],
)
def test_a_setting_may_stand_in_a_file(
    variable: str, setting: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("a-token\n")
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "secret"))
    assert getattr(Settings(), setting) == value
    assert "a-token" not in engine_environment(Settings()).values()
    monkeypatch.setenv(variable, "of the environment")
    assert getattr(Settings(), setting) != value


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), (b" \n", "empty"), (b"\xff\xfe", "no text")])
def test_a_file_of_a_setting_that_cannot_be_read_is_named(
    content: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MURASCOPE_MCP_TOKEN_FILE", str(tmp_path / "token"))
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(SettingError, match=f"MURASCOPE_MCP_TOKEN_FILE.*{why}"):
        Settings()


def test_a_server_whose_secret_cannot_be_read_does_not_start_and_says_so(tmp_path: Path) -> None:
    environment = environment_of(tmp_path) | {"MURASCOPE_MCP_TOKEN_FILE": str(tmp_path / "token")}
    command = [sys.executable, "-c", "from assistant.cli import main; main()", "serve"]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("MURASCOPE_MCP_TOKEN_FILE is")


def test_an_engine_that_may_fetch_weights_gets_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    assert engine_environment(Settings(hub="on"))["https_proxy"] == "http://proxy:3128"
    assert "https_proxy" not in engine_environment(Settings(hub="off"))
