"""docker-compose.yml holds what it promises. No container is started here: the file is read, and its rules are tried."""

import ast
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assistant.runs.executors import open_executor
from assistant.runs.files import open_files
from assistant.settings import Settings, variable_of
from tests.deploy.files import COMPOSE, PROJECT, SERVICES, by_default, stages
from web.guard import is_known_host

ENDS = {name for name, service in SERVICES.items() if service.get("restart") == "no"}
VARIABLES = {variable_of(name) for name in Settings.model_fields}


def of_web() -> dict[str, str]:
    environment: dict[str, str] = SERVICES["web"]["environment"]
    return environment


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ENDS))
def test_every_service_that_stays_says_whether_it_is_well(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= check.keys()
    assert check["test"][0] == "CMD"  # its own exit code counts; a shell's "or" could hide it
    if check["test"][1:3] == ["python", "-c"]:
        ast.parse(check["test"][3])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_runs_as_root(name: str) -> None:
    user = SERVICES[name]["user"]
    assert re.fullmatch(r"[1-9]\d*:\d+", user)
    assert "privileged" not in SERVICES[name]


@pytest.mark.parametrize("name", sorted(name for name, service in SERVICES.items() if "build" in service))
def test_images_of_ours_are_stages_that_run_as_the_user_that_is_said(name: str) -> None:
    stage = stages()[SERVICES[name]["build"]["target"]]
    assert stage.last("USER") == SERVICES[name]["user"]
    assert SERVICES[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(name for name, service in SERVICES.items() if "build" not in service))
def test_images_of_others_are_taken_in_one_version(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert tag[:1].isdigit() or tag[:2] in ("v3",), image


def test_volumes_and_secrets_are_declared_and_used() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])
    assert [mount for mount in mounts if mount.startswith(".") and not (PROJECT / mount).exists()] == []
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])


def test_a_service_reads_only_the_secrets_that_it_is_given() -> None:
    for name, service in SERVICES.items():
        read = set(re.findall(r"/run/secrets/(\w+)", str(service)))
        assert read == set(service.get("secrets", [])), name


def test_no_secret_stands_in_the_file() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            is_secret = re.search("PASSWORD|TOKEN|SECRET|_KEY|DATABASE|CREDENTIALS", variable)
            assert not is_secret or str(value).startswith("/run/secrets/"), variable


def test_ports_are_published_once_and_on_this_machine_alone() -> None:
    ports = [port.rsplit(":", 2) for service in SERVICES.values() for port in service.get("ports", [])]
    assert {address for address, _, _ in ports} == {"127.0.0.1"}
    assert len({published for _, published, _ in ports}) == len(ports)


def test_whoever_waits_for_another_waits_until_it_is_well() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if name in ENDS else "service_healthy"
            assert how == {"condition": wanted}
            assert set(service.get("profiles", [])) <= set(SERVICES[name].get("profiles", service.get("profiles", [])))


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_each_profile_has_workers_and_that_of_gpus_asks_for_them(profile: str) -> None:
    [worker] = [service for service in SERVICES.values() if service.get("profiles") == [profile]]
    assert "--address=ray-head:6379" in worker["command"]
    asked = worker.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    assert [each["capabilities"] for each in asked] == ([["gpu"]] if profile == "gpu" else [])


def test_every_variable_of_the_server_is_a_setting() -> None:
    ours = {name for name in of_web() if name.startswith(("MURASCOPE_", "OPENAI_", "ANTHROPIC_", "AWS_"))}
    assert ours == of_web().keys()
    assert {name for name in ours if name.removesuffix("_FILE") not in VARIABLES} == set()


def test_the_server_and_the_cluster_reach_each_other_by_the_names_of_their_services(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("ray_token", "s3_name", "s3_key"):
        (tmp_path / name).write_text("a-token-of-the-cluster")
    for name, value in of_web().items():
        monkeypatch.setenv(name, by_default(value).replace("/run/secrets", str(tmp_path)))
    monkeypatch.setenv("MURASCOPE_EXECUTOR", "ray")
    monkeypatch.delenv("MURASCOPE_DATABASE_FILE")
    told = Settings()
    assert open_executor(told.executor, told, open_files(settings)).shares_disk is False
    assert told.ray_address == "http://ray-head:8265"
    assert "--dashboard-port=8265" in SERVICES["ray-head"]["command"]
    assert told.public_url == f"http://{told.hosts}:{told.port}"
    assert "ray_token" in SERVICES["ray-head"]["secrets"]


def test_the_server_answers_to_the_name_by_which_the_others_call_it() -> None:
    settings = Settings(hosts=of_web()["MURASCOPE_HOSTS"])
    assert is_known_host("web:8765", listening_on=of_web()["MURASCOPE_HOST"], names=settings.host_names)


def test_the_secrets_are_made_once_and_each_that_is_named(tmp_path: Path) -> None:
    def make() -> dict[str, str]:
        subprocess.run(["sh", PROJECT / "deploy" / "secrets.sh", tmp_path / "secrets"], check=True)
        return {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}

    made = make()
    named = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert named <= made.keys()
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert made["postgres_password"] in made["database"]
    assert len(made["postgres_password"]) == 48
    assert made == make()


def test_what_is_taken_from_the_repository_for_an_image_holds_no_secrets() -> None:
    assert "deploy/secrets/" in (PROJECT / ".gitignore").read_text().split()
    ignored: Any = (PROJECT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert "!deploy" not in ignored
