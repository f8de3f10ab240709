"""Runs as Jobs of Kubernetes. No cluster runs here: what is sent and what is read are held to the official client's models, and asked of an API on
loopback that answers as a cluster is documented to (tests/kubernetes_api.py).

A cluster of yours: set MURASCOPE_KUBERNETES_IMAGE and, from outside, _URL, _TOKEN, _CA and _NAMESPACE; then `pytest -m k8s`.
"""

import asyncio
import datetime
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from assistant.runs.elsewhere import Names
from assistant.runs.executors import (
    Approved,
    Exited,
    Lost,
    Order,
    Pending,
    Running,
    Status,
    Unknown,
    Unreachable,
    open_executor,
)
from assistant.runs.executors import kubernetes as under_test
from assistant.runs.executors.kubernetes import KubernetesExecutor
from assistant.runs.files import open_files
from assistant.settings import SettingError, Settings
from tests.kubernetes_api import NAMESPACE, KubernetesApi, as_told_by, kubernetes_api, pod

pytestmark = pytest.mark.anyio
YOURS = {name.lower(): value for name, value in os.environ.items() if name.startswith("MURASCOPE_KUBERNETES_")}
IMAGE = "registry.plant.local/murascope-trainer:0.1.0"


def order(number: int = 1, *, device: str = "auto", limit_s: float | None = None) -> Order:
    approved = Approved(data=None, spec="0" * 64)
    told = {"device": device, "server": "http://murascope:8765", "token": "of-r12"}
    return Order("r12", number, "panels", Path("/panels"), approved, limit_s=limit_s, **told)  # type: ignore[arg-type]


def opened(settings: Settings) -> KubernetesExecutor:
    executor = open_executor("kubernetes", settings, open_files(settings))
    assert isinstance(executor, KubernetesExecutor)
    return executor


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with kubernetes_api() as api:
        yield api


@pytest.fixture
def told(api: KubernetesApi, settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "executor": "kubernetes",
            "kubernetes_url": api.url,
            "kubernetes_token": SecretStr(api.token),
            "kubernetes_namespace": NAMESPACE,
            "kubernetes_image": IMAGE,
        }
    )


@pytest.fixture
def executor(told: Settings) -> KubernetesExecutor:
    return opened(told)


@pytest.fixture
async def name(executor: KubernetesExecutor, told: Settings) -> str:
    """The job of an attempt that was submitted."""
    await executor.submit(order())
    return Names(told).of(order().id)


@pytest.mark.parametrize("asks", [order(), order(3, device="cuda", limit_s=7200)])
def test_the_official_client_knows_every_field_of_the_job(executor: KubernetesExecutor, asks: Order) -> None:
    job = executor.manifest(asks)
    assert as_told_by("V1Job", job) == job


def test_a_job_computes_once_as_nobody_and_knows_nothing_of_the_cluster(executor: KubernetesExecutor) -> None:
    job = executor.manifest(order(2))["spec"]
    computes = job["template"]["spec"]
    [container] = computes["containers"]
    assert (job["backoffLimit"], job["completions"], computes["restartPolicy"]) == (0, 1, "Never")
    assert job["ttlSecondsAfterFinished"] > 0
    assert computes["automountServiceAccountToken"] is False
    assert computes["securityContext"]["runAsNonRoot"] is True
    assert {"MURASCOPE_RUN_TOKEN": "of-r12", "MURASCOPE_NODE_CACHE": "/cache"}.items() <= {
        each["name"]: each["value"] for each in container["env"]
    }.items()
    assert container["command"][-6:] == ["--server", "http://murascope:8765", "--run", "r12", "--attempt", "2"]
    assert "of-r12" not in str(container["command"])
    assert "of-the-cluster" not in str(job)


@pytest.mark.parametrize(("device", "gpus"), [("auto", "2"), ("cuda", "2"), ("cpu", None)])
def test_a_training_asks_for_what_the_settings_say(told: Settings, device: str, gpus: str | None) -> None:
    executor = opened(told.model_copy(update={"run_gpus": 2, "run_cpus": 1.5}))
    computes = executor.manifest(order(device=device))["spec"]["template"]["spec"]
    resources = computes["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "1500m"}
    assert resources.get("limits") == (gpus and {"nvidia.com/gpu": gpus})
    assert ("tolerations" in computes) is (gpus is not None)


async def test_an_attempt_that_is_submitted_twice_is_one_job_with_its_name_and_labels(
    executor: KubernetesExecutor, api: KubernetesApi, told: Settings
) -> None:
    assert await executor.status(order().id) == Unknown()
    await executor.ready(order())
    await executor.submit(order())
    await opened(told).submit(order())
    [(name, job)] = api.jobs.items()
    assert name == Names(told).of("r12-a1")
    assert {"murascope/run": "r12", "murascope/attempt": "1"}.items() <= job["metadata"]["labels"].items()
    assert job["spec"]["template"]["metadata"]["labels"] == job["metadata"]["labels"]


UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
}
OFF_ITS_NODE = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "PreemptionByScheduler",
    "message": "default-scheduler: preempting to accommodate a higher priority pod",
}
FAILED = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
TOO_LONG = [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]
SUSPENDED = [{"type": "Suspended", "status": "True", "reason": "JobSuspended"}]
NO_IMAGE = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nowhere/x"'}}
NO_CONTAINER = {"waiting": {"reason": "CreateContainerConfigError", "message": "image will run as root"}}
COMING = {"waiting": {"reason": "ContainerCreating"}}


