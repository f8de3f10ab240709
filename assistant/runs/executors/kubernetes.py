"""Runs as Jobs of a Kubernetes cluster, over its REST interface: the server needs no package for it.

An attempt is one Job with one pod that is never started again: trying again is the supervisor's affair. Its name is the attempt's, so that
submitting twice makes one. Kubernetes places it by the CPUs and GPUs that it asks for, and does away with it a day after its end.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.runs.elsewhere import STOP_WAIT_S, Names, gpus_of, node_command, node_environment
from assistant.runs.executors import (
    Executor,
    Exited,
    Lost,
    Order,
    Pending,
    Running,
    Status,
    Unknown,
    Unreachable,
)
from assistant.runs.files import RunFiles
from assistant.runs.rest import MOST_SAID, Answer, NoAnswer, Rest
from assistant.settings import SettingError, Settings

OF_THE_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")  # what a pod is given to ask the API
CONTAINER = "training"
CACHE = "/cache"
AROUND_S = 3600  # what a job may take beside the time limit of its training: data are fetched, files are sent
KEPT_S = 86_400  # after its end
GPU = "nvidia.com/gpu"
NAME, RUN, ATTEMPT = "app.kubernetes.io/instance", "murascope/run", "murascope/attempt"  # labels
NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
NO_CONTAINER = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
SIGNALS = {each.value for each in signal.Signals}


def open_executor(settings: Settings, files: RunFiles) -> Executor:
    """
    Raises:
        SettingError: nobody said which image, or which cluster.
    """
    if settings.kubernetes_image is None:
        raise SettingError(
            "MURASCOPE_EXECUTOR is 'kubernetes', which needs MURASCOPE_KUBERNETES_IMAGE, an image that holds Murascope "
            "(deploy/Dockerfile, target server)"
        )
    namespace = settings.kubernetes_namespace or "default"
    if settings.kubernetes_url is not None:
        token = settings.kubernetes_token.get_secret_value() if settings.kubernetes_token else None
        api = _open(settings.kubernetes_url, lambda: token, settings.kubernetes_ca)
    elif host := os.environ.get("KUBERNETES_SERVICE_HOST"):
        address = f"https://{f'[{host}]' if ':' in host else host}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}"
        api = _open(address, _own_token, OF_THE_POD / "ca.crt")
        namespace = settings.kubernetes_namespace or _word(OF_THE_POD / "namespace") or namespace
    else:
        raise SettingError(
            "MURASCOPE_EXECUTOR is 'kubernetes', and this server runs in no cluster: set MURASCOPE_KUBERNETES_URL, such as "
            "https://10.0.0.1:6443, with MURASCOPE_KUBERNETES_TOKEN and MURASCOPE_KUBERNETES_CA"
        )
    return KubernetesExecutor(settings, settings.kubernetes_image, api, namespace)


def _open(address: str, token: Any, authority: Path | None) -> Rest:
    try:
        return Rest(address, token=token, authority=authority)
    except OSError as error:
        raise SettingError(
            f"the certificate of the Kubernetes API, {authority}, cannot be read: {error.strerror or error}"
        ) from None


def _own_token() -> str | None:
    return _word(OF_THE_POD / "token")  # it changes every hour


def _word(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


class KubernetesExecutor:
    shares_disk = False

    def __init__(self, settings: Settings, image: str, api: Rest, namespace: str):
        self._settings, self._image, self._api, self._names = settings, image, api, Names(settings)
        self._jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._stopped: set[str] = set()  # attempts whose jobs were done away with here

    async def devices(self) -> Sequence[str]:
        return ()

    async def ready(self, order: Order) -> None:
        """
        Raises:
            OSError: nobody can be asked, or not for jobs of this namespace.
        """
        answer = await self._api.request("GET", self._jobs, query={"limit": "1"})
        if answer.status != 200:
            raise OSError(f"Kubernetes tells nothing of jobs: {_said(answer)}")

    async def submit(self, order: Order) -> None:
        """
        Raises:
            OSError: Kubernetes did not take it.
        """
        answer = await self._api.request("POST", self._jobs, body=self.manifest(order))
        if answer.status not in (200, 201, 202) and not _is_there_already(answer):
            raise OSError(f"Kubernetes did not take {order.id}: {_said(answer)}")

    def manifest(self, order: Order) -> dict[str, Any]:
        """The Job. Whoever may read it finds in it a token that is good for this attempt alone."""
        name = self._names.of(order.id)
        labels = {"app.kubernetes.io/name": "murascope", NAME: name, RUN: order.run, ATTEMPT: str(order.attempt)}
        spec: dict[str, Any] = {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": self._pod(order)},
        }
        if order.limit_s is not None:
            spec["activeDeadlineSeconds"] = int(order.limit_s) + AROUND_S
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "labels": labels}, "spec": spec}

    def _pod(self, order: Order) -> dict[str, Any]:
        gpus = gpus_of(order, self._settings)
        environment = {**node_environment(order, self._settings), "MURASCOPE_NODE_CACHE": CACHE}
        requests: dict[str, Any] = {"requests": {"cpu": f"{round(self._settings.run_cpus * 1000)}m"}}
        if gpus:
            requests["limits"] = {GPU: str(gpus)}
        pod: dict[str, Any] = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": STOP_WAIT_S,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": CONTAINER,
                    "image": self._image,
                    "command": node_command(order, self._settings),
                    "env": [{"name": each, "value": value} for each, value in environment.items()],
                    "resources": requests,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "cache", "mountPath": CACHE}, {"name": "shm", "mountPath": "/dev/shm"}],
                }
            ],
            "volumes": [
                {"name": "cache", "emptyDir": {}},
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
            ],
        }
        if gpus:
            pod["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
        return pod

    async def status(self, order: str) -> Status:
        try:
            answer = await self._api.request("GET", f"{self._jobs}/{self._names.of(order)}")
            if answer.status == 404:
                return Exited(None, "cancelled") if order in self._stopped else Unknown()
            if answer.status != 200:
                raise NoAnswer(f"Kubernetes tells nothing of {order}: {_said(answer)}")
            return _read(answer.data, await self._pods_of(order))
        except NoAnswer as error:
            return Unreachable(str(error))

    async def cancel(self, order: str, *, grace_s: float) -> None:
        """Kubernetes asks the process of the pod, kills what is left after the time that stands in the job, and forgets both.

        Raises:
            OSError: nobody could be asked.
        """
        how = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
        answer = await self._api.request("DELETE", f"{self._jobs}/{self._names.of(order)}", body=how)
        if answer.status in (200, 202):
            self._stopped.add(order)
        elif answer.status != 404:
            raise OSError(f"Kubernetes does not stop {order}: {_said(answer)}")

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        try:
            for pod in await self._pods_of(order):
                query = {"container": CONTAINER, "tailLines": str(lines)}
                answer = await self._api.request("GET", f"{self._pods}/{pod['metadata']['name']}/log", query=query)
                if answer.status == 200:
                    return answer.text.splitlines()[-lines:]
        except NoAnswer:
            pass
        return []

    async def _pods_of(self, order: str) -> list[dict[str, Any]]:
        query = {"labelSelector": f"{NAME}={self._names.of(order)}"}
        answer = await self._api.request("GET", self._pods, query=query)
        if answer.status != 200:
            raise NoAnswer(f"Kubernetes tells nothing of the pods of {order}: {_said(answer)}")
        pods: list[dict[str, Any]] = answer.data["items"]
        return pods


def _read(job: dict[str, Any], pods: Sequence[dict[str, Any]]) -> Status:
    """How an attempt is, by its job and the pods of it."""
    conditions = _conditions(job)
    if "Complete" in conditions:
        return Exited(0)
    if "Failed" in conditions:
        return _how_it_failed(conditions["Failed"], pods)
    for pod in pods:
        if _phase(pod) != "Pending":  # one that has ended is told by its job in a moment
            return Running(pod["spec"].get("nodeName"))
    if "deletionTimestamp" in job["metadata"]:
        return Pending("it is being done away with")
    if "Suspended" in conditions:
        return Pending("its job is suspended", "cluster_suspended")
    return next((_why_it_waits(pod) for pod in pods), Pending("no pod was made of it yet"))


def _how_it_failed(condition: dict[str, Any], pods: Sequence[dict[str, Any]]) -> Status:
    if condition.get("reason") == "DeadlineExceeded":
        return Exited(None, "limit")
    for pod in pods:
        if (disturbed := _disturbed(pod)) is not None:
            return Lost(disturbed)
        for container in pod["status"].get("containerStatuses") or []:
            if (ended := (container.get("state") or {}).get("terminated")) is not None:
                return _exited(ended)
    return Lost(f"its pod is gone: {condition.get('reason')}")


def _disturbed(pod: dict[str, Any]) -> str | None:
    """Who ended a pod that did not end by itself: its node, or somebody who needed the room."""
    reason, message = pod["status"].get("reason"), str(pod["status"].get("message") or "")[:MOST_SAID]
    disruption = _conditions(pod).get("DisruptionTarget")
    if reason == "Evicted":
        return f"its node put it out, being short of something: {message}"
    if disruption is not None:
        why = str(disruption.get("message") or message)[:MOST_SAID]
        return f"it was put off its node ({disruption.get('reason')}): {why}"
    return f"its node is gone ({reason}): {message}" if reason in ("NodeLost", "Shutdown", "NodeShutdown") else None


def _exited(ended: dict[str, Any]) -> Exited:
    code = int(ended["exitCode"])
    if ended.get("reason") == "OOMKilled":
        return Exited(-signal.SIGKILL, told="its container took more memory than it may: OOMKilled")
    if code - 128 in SIGNALS:
        return Exited(128 - code)
    return Exited(code, told=str(ended.get("message") or "")[:MOST_SAID])


def _why_it_waits(pod: dict[str, Any]) -> Pending:
    for container in pod["status"].get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        told = f"{waiting.get('reason')}: {waiting.get('message', '')}"[:MOST_SAID]
        if waiting.get("reason") in NO_IMAGE:
            return Pending(f"the image cannot be fetched: {told}", "cluster_image")
        if waiting.get("reason") in NO_CONTAINER:
            return Pending(f"the container cannot be made: {told}", "cluster_container")
    scheduled = _conditions(pod, is_so="False").get("PodScheduled")
    if scheduled is not None and scheduled.get("reason") == "Unschedulable":
        told = str(scheduled.get("message") or "")[:MOST_SAID]
        return Pending(f"no node has room for it: {told}", "cluster_no_place")
    return Pending()


def _conditions(of: dict[str, Any], *, is_so: str = "True") -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in (of.get("status") or {}).get("conditions") or [] if each["status"] == is_so}


def _phase(pod: dict[str, Any]) -> str:
    return str(pod["status"].get("phase", "Pending"))


def _is_there_already(answer: Answer) -> bool:
    return answer.status == 409 and isinstance(answer.data, dict) and answer.data.get("reason") == "AlreadyExists"


def _said(answer: Answer) -> str:
    told = answer.data.get("message") if isinstance(answer.data, dict) else None
    return str(told or answer.text)[:MOST_SAID]
