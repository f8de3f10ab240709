"""Every setting of Murascope, with its help text. All are environment variables; the README's table is made from these fields."""

import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class SettingError(ValueError):
    """A setting cannot be used; the message names it and says what is allowed."""


class Settings(BaseSettings):
    """Settings from the environment, `MURASCOPE_*` and the two providers' own key variables; each may stand in a file that
    the same name with `_FILE` names. A variable itself goes before its file.

    Raises:
        SettingError: such a file cannot be read, or holds nothing.
    """

    model_config = SettingsConfigDict(
        env_prefix="MURASCOPE_", extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    home: Path = Field(
        default=Path.home() / ".murascope", description="folder of all data: database, runs, uploaded data sets"
    )
    host: str = Field(default="127.0.0.1", description="address the server listens on")
    port: int = Field(default=8765, ge=0, le=65535, description="port the server listens on; 0 takes a free one")
    hosts: str = Field(
        default="",
        description="more names that the server answers to, separated by commas: those of a reverse proxy, or of a container",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="json makes each line of the server's log one JSON object"
    )
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
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="address under which other machines reach this server, such as http://murascope.plant.local:8765; trainings that compute there report to it. Default is the address that it listens on",
    )
    report_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="signs the history of models, and what trainings on other machines report with; set the same for servers that share one database. Default is one that the home keeps",
    )
    slots: int = Field(
        default=1,
        ge=1,
        le=64,
        description="trainings that run at the same time: on each GPU of this machine, and on its CPU; on a cluster, altogether",
    )
    gpus: str | None = Field(
        default=None,
        description="GPUs of this machine that trainings use, by number, such as 0,1; each takes `MURASCOPE_SLOTS` trainings at once. Default: those that torch finds",
    )
    retries: int = Field(
        default=2, ge=0, le=20, description="how often a training is tried again whose process was killed or lost"
    )
    retry_wait_s: float = Field(
        default=5,
        ge=0,
        le=3600,
        description="seconds before a training is tried again; twice as long after each further failure",
    )
    silent_s: float = Field(
        default=300,
        ge=5,
        le=86400,
        description="seconds without a sign of life after which a training is ended and tried again",
    )
    node_python: str = Field(
        default="python3", description="the Python on the nodes of a cluster in which Murascope is installed"
    )
    run_cpus: float = Field(default=1, gt=0, le=1024, description="CPUs that a training asks a cluster for")
    run_gpus: int = Field(
        default=0,
        ge=0,
        le=64,
        description="GPUs that a training asks a cluster for, unless its job says cpu (none) or cuda (at least one)",
    )
    ray_address: str | None = Field(
        default=None, description="for the executor ray: where its head answers, such as http://ray-head:8265"
    )
    ray_token: SecretStr | None = Field(default=None, description="for the executor ray: the cluster's token")
    slurm_partition: str | None = Field(
        default=None, description="for the executor slurm: the partition; default is the cluster's own"
    )
    slurm_options: str = Field(
        default="",
        description="for the executor slurm: further options of sbatch, such as --account=vision --constraint=a100",
    )
    kubernetes_image: str | None = Field(
        default=None,
        description="for the executor kubernetes: the image that holds Murascope, such as registry.plant.local/murascope-trainer:0.1.0",
    )
    kubernetes_namespace: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description="for the executor kubernetes: where its jobs are made; default is the server's own in a cluster, else `default`",
    )
    kubernetes_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="for the executor kubernetes: where its API answers, such as https://10.0.0.1:6443; default, for a server in the cluster, is that cluster, with the service account of the pod",
    )
    kubernetes_token: SecretStr | None = Field(
        default=None, description="for the executor kubernetes: the token of a service account, where a URL is set"
    )
    kubernetes_ca: Path | None = Field(
        default=None,
        description="for the executor kubernetes: file of the certificate that signs its API's, where a URL is set",
    )
    artifacts: str | None = Field(
        default=None,
        pattern=r"^s3://[A-Za-z0-9][A-Za-z0-9._-]+(/[^\s?#]*)?$",
        description="bucket in which the files of ended trainings are kept besides, such as s3://bucket/prefix; needs the package murascope[s3]. Default: they are in the home folder alone",
    )
    tracking: str = Field(
        default="home",
        pattern=r"^(home|off|(https?|sqlite|postgresql(\+psycopg)?)://\S+)$",
        description="MLflow that is told of every training and model: a file in the home folder, the address of a server such as http://mlflow.plant.local:5000, or off",
    )
    aws_endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        validation_alias=AliasChoices("AWS_ENDPOINT_URL", "aws_endpoint_url"),
        description="where an S3-compatible store answers, such as http://seaweedfs:8333; default is Amazon's",
    )
    aws_region: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION", "aws_region"),
        description="its region, where it has any; `AWS_DEFAULT_REGION` is understood, too",
    )
    aws_access_key_id: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
        description="name of the key that opens the store; default is the role of the machine, on Amazon's",
    )
    aws_secret_access_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
        description="that key",
    )
    aws_session_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_SESSION_TOKEN", "aws_session_token"),
        description="what belongs to a key that is good for a time",
    )
    keep_deleted_days: float = Field(
        default=7,
        ge=0,
        le=3650,
        description="days in which a deleted training can be restored; then its files are removed",
    )
    serving_models: int = Field(
        default=2,
        ge=1,
        le=64,
        description="models that are kept warm to judge pictures, each in a process of its own; the one used least lately gives way to another",
    )
    serving_idle_s: float = Field(
        default=600, gt=0, le=864_000, description="seconds after which a model that nobody asks is put away"
    )
    serving_queue: int = Field(
        default=64,
        ge=1,
        le=10_000,
        description="pictures that may wait for one model; whoever asks for more is told to try again later",
    )
    predictions_gb: float = Field(
        default=4,
        ge=0,
        le=100_000,
        description="gigabytes of judged pictures and their heatmaps that are kept; the oldest are dropped first, what was said of the pictures stays",
    )
    predictions_kept: int = Field(
        default=1_000_000,
        ge=1000,
        description="predictions of this home that are kept on record; older ones are dropped, but none of whose picture somebody said what it is",
    )
    feedback_gb: float = Field(
        default=10,
        ge=0,
        le=100_000,
        description="gigabytes of pictures that are kept for good because somebody said what they are; beyond it what was said is kept, and no further picture",
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, FromFiles(settings_cls)

    @property
    def host_names(self) -> frozenset[str]:
        """What `hosts` and `public_url` name, in small letters."""
        names = {name.strip().lower() for name in self.hosts.split(",") if name.strip()}
        return frozenset(names | ({urlsplit(self.public_url).hostname or ""} if self.public_url else set()))

    @property
    def gpu_numbers(self) -> tuple[str, ...] | None:
        """What `gpus` names; None: it is left out.

        Raises:
            SettingError: it does not name different GPUs by their numbers.
        """
        if self.gpus is None:
            return None
        are_numbers = re.fullmatch(r"\s*[0-9]{1,3}\s*(,\s*[0-9]{1,3}\s*)*", self.gpus)
        named = [str(int(each)) for each in self.gpus.split(",")] if are_numbers else []
        if not named or len(set(named)) < len(named):
            raise SettingError(
                f"MURASCOPE_GPUS is {self.gpus!r}: name different GPUs by their numbers, separated by commas, such as 0,1"
            )
        return tuple(named)

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
    def reached_at(self) -> str:
        """The address that other processes report to, without a slash at its end."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(
            self.host, f"[{self.host}]" if ":" in self.host else self.host
        )
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

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


class FromFiles(PydanticBaseSettingsSource):
    """What stands in a file whose path a variable holds, such as MURASCOPE_MCP_TOKEN_FILE=/run/secrets/mcp_token: so a secret is in
    no environment, where every child and whoever looks at the process finds it."""

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = variable_of(field_name)
        if os.environ.get(variable) or not (path := os.environ.get(f"{variable}_FILE")):
            return None, field_name, False
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingError(f"{variable}_FILE is {path!r}, which cannot be read: {why}") from None
        if not text:
            raise SettingError(f"{variable}_FILE is {path!r}, which is empty; write the value of {variable} into it")
        return text, field_name, False


def variable_of(setting: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[setting].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"MURASCOPE_{setting.upper()}"
