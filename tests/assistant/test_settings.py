"""Settings: database addresses in every spelling, and no key for the engine."""

from pathlib import Path

import pytest

from assistant.machine.engine_environment import engine_environment
from assistant.settings import SettingError, Settings


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


def test_an_engine_that_may_fetch_weights_gets_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    assert engine_environment(Settings(hub="on"))["https_proxy"] == "http://proxy:3128"
    assert "https_proxy" not in engine_environment(Settings(hub="off"))
