"""A small Ray cluster on this machine, to try out what a real one does: a head that computes nothing, and nodes with some CPUs each.

Every cluster has its own ports, token and folder, and is known by a file in the home; whatever else of Ray runs here is left alone. The
nodes count CPUs and nothing else: they share this machine. Linux.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

from assistant.machine.own_process import PROJECT
from assistant.refused import Refused

HEAD = "head"
STARTS_WITHIN_S = 120
ENDS_WITHIN_S = 5
LOOK_S = 0.2
OBJECTS_BYTES = 80_000_000  # of shared memory that Ray takes for each node at least; our runs use none
WAITS_A_WEEK_S = 604_800  # a queued job is failed after 15 minutes otherwise
LOOPBACK = "127.0.0.1"
STATE, FOR_THE_SERVER = "cluster.json", "cluster.env"


class NoRay(Refused):
    """Ray is not installed here."""

    def __init__(self) -> None:
        hint = "pip install 'murascope[ray]', or put the ray command of another environment on the PATH"
        super().__init__("no_ray", "the command ray is not installed", hint)


@dataclass
class Cluster:
    """What is noted of a cluster: all that is needed to use it, and to end it."""

    folder: str  # of Ray's own files: short, since sockets lie in it
    head_port: int
    dashboard_port: int
    token: str = field(repr=False)
    processes: dict[str, tuple[int, float]] = field(default_factory=dict)  # head and nodes: id and time of start

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.dashboard_port}"

    def answer_to(self, path: str) -> Any:
        """
        Raises:
            OSError: it does not answer.
        """
        request = Request(self.address + path, headers={"Authorization": f"Bearer {self.token}"})
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def nodes(self) -> list[str]:
        """The nodes that are there, by name, without the head.

        Raises:
            OSError: the head does not answer.
        """
        rows = self.answer_to("/api/v0/nodes")["data"]["result"]["result"]
        return sorted(row["node_name"] for row in rows if row["state"] == "ALIVE" and not row["is_head_node"])


class LocalRay:
    """The cluster of one home."""

    def __init__(self, home: Path, *, environment: Mapping[str, str], ray: Path | None):
        """
        Args:
            environment: what head, nodes and so all that runs on them inherit.
            ray: the command; None where there is none.
        """
        self._home, self._environment, self._ray = home, environment, ray

    @property
    def settings_file(self) -> Path:
        """What a server needs to be told to use the cluster, as lines of a shell."""
        return self._home / FOR_THE_SERVER

    def read(self) -> Cluster | None:
        try:
            noted = json.loads((self._home / STATE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Cluster(**{**noted, "processes": {name: tuple(each) for name, each in noted["processes"].items()}})

    def up(self, nodes: int, *, cpus: int) -> Cluster:
        """Start what is missing of a head and `nodes` nodes with `cpus` CPUs each.

        Raises:
            NoRay: it is not installed.
            TimeoutError: one of them did not come; what its log says at last.
        """
        if self._ray is None:
            raise NoRay()
        cluster = self.read() or self._new()
        self.start_head(cluster)
        for number in range(1, nodes + 1):
            self.start_node(cluster, f"node{number}", cpus=cpus)
        return cluster

    def start_head(self, cluster: Cluster) -> None:
        """Start the head, or another one after it has died: with what the dead one knew of jobs.

        Raises:
            TimeoutError: it did not come.
        """
        if not _is_there(cluster, HEAD):
            Path(cluster.folder, "ray_current_cluster").unlink(missing_ok=True)  # says to Ray that the dead one lives
        self._start(
            cluster,
            HEAD,
            [
                *("--head", f"--port={cluster.head_port}", f"--temp-dir={cluster.folder}", "--num-cpus=0"),
                *(f"--dashboard-port={cluster.dashboard_port}", f"--dashboard-host={LOOPBACK}"),
            ],
        )
        self._wait(cluster, HEAD, lambda: cluster.nodes() is not None)

    def start_node(self, cluster: Cluster, name: str, *, cpus: int) -> None:
        self._start(
            cluster, name, [f"--address={LOOPBACK}:{cluster.head_port}", f"--node-name={name}", f"--num-cpus={cpus}"]
        )
        self._wait(cluster, name, lambda: name in cluster.nodes())

    def kill(self, cluster: Cluster, name: str) -> None:
        """End one of them as a power cut would, with all that runs on it."""
        _end(list(_tree(cluster.processes[name])))

    def down(self) -> bool:
        """End the cluster and all that runs on it, and forget it. Whether there was one."""
        cluster = self.read()
        if cluster is None:
            return False
        _end([process for noted in cluster.processes.values() for process in _tree(noted)])
        _end(list(_left_over(cluster.folder)))  # dashboards and agents outlive whoever started them
        shutil.rmtree(cluster.folder, ignore_errors=True)
        (self._home / STATE).unlink()
        self.settings_file.unlink(missing_ok=True)
        return True

    def _new(self) -> Cluster:
        self._home.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix="mray")
        cluster = Cluster(folder, _free_port(), _free_port(), secrets.token_hex(32))
        self._note(cluster)
        told = {
            "MURASCOPE_EXECUTOR": "ray",
            "MURASCOPE_RAY_ADDRESS": cluster.address,
            "MURASCOPE_RAY_TOKEN": cluster.token,
            "MURASCOPE_NODE_PYTHON": sys.executable,
        }
        _write_secret(self.settings_file, "".join(f"export {name}='{value}'\n" for name, value in told.items()))
        return cluster

    def _start(self, cluster: Cluster, name: str, arguments: list[str]) -> None:
        if _is_there(cluster, name):
            return
        assert self._ray is not None
        command = [str(self._ray), "start", "--block", "--disable-usage-stats", "--num-gpus=0"]
        ports = ["--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={_free_port()}"]
        with self._log(cluster, name).open("ab") as log:
            process = subprocess.Popen(
                [*command, f"--object-store-memory={OBJECTS_BYTES}", *ports, *arguments],
                cwd=cluster.folder,
                env=self._ray_environment(cluster, name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        STARTED.append(process)
        cluster.processes[name] = (process.pid, psutil.Process(process.pid).create_time())
        self._note(cluster)

    def _ray_environment(self, cluster: Cluster, name: str) -> dict[str, str]:
        return {
            **self._environment,
            "PYTHONPATH": str(PROJECT),  # how the nodes find us
            "MURASCOPE_NODE_CACHE": f"{cluster.folder}/{name}-cache",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": cluster.token,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": cluster.folder,
            "RAY_process_group_cleanup_enabled": "true",
            "RAY_JOB_START_TIMEOUT_SECONDS": str(WAITS_A_WEEK_S),
            "RAY_gcs_storage": "rocksdb",  # what waits or runs is still known after the head was started anew
            "RAY_gcs_storage_path": f"{cluster.folder}/gcs",
        }

    def _wait(self, cluster: Cluster, name: str, is_there: Callable[[], bool]) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until and _is_there(cluster, name):
            with suppress(URLError, OSError, ValueError, KeyError, TypeError):
                if is_there():
                    return
            time.sleep(LOOK_S)
        said = self._log(cluster, name).read_text(errors="replace").strip().splitlines()[-5:]
        raise TimeoutError(f"{name} of the cluster did not start: " + " / ".join(said))

    def _log(self, cluster: Cluster, name: str) -> Path:
        return Path(cluster.folder) / f"{name}.log"

    def _note(self, cluster: Cluster) -> None:
        _write_secret(self._home / STATE, json.dumps(asdict(cluster), allow_nan=False))


STARTED: list[subprocess.Popen[bytes]] = []  # they go on when the command ends, which is no process forgotten


def ray_command() -> Path | None:
    """The command of Ray: beside this Python, else on the PATH."""
    beside = Path(sys.executable).with_name("ray")
    found = shutil.which("ray")
    return beside if beside.exists() else Path(found) if found else None


def _is_there(cluster: Cluster, name: str) -> bool:
    return any(True for _ in _tree(cluster.processes.get(name, (0, 0.0))))


def _tree(noted: tuple[int, float]) -> Iterator[psutil.Process]:
    """A noted process and all below it; none where it has gone, or another bears its number."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(noted[0])
        if process.create_time() == noted[1] and process.status() != psutil.STATUS_ZOMBIE:
            yield process
            yield from process.children(recursive=True)


def _left_over(folder: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(folder in word for word in process.cmdline()):
                yield process


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=ENDS_WITHIN_S)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port: int = free.getsockname()[1]
        return port


def _write_secret(path: Path, text: str) -> None:
    """Readable by its owner alone, and there as a whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    aside.replace(path)
