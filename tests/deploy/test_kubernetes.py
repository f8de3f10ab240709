"""The manifest of Murascope in a Kubernetes cluster: read by the official client's models and held to rules, not applied."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from assistant.runs.executors import open_executor
from assistant.runs.files import open_files
from assistant.settings import Settings, variable_of
from tests.deploy.files import PROJECT, stages
from tests.kubernetes_api import as_told_by

OBJECTS = list(yaml.safe_load_all((PROJECT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")))
BY_KIND: dict[str, dict[str, Any]] = {each["kind"]: each for each in OBJECTS}
POD: dict[str, Any] = BY_KIND["Deployment"]["spec"]["template"]["spec"]
[SERVER] = POD["containers"]
ENVIRONMENT = {each["name"]: each["value"] for each in SERVER["env"]}


@pytest.mark.parametrize("told", OBJECTS, ids=lambda told: told["kind"])
def test_the_official_client_knows_every_field(told: dict[str, Any]) -> None:
    model = {"Role": "V1Role", "RoleBinding": "V1RoleBinding"}.get(told["kind"], f"V1{told['kind']}")
    assert as_told_by(model, told) == told


def test_the_account_may_do_what_the_executor_asks_for_and_no_more() -> None:
    may = {(what, verb) for rule in BY_KIND["Role"]["rules"] for what in rule["resources"] for verb in rule["verbs"]}
    jobs = {("jobs", verb) for verb in ("create", "get", "list", "delete")}
    assert may == jobs | {("pods", "list"), ("pods/log", "get")}
    assert BY_KIND["RoleBinding"]["subjects"][0]["name"] == BY_KIND["ServiceAccount"]["metadata"]["name"]
    assert POD["serviceAccountName"] == BY_KIND["ServiceAccount"]["metadata"]["name"]


def test_the_server_runs_as_the_user_of_its_image_and_not_as_root() -> None:
    user = int((stages()["server"].last("USER") or "").partition(":")[0])
    assert (POD["securityContext"]["runAsNonRoot"], POD["securityContext"]["runAsUser"]) == (True, user)
    assert SERVER["securityContext"]["allowPrivilegeEscalation"] is False


def test_every_variable_is_a_setting_and_opens_the_executor(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    assert {name for name in ENVIRONMENT if name.removesuffix("_FILE") not in known} == set()
    for name, value in ENVIRONMENT.items():
        if not name.endswith("_FILE"):
            monkeypatch.setenv(name, value)
    told = Settings(kubernetes_url="http://127.0.0.1:9")
    assert open_executor(told.executor, told, open_files(settings)).shares_disk is False
    assert told.kubernetes_image == SERVER["image"]
    service = urlsplit(told.reached_at)
    assert service.hostname == BY_KIND["Service"]["metadata"]["name"]
    assert service.port == BY_KIND["Service"]["spec"]["ports"][0]["port"] == SERVER["ports"][0]["containerPort"]


def test_what_is_mounted_is_there_and_the_service_finds_the_server() -> None:
    assert {each["name"] for each in SERVER["volumeMounts"]} == {each["name"] for each in POD["volumes"]}
    labels = BY_KIND["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert BY_KIND["Service"]["spec"]["selector"] == BY_KIND["Deployment"]["spec"]["selector"]["matchLabels"] == labels