def ended(code: int, **why: str) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **why}}


@pytest.mark.parametrize(
    ("pods", "status", "is_so"),
    [
        ([], {}, Pending("no pod was made of it yet")),
        ([], {"conditions": SUSPENDED}, Pending("its job is suspended", "cluster_suspended")),
        ([pod("Pending", state=COMING)], {"active": 1}, Pending()),
        (
            [pod("Pending", conditions=[UNSCHEDULABLE])],
            {"active": 1},
            Pending(f"no node has room for it: {UNSCHEDULABLE['message']}", "cluster_no_place"),
        ),
        (
            [pod("Pending", state=NO_IMAGE)],
            {"active": 1},
            Pending(
                'the image cannot be fetched: ImagePullBackOff: Back-off pulling image "nowhere/x"', "cluster_image"
            ),
        ),
        (
            [pod("Pending", state=NO_CONTAINER)],
            {"active": 1},
            Pending(
                "the container cannot be made: CreateContainerConfigError: image will run as root", "cluster_container"
            ),
        ),
        ([pod("Running", state={"running": {}})], {"active": 1}, Running("node-7")),
        ([pod("Failed", state=ended(3))], {"active": 0}, Running("node-7")),
        ([pod("Succeeded")], {"conditions": [{"type": "Complete", "status": "True"}]}, Exited(0)),
        ([pod("Failed", state=ended(3))], {"conditions": FAILED}, Exited(3)),
        ([pod("Failed", state=ended(137))], {"conditions": FAILED}, Exited(-9)),
        ([pod("Failed", state=ended(143))], {"conditions": FAILED}, Exited(-15)),
        (
            [pod("Failed", state=ended(137, reason="OOMKilled"))],
            {"conditions": FAILED},
            Exited(-9, told="its container took more memory than it may: OOMKilled"),
        ),
        (
            [pod("Failed", state=ended(128, reason="StartError", message="exec: python4: not found"))],
            {"conditions": FAILED},
            Exited(128, told="exec: python4: not found"),
        ),
        (
            [pod("Failed", reason="Evicted", message="The node was low on resource: memory.")],
            {"conditions": FAILED},
            Lost("its node put it out, being short of something: The node was low on resource: memory."),
        ),
        (
            [pod("Failed", conditions=[OFF_ITS_NODE], state=ended(143))],
            {"conditions": FAILED},
            Lost(f"it was put off its node (PreemptionByScheduler): {OFF_ITS_NODE['message']}"),
        ),
        ([], {"conditions": FAILED}, Lost("its pod is gone: BackoffLimitExceeded")),
        ([pod("Failed", state=ended(137))], {"conditions": TOO_LONG}, Exited(None, "limit")),
    ],
)
async def test_how_an_attempt_is_is_told_by_its_job_and_its_pod(
    executor: KubernetesExecutor, api: KubernetesApi, name: str, pods: list[Any], status: dict[str, Any], is_so: Status
) -> None:
    api.is_told(name, pods, **status)
    assert await executor.status(order().id) == is_so


async def test_a_cancelled_attempt_is_done_away_with_and_one_that_never_was_stays_unknown(
    executor: KubernetesExecutor, api: KubernetesApi, name: str
) -> None:
    await executor.cancel(order().id, grace_s=1)
    assert api.jobs == {}
    assert await executor.status(order().id) == Exited(None, "cancelled")
    await executor.cancel(order(2).id, grace_s=1)
    assert await executor.status(order(2).id) == Unknown()


