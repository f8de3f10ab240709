"""A Kubernetes API for tests, on loopback, as far as an executor asks it: it keeps jobs, and says of them and of pods what a test tells it to.

No cluster is behind it. The shapes of what it says are held to the official client's models (`as_told_by`).
"""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes.client import ApiClient

NAMESPACE = "vision"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


def as_told_by(model: str, told: dict[str, Any]) -> dict[str, Any]:
    """What the official client makes of it: what it does not know is missing there, and what it requires is asked for."""
    client = ApiClient()
    read = client.deserialize(json.dumps(told, allow_nan=False), model, "application/json")
    made: dict[str, Any] = client.sanitize_for_serialization(read)
    return made


@dataclass
class KubernetesApi:
    token: str = "of-the-cluster"
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: list[dict[str, Any]] = field(default_factory=list)  # of every job
    printed: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    refusal: tuple[int, str] | None = None  # of every submission
    url: str = ""

    def is_told(self, job: str, pods: list[dict[str, Any]], **status: Any) -> None:
        """From now on this is how a job and its pods are."""
        self.jobs[job]["status"] = status
        self.pods = pods
        assert as_told_by("V1Job", self.jobs[job])["status"].keys() == status.keys()
        assert [as_told_by("V1Pod", pod) for pod in pods] == pods

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path == JOBS and method == "POST":
            return self._create(body)
        if path == JOBS:
            return 200, {"apiVersion": "batch/v1", "kind": "JobList", "items": list(self.jobs.values())}
        if path.startswith(f"{JOBS}/"):
            name = path.removeprefix(f"{JOBS}/")
            if name not in self.jobs:
                return _status(404, "NotFound", f'jobs.batch "{name}" not found')
            return 200, self.jobs.pop(name) if method == "DELETE" else self.jobs[name]
        if path == PODS:
            name = query["labelSelector"][0].removeprefix("app.kubernetes.io/instance=")
            return 200, {"apiVersion": "v1", "kind": "PodList", "items": self.pods if name in self.jobs else []}
        if path.startswith(f"{PODS}/") and path.endswith("/log"):
            return 200, "\n".join(self.printed.splitlines()[-int(query["tailLines"][0]) :])
        return _status(404, "NotFound", "the server could not find the requested resource")

    def _create(self, job: dict[str, Any]) -> tuple[int, Any]:
        if self.refusal is not None:
            return _status(self.refusal[0], "Forbidden", self.refusal[1])
        name = job["metadata"]["name"]
        if name in self.jobs:
            return _status(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        self.jobs[name] = {**job, "status": {}}
        return 201, self.jobs[name]


def pod(
    phase: str, *, state: dict[str, Any] | None = None, conditions: list[dict[str, Any]] | None = None, **status: Any
) -> dict[str, Any]:
    """A pod of a job, as the API tells of it."""
    told: dict[str, Any] = {"phase": phase, **status}
    if conditions is not None:
        told["conditions"] = conditions
    if state is not None:
        container = {"name": "training", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        told["containerStatuses"] = [container]
    spec = {"containers": [{"name": "training", "image": "i"}], "nodeName": "node-7"}
    return {"metadata": {"name": "murascope-r1-a1-x2x4z"}, "spec": spec, "status": told}


def _status(code: int, reason: str, message: str) -> tuple[int, Any]:
    told = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": code}
    return code, {**told, "message": message}


@contextmanager
def kubernetes_api(certificate: Path | None = None) -> Iterator[KubernetesApi]:
    """Serve one. With a certificate, which holds its key too, over TLS."""
    api = KubernetesApi()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked = urlsplit(self.path)
            api.asked.append((self.command, asked.path))
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("authorization") != f"Bearer {api.token}":
                status, told = _status(401, "Unauthorized", "Unauthorized")
            else:
                status, told = api.answer(
                    self.command, asked.path, parse_qs(asked.query), json.loads(body) if body else None
                )
            is_text = isinstance(told, str)
            content = (told if is_text else json.dumps(told, allow_nan=False)).encode()
            self.send_response(status)
            self.send_header("content-type", "text/plain" if is_text else "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    api.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
