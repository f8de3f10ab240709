"""Every setting of Murascope, with its help text. All are environment variables; the README's table is made from these fields."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class SettingError(ValueError):
    """A setting cannot be used; the message names it and says what is allowed."""


class Settings(BaseSettings):
    """Settings from the environment, `MURASCOPE_*` and the two providers' own key variables."""

    model_config = SettingsConfigDict(
        env_prefix="MURASCOPE_", extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    home: Path = Field(
        default=Path.home() / ".murascope", description="folder of all data: database, runs, uploaded data sets"
    )
    host: str = Field(default="127.0.0.1", description="address the server listens on")
    port: int = Field(default=8765, ge=0, le=65535, description="port the server listens on; 0 takes a free one")
    weights: Path | None = Field(
        default=None,
        description="folder of pre-trained weights, safetensors files named by timm architecture; default is weights/ in the home folder",
    )
    hub: Literal["on", "off"] = Field(
        default="on", description="off never asks the weights hub over the network, for air-gapped sites"
    )
    database: str | None = Field(
        default=None,
        description="SQLAlchemy URL, such as postgresql+psycopg://user@host/name; default is a SQLite file in the home folder",
    )
    executor: str = Field(default="local", description="where trainings compute; local is this machine")
    slots: int = Field(default=1, ge=1, le=64, description="trainings that run at the same time")
    keep_deleted_days: float = Field(
        default=7,
        ge=0,
        le=3650,
        description="days in which a deleted training can be restored; then its files are removed",
    )
    language: Literal["en", "ko", "zh"] = Field(
        default="en", description="language of the page for a browser that asks for none of en, ko, zh"
    )

    mcp_token: SecretStr | None = Field(
        default=None,
        description="the tools for other agents (MCP) at /mcp of the server, for whoever sends this as a bearer token; without it there is nothing at /mcp",
    )

    llm_base_url: str | None = Field(
        default=None,
        description="an OpenAI-compatible server (vLLM, Ollama, ...), such as http://localhost:11434/v1; goes before the two keys below",
    )
    llm_model: str | None = Field(default=None, description="name of the model to ask; each provider has a default")
    llm_api_key: SecretStr | None = Field(default=None, description="key of the compatible server, if it wants one")
    anthropic_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("ANTHROPIC_API_KEY", "anthropic_api_key"),
        description="talk through Anthropic",
    )
    anthropic_base_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("ANTHROPIC_BASE_URL", "anthropic_base_url"),
        description="another address for Anthropic's protocol",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"),
        description="talk through OpenAI",
    )
    openai_base_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url"),
        description="another address for OpenAI's protocol",
    )

    @property
    def database_url(self) -> str:
        """The URL as the async engine wants it: aiosqlite or psycopg."""
        if self.database is None:
            return f"sqlite+aiosqlite:///{self.home / 'murascope.db'}"
        try:
            url = make_url(self.database)
        except ArgumentError:
            example = "postgresql+psycopg://user@host/name"
            raise SettingError(
                f"MURASCOPE_DATABASE is no SQLAlchemy URL, such as {example}; leave it out for SQLite"
            ) from None
        drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
        backend = url.get_backend_name()
        return url.set(drivername=drivers.get(backend, url.drivername)).render_as_string(hide_password=False)

    @property
    def weights_folder(self) -> Path:
        return (self.weights or self.home / "weights").expanduser().absolute()

    @property
    def runs_folder(self) -> Path:
        return self.home / "runs"

    @property
    def uploads_folder(self) -> Path:
        return self.home / "uploads"

    @property
    def datasets_folder(self) -> Path:
        return self.home / "datasets"