async def test_one_that_is_being_done_away_with_goes_on_until_its_pod_is_gone(
    executor: KubernetesExecutor, api: KubernetesApi, name: str
) -> None:
    api.jobs[name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    api.pods = [pod("Running")]
    assert await executor.status(order().id) == Running("node-7")
    api.pods = []
    assert await executor.status(order().id) == Pending("it is being done away with")


async def test_what_it_prints_is_read_from_its_pod(executor: KubernetesExecutor, api: KubernetesApi, name: str) -> None:
    assert await executor.logs(order().id, 2) == []
    api.pods, api.printed = [pod("Running")], "one\ntwo\nthree\n"
    assert await executor.logs(order().id, 2) == ["two", "three"]


async def test_what_the_cluster_refuses_is_said_as_it_says_it(executor: KubernetesExecutor, api: KubernetesApi) -> None:
    api.refusal = (422, "Job is invalid: spec.template: too long")
    with pytest.raises(OSError, match="did not take r12-a1: Job is invalid"):
        await executor.submit(order())
    api.refusal = (403, "exceeded quota: pods=10")
    with pytest.raises(OSError, match="exceeded quota"):
        await executor.submit(order())


async def test_a_wrong_token_and_an_api_that_does_not_answer_say_nothing_of_any_run(
    told: Settings, executor: KubernetesExecutor, name: str
) -> None:
    stranger = opened(told.model_copy(update={"kubernetes_token": SecretStr("another")}))
    assert isinstance(await stranger.status(order().id), Unreachable)
    away = opened(told.model_copy(update={"kubernetes_url": "http://127.0.0.1:9"}))
    assert isinstance(await away.status(order().id), Unreachable)
    with pytest.raises(OSError, match="does not answer"):
        await away.ready(order())


async def test_in_a_cluster_the_pods_own_account_is_used_and_its_token_read_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_certificate(tmp_path / "ca.crt", tmp_path / "both.pem")
    with kubernetes_api(tmp_path / "both.pem") as api:
        (tmp_path / "namespace").write_text(NAMESPACE)
        (tmp_path / "token").write_text("an-old-one")
        monkeypatch.setattr(under_test, "OF_THE_POD", tmp_path)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", api.url.rpartition(":")[2])
        executor = opened(settings.model_copy(update={"kubernetes_image": IMAGE}))
        assert isinstance(await executor.status(order().id), Unreachable)
        (tmp_path / "token").write_text(api.token)
        await executor.submit(order())
        assert len(api.jobs) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kubernetes_image": None}, "needs MURASCOPE_KUBERNETES_IMAGE"),
        ({"kubernetes_url": None}, "set MURASCOPE_KUBERNETES_URL"),
        ({"kubernetes_url": "https://10.0.0.1", "kubernetes_ca": Path("/nowhere")}, "/nowhere, cannot be read"),
    ],
)
def test_what_is_not_set_is_asked_for(
    told: Settings, changes: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(SettingError, match=said):
        opened(told.model_copy(update=changes))


def _write_certificate(authority: Path, both: Path) -> None:
    """A certificate for this machine that signs itself, alone and with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a cluster")])
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        built.add_extension(here, critical=False).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    authority.write_bytes(signed)
    both.write_bytes(key.private_bytes(*form) + signed)


@pytest.fixture
def yours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    if "murascope_kubernetes_image" not in YOURS:
        pytest.skip(
            "no Kubernetes cluster is named: set MURASCOPE_KUBERNETES_IMAGE, and _URL, _TOKEN, _CA from outside"
        )
    for name, value in YOURS.items():
        monkeypatch.setenv(name.upper(), value)
    return Settings(home=tmp_path)


async def _until(executor: KubernetesExecutor, of: Order, kind: type) -> Status:
    async with asyncio.timeout(600):
        while not isinstance(status := await executor.status(of.id), kind):
            await asyncio.sleep(1)
    return status


@pytest.mark.k8s
async def test_your_cluster_computes_an_attempt_once_and_ends_it_when_it_is_asked_to(yours: Settings) -> None:
    executor, of = opened(yours), order()
    assert await executor.status(of.id) == Unknown()
    await executor.ready(of)
    try:
        await executor.submit(of)
        await opened(yours).submit(of)
        running = await _until(executor, of, Running)  # it waits for a server that is none
        assert isinstance(running, Running) and running.node
    finally:
        await executor.cancel(of.id, grace_s=1)
    assert await _until(executor, of, Exited) == Exited(None, "cancelled")


@pytest.mark.k8s
@pytest.mark.parametrize(
    ("changes", "code"),
    [({"run_cpus": 1024.0}, "cluster_no_place"), ({"kubernetes_image": "nowhere.invalid/x:1"}, "cluster_image")],
)
async def test_your_cluster_says_why_an_attempt_waits(yours: Settings, changes: dict[str, Any], code: str) -> None:
    executor, of = opened(yours.model_copy(update=changes)), order()
    try:
        await executor.submit(of)
        async with asyncio.timeout(120):
            while getattr(await executor.status(of.id), "code", "") != code:
                await asyncio.sleep(1)
    finally:
        await executor.cancel(of.id, grace_s=1)
