"""A cluster on this machine, as far as it can be told without Ray; with Ray: tests/assistant/runs/test_clusters.py."""

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.machine.local_ray import LOOPBACK, STATE, Cluster, LocalRay, NoRay


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MURASCOPE_HOME", str(tmp_path))
    return tmp_path


def test_where_ray_is_not_installed_it_is_said_how_to_get_it(home: Path) -> None:
    with pytest.raises(NoRay, match="the command ray is not installed"):
        LocalRay(home, environment={}, ray=None).up(2, cpus=1)
    assert list(home.iterdir()) == []


def test_where_there_is_no_cluster_that_is_said_and_nothing_is_ended(home: Path) -> None:
    said = CliRunner().invoke(app, ["cluster", "status", "--json"])
    assert (said.exit_code, json.loads(said.stdout)) == (1, {"address": None, "answers": False, "nodes": None})
    assert not LocalRay(home, environment={}, ray=None).down()


def test_a_head_that_does_not_answer_is_told_with_its_address(home: Path) -> None:
    noted = {"folder": str(home / "ray"), "head_port": 1, "dashboard_port": 1, "token": "t", "processes": {}}
    (home / STATE).write_text(json.dumps(noted))
    said = CliRunner().invoke(app, ["cluster", "status", "--json"])
    assert json.loads(said.stdout) == {"address": f"http://{LOOPBACK}:1", "answers": False, "nodes": None}


def test_a_process_that_got_the_number_of_a_dead_node_is_not_ended(home: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        noted = {"node1": (stranger.pid, psutil.Process(stranger.pid).create_time() - 1)}
        LocalRay(home, environment={}, ray=None).kill(Cluster(str(home), 1, 1, "t", noted), "node1")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_what_lets_others_into_the_cluster_is_for_its_owner_alone(home: Path) -> None:
    ray = LocalRay(home, environment={}, ray=None)
    cluster = ray._new()
    files = [home / STATE, ray.settings_file]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert f"MURASCOPE_RAY_TOKEN='{cluster.token}'" in ray.settings_file.read_text()
    assert cluster.token not in repr(cluster)
    assert ray.down()
    assert not any(file.exists() for file in files) and not os.path.exists(cluster.folder)
