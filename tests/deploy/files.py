"""The files of deploy/ and docker-compose.yml, read as the programs read them that they are written for."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def by_default(value: str) -> str:
    """A value of the compose file where none of the variables that it names is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


@dataclass
class Stage:
    """A stage of the Dockerfile: its instructions, those of the stages that it is made from first."""

    name: str
    base: str
    own: list[tuple[str, str]] = field(default_factory=list)
    inherited: list[tuple[str, str]] = field(default_factory=list)

    @property
    def all(self) -> list[tuple[str, str]]:
        return [*self.inherited, *self.own]

    def last(self, instruction: str) -> str | None:
        return next((rest for name, rest in reversed(self.all) if name == instruction), None)


def stages() -> dict[str, Stage]:
    text = (PROJECT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found: dict[str, Stage] = {}
    stage: Stage | None = None
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            base, _, called = rest.partition(" AS ")
            stage = Stage(called, base, inherited=list(found[base].all) if base in found else [])
            found[called] = stage
        elif stage is not None:
            stage.own.append((name, rest.strip()))
    return found


def copied(stage: Stage) -> list[str]:
    """What a stage takes from this project."""
    instructions = [shlex.split(rest) for name, rest in stage.own if name == "COPY"]
    return [source for words in instructions if not words[0].startswith("--from") for source in words[:-1]]
