"""The images: what their file says is there, and what it installs serves. Where no container engine is at hand its steps are done here:
the same sources, installed like there, started with the command and the environment of docker-compose.yml over a real PostgreSQL."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest
import typer.main

from assistant.cli import app
from assistant.offline.learned import BESIDE_THE_PROGRAM
from assistant.settings import Settings, variable_of
from tests.deploy.files import PROJECT, SERVICES, by_default, copied, stages
from tests.postgres import postgres_binaries, running_postgres
from tests.serving import nothing_set

TARGETS = ("server", "trainer", "tracking")
IGNORED = (PROJECT / ".dockerignore").read_text().splitlines()


def test_everything_that_is_copied_is_there_and_reaches_the_build() -> None:
    sources = [source for stage in stages().values() for source in copied(stage)]
    assert sources
    for source in sources:
        assert (PROJECT / source).exists()
        assert f"!{source}" in IGNORED
    froms = re.findall(r"--from=(\S+)", (PROJECT / "deploy" / "Dockerfile").read_text())
    assert set(froms) <= stages().keys()


def test_all_packages_of_the_project_are_copied() -> None:
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"][
        "include"
    ]
    assert {package.rstrip("*") for package in packages} <= set(copied(stages()["build"]))


@pytest.mark.parametrize("target", TARGETS)
def test_no_image_runs_as_root_or_holds_a_secret(target: str) -> None:
    stage = stages()[target]
    assert stage.last("USER") == "10001:10001"
    assert stage.all[-1][0] != "RUN"  # nothing is installed as somebody else
    words = " ".join(rest for name, rest in stage.all if name in ("ENV", "ARG"))
    assert not re.search("PASSWORD|TOKEN|SECRET|_KEY", words)


def test_the_server_is_what_a_build_without_a_target_makes() -> None:
    assert list(stages())[-1] == "server"


def test_its_command_is_one_and_its_variables_are_settings() -> None:
    server = stages()["server"]
    command = json.loads(server.last("CMD") or "")
    assert command == SERVICES["web"]["command"] == ["murascope", "serve"]
    assert "murascope" in tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    assert "serve" in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    variables = {variable_of(name) for name in Settings.model_fields}
    given = {word.partition("=")[0] for name, rest in server.own if name == "ENV" for word in rest.split()}
    assert given <= variables
    assert server.last("EXPOSE") == str(Settings.model_fields["port"].default)


def test_its_health_check_asks_what_the_server_offers() -> None:
    check = stages()["server"].last("HEALTHCHECK") or ""
    words = json.loads(check[check.index("[") :])
    ast.parse(words[2])
    assert "/health'" in words[2]
    assert "/ready'" in SERVICES["web"]["healthcheck"]["test"][3]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build stage installs, from what it copies and nothing else."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    without = shutil.ignore_patterns("__pycache__", "learned")
    for name in copied(stages()["build"]):
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, source / name, ignore=without)
        else:
            shutil.copy(PROJECT / name, source / name)
    install = ["pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", site, source]
    subprocess.run([sys.executable, "-m", *install], check=True)
    if BESIDE_THE_PROGRAM.is_dir():  # the build makes it anew, which takes minutes
        shutil.copytree(BESIDE_THE_PROGRAM, site / "assistant" / "offline" / "learned")
    return site


@pytest.fixture
def database() -> Iterator[str]:
    """The server and database of the service postgres, at another address."""
    if (binaries := postgres_binaries()) is None:
        pytest.skip("no PostgreSQL server is installed")
    with running_postgres(binaries) as url:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute("create role murascope login")
            connection.execute("create database murascope owner murascope")
        yield url.partition("@")[2]


def environment_here(site: Path, tmp_path: Path, database: str) -> dict[str, str]:
    """The environment of the service web, its folders and addresses being those of this machine."""
    subprocess.run(["sh", PROJECT / "deploy" / "secrets.sh", tmp_path / "secrets"], check=True)
    secret = tmp_path / "secrets" / "database"
    secret.write_text(secret.read_text().replace("@postgres/", f"@{database}/"))
    told = {name: by_default(value) for name, value in SERVICES["web"]["environment"].items()}
    given = told | {"MURASCOPE_PORT": "0"}
    places = {"/data": str(tmp_path / "home"), "/run/secrets": str(tmp_path / "secrets")}
    for there, here in places.items():
        given = {
            name: here + value.removeprefix(there) if value.startswith(there) else value
            for name, value in given.items()
        }
    return nothing_set() | given | {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1", "MURASCOPE_HUB": "off"}


@contextmanager
def started(site: Path, environment: dict[str, str], folder: Path) -> Iterator[str]:
    """The very command of the image, as it was installed; gives its address on this machine."""
    command = [sys.executable, site / "bin" / SERVICES["web"]["command"][0], *SERVICES["web"]["command"][1:]]
    process = subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        found = re.search(r"http://[\d.]+:(\d+)", json.loads(said)["message"])
        assert found is not None
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


def test_what_an_image_installs_serves_with_the_environment_of_the_compose_file(
    installed: Path, database: str, tmp_path: Path
) -> None:
    environment = environment_here(installed, tmp_path, database)
    with started(installed, environment, tmp_path) as address, httpx2.Client(timeout=60) as asking:
        assert asking.get(f"{address}/ready").json() == {"status": "ready", "reasons": []}
        asked_by_prometheus = asking.get(f"{address}/metrics", headers={"host": "web:8765"})
        assert "murascope_database_up 1.0" in asked_by_prometheus.text
        conversation = asking.post(f"{address}/api/conversations").json()["id"]
        assert asking.get(f"{address}/c/{conversation}").status_code == 200
        assert asking.get(f"{address}/static/logo.svg").status_code == 200
        assert os.listdir(tmp_path / "home")
    with psycopg.connect(f"postgresql://murascope@{database}/murascope") as connection:
        assert connection.execute("select count(*) from conversations").fetchone() == (1,)
