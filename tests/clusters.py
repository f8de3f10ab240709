"""Where runs compute in tests: this machine, and for each kind of cluster a real one of two nodes on it, with a place on each."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from assistant.machine.local_ray import HEAD, LocalRay, ray_command
from assistant.machine.local_ray import Cluster as Noted
from tests.local_slurm import HOW_TO_INSTALL, running_slurm, slurm_is_installed
from tests.serving import PROJECT


class Cluster(Protocol):
    """What can happen to a cluster."""

    def kill_node(self, name: str) -> None: ...
    def start_node(self, name: str) -> None: ...
    def kill_head(self) -> None: ...
    def start_head(self) -> None: ...


@dataclass(frozen=True)
class Place:
    """What sets a server up to use it. `folder`: all that computes there names it in its command line."""

    folder: Path
    places: int  # trainings that compute there at the same time
    settings: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)  # beside the settings
    cluster: Cluster | None = None


@contextmanager
def place(name: str, folder: Path) -> Iterator[Place]:
    """The place for the executor of that name; the test is skipped where what it needs is not installed.

    Args:
        folder: for what it leaves, and of a run on this machine the server's home.
    """
    with PLACES[name](folder) as found:
        yield found


@contextmanager
def _local(folder: Path) -> Iterator[Place]:
    yield Place(folder, places=1, settings={"executor": "local"})


@contextmanager
def _ray(folder: Path) -> Iterator[Place]:
    own = PROJECT / ".ray" / "bin" / "ray"
    command = own if own.exists() else ray_command()
    if command is None:
        pytest.skip("Ray is not installed: pip install 'ray[default]==2.60.0'")
    ray = LocalRay(folder / "cluster", environment={"PATH": os.environ["PATH"]}, ray=command)
    try:
        cluster = ray.up(2, cpus=1)
        told = {"ray_address": cluster.address, "ray_token": cluster.token, "node_python": sys.executable}
        yield Place(Path(cluster.folder), 2, {"executor": "ray", **told}, cluster=_RayCluster(ray))
    finally:
        ray.down()


class _RayCluster:
    def __init__(self, ray: LocalRay):
        self._ray = ray

    def kill_node(self, name: str) -> None:
        self._ray.kill(self._noted(), name)

    def start_node(self, name: str) -> None:
        self._ray.start_node(self._noted(), name, cpus=1)

    def kill_head(self) -> None:
        self.kill_node(HEAD)

    def start_head(self) -> None:
        self._ray.start_head(self._noted())

    def _noted(self) -> Noted:
        noted = self._ray.read()
        assert noted is not None
        return noted


@contextmanager
def _slurm(folder: Path) -> Iterator[Place]:
    if not slurm_is_installed():
        pytest.skip(HOW_TO_INSTALL)
    with running_slurm() as slurm:
        cache = f"--export=ALL,MURASCOPE_NODE_CACHE={slurm.folder}/cache"
        printed = f"--output={slurm.folder}/%x.log"
        told = {"slurm_options": shlex.join([cache, printed]), "node_python": sys.executable}
        environment = slurm.environment | {"PYTHONPATH": str(PROJECT)}  # how the nodes find us
        yield Place(slurm.folder, 2, {"executor": "slurm", **told}, environment, slurm)


@contextmanager
def _kubernetes(folder: Path) -> Iterator[Place]:
    pytest.skip("no test starts a Kubernetes cluster: tests/assistant/runs/test_kubernetes.py, pytest -m k8s")
    yield


PLACES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "kubernetes": _kubernetes,
    "local": _local,
    "ray": _ray,
    "slurm": _slurm,
}
