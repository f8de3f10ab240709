"""Executors of clusters, each on a real cluster of two nodes on this machine that is started once; what computes is clusters/stand_in.

Where Ray is not installed these are skipped. It is looked for beside this Python, in .ray/ (python3 -m venv .ray; .ray/bin/pip install
"ray[default]==2.60.0"), and on the PATH.
"""

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from assistant.machine.local_ray import HEAD, Cluster, LocalRay, ray_command
from assistant.runs.executors import Approved, Executor, Exited, Lost, Order, Pending, Running, Unknown, Unreachable
from assistant.runs.executors import open_executor as open_named
from assistant.runs.files import open_files
from assistant.settings import SettingError, Settings
from tests.serving import PROJECT

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
STAND_IN = Path(__file__).with_name("clusters") / "stand_in"
NUMBERS = itertools.count(1)


class Bench:
    """A cluster with one place on each of its two nodes, and the server's side of it."""

    def __init__(self, ray: LocalRay, cluster: Cluster, settings: Settings):
        self.ray, self.cluster, self.settings = ray, cluster, settings
        self.executor = self.server()

    def server(self, **changes: object) -> Executor:
        """The executor as a server has it that has just been started."""
        settings = self.settings.model_copy(update=changes)
        return open_named("ray", settings, open_files(settings))

    def order(self, what: str, *, device: str = "auto") -> Order:
        approved = Approved(data=None, spec="")
        run = f"r{next(NUMBERS)}"
        return Order(run, 1, "panels", Path("/panels"), approved, device=device, server=f"do://{what}", token="of-r1")

    async def until(self, order: Order, kind: type) -> Exited | Lost | Running:
        async with asyncio.timeout(90):
            while not isinstance(status := await self.executor.status(order.id), kind):
                await asyncio.sleep(0.2)
        assert isinstance(status, Exited | Lost | Running)
        return status

    async def running(self, mark: Path, what: str = "run") -> tuple[Order, str]:
        """An attempt that computes, and the node's name."""
        order = self.order(f"{what}{mark}")
        await self.executor.submit(order)
        status = await self.until(order, Running)
        while not (mark.exists() and mark.read_text()):
            await asyncio.sleep(0.1)
        assert isinstance(status, Running) and status.node
        return order, status.node


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    own = PROJECT / ".ray" / "bin" / "ray"
    command = own if own.exists() else ray_command()
    if command is None:
        pytest.skip("Ray is not installed: pip install 'ray[default]==2.60.0'")
    ray = LocalRay(tmp_path_factory.mktemp("home"), environment={"PATH": os.environ["PATH"]}, ray=command)
    try:
        ray.up(2, cpus=1)
        yield ray
    finally:
        ray.down()


@pytest.fixture
def bench(ray: LocalRay, settings: Settings) -> Bench:
    cluster = ray.read()
    assert cluster is not None
    token = SecretStr(cluster.token)
    told = {"ray_address": cluster.address, "ray_token": token, "node_python": str(STAND_IN)}
    return Bench(ray, cluster, settings.model_copy(update=told))


async def test_an_attempt_is_computed_once_with_its_own_token_and_no_key_of_the_cluster(bench: Bench) -> None:
    order = bench.order("exit/3")
    assert await bench.executor.status(order.id) == Unknown()
    await bench.executor.ready(order)
    await bench.executor.submit(order)
    await bench.server().submit(order)
    assert await bench.until(order, Exited) == Exited(3)
    said = await bench.executor.logs(order.id, 50)
    assert [line for line in said if line.startswith(("called", "token", "keys"))] == [
        f"called -m engine.node {order.run} 1",
        "token of-r1",
        "keys of the cluster []",
    ]
    assert len(await bench.executor.logs(order.id, 1)) == 1


async def test_what_was_never_submitted_is_unknown_also_after_it_was_cancelled(bench: Bench) -> None:
    order = bench.order("exit/0")
    await bench.executor.cancel(order.id, grace_s=1)
    assert await bench.executor.status(order.id) == Unknown()
    assert list(await bench.executor.logs(order.id, 9)) == []


async def test_a_third_waits_for_a_place_and_a_cancelled_one_never_computes(bench: Bench, tmp_path: Path) -> None:
    first, second = await bench.running(tmp_path / "1"), await bench.running(tmp_path / "2")
    assert {first[1], second[1]} == {"node1", "node2"}
    third = bench.order(f"run{tmp_path / '3'}")
    await bench.executor.submit(third)
    assert isinstance(await bench.server().status(third.id), Pending)
    await bench.executor.cancel(third.id, grace_s=1)
    assert await bench.executor.status(third.id) == Exited(None, "cancelled")
    for order, _ in (first, second):
        await bench.server().cancel(order.id, grace_s=1)
        assert await bench.until(order, Exited) == Exited(None, "cancelled")
    assert not any(psutil.pid_exists(int((tmp_path / name).read_text())) for name in "12")
    assert not (tmp_path / "3").exists()


async def test_what_asks_for_a_gpu_waits_where_there_is_none(bench: Bench) -> None:
    order = bench.order("exit/0", device="cuda")
    await bench.executor.submit(order)
    assert isinstance(await bench.executor.status(order.id), Pending)
    await bench.executor.cancel(order.id, grace_s=1)


async def test_a_wrong_token_starts_nothing_and_says_nothing_of_any_run(bench: Bench) -> None:
    stranger, order = bench.server(ray_token=SecretStr("0" * 64)), bench.order("exit/0")
    with pytest.raises(OSError, match="refuses our token"):
        await stranger.submit(order)
    assert isinstance(await stranger.status(order.id), Unreachable)
    assert await bench.executor.status(order.id) == Unknown()


async def test_a_dead_node_is_told_and_the_other_computes_on(bench: Bench, tmp_path: Path) -> None:
    order, node = await bench.running(tmp_path / "1")
    other, _ = await bench.running(tmp_path / "2")
    await asyncio.to_thread(bench.ray.kill, bench.cluster, node)
    assert isinstance(await bench.until(order, Lost), Lost)
    assert isinstance(await bench.executor.status(other.id), Running)
    await bench.executor.cancel(other.id, grace_s=1)
    await bench.until(other, Exited)


async def test_a_dead_head_says_nothing_and_what_waited_is_told_as_lost_when_it_is_back(
    bench: Bench, tmp_path: Path
) -> None:
    computes, _ = await bench.running(tmp_path / "1")
    waits = bench.order("exit/0", device="cuda")
    await bench.executor.submit(waits)
    assert isinstance(await bench.executor.status(waits.id), Pending)
    await asyncio.to_thread(bench.ray.kill, bench.cluster, HEAD)
    assert isinstance(await bench.executor.status(computes.id), Unreachable)
    with pytest.raises(OSError, match="does not answer"):
        await bench.executor.submit(bench.order("exit/0"))
    await asyncio.to_thread(bench.ray.start_head, bench.cluster)
    assert isinstance(await bench.until(waits, Lost), Lost)
    assert isinstance(await bench.executor.status(computes.id), Running)


def test_ray_without_an_address_is_refused_with_what_to_do(settings: Settings) -> None:
    with pytest.raises(SettingError, match="MURASCOPE_RAY_ADDRESS"):
        open_named("ray", settings, open_files(settings))
