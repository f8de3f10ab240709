"""Settings: database addresses in every spelling, and no key for the engine."""

from pathlib import Path

import pytest

from assistant.datasets import folder_stamp
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


def test_the_engine_gets_the_weights_and_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("MURASCOPE_DATABASE", "postgresql://u:secret@h/m")
    environment = Settings(weights=tmp_path).engine_environment()
    assert environment["MURASCOPE_WEIGHTS"] == str(tmp_path)
    assert "secret" not in "".join(environment.values())


def test_a_picture_that_only_moved_changes_the_stamp_of_its_folder(tmp_path: Path) -> None:
    for name in ("good", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "good" / "1.png").write_bytes(b"x")
    before = folder_stamp(tmp_path)
    (tmp_path / "good" / "1.png").rename(tmp_path / "scratch" / "1.png")
    assert folder_stamp(tmp_path) != before
