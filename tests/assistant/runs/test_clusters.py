"""Executors of clusters, each on a real cluster of two nodes on this machine that is started once; what computes is clusters/stand_in.

Where one is not installed its tests are skipped. Ray is looked for beside this Python, in .ray/ (python3 -m venv .ray; .ray/bin/pip install
"ray[default]==2.60.0"), and on the PATH. Slurm is Debian's: apt-get install slurm-wlm munge.
"""

import asyncio
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from assistant.runs.elsewhere import Names
from assistant.runs.executors import Approved, Executor, Exited, Lost, Order, Pending, Running, Unknown, Unreachable
from assistant.runs.executors import open_executor as open_named
from assistant.runs.files import open_files
from assistant.settings import SettingError, Settings
from tests.clusters import Cluster, Place, place

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
STAND_IN = Path(__file__).with_name("clusters") / "stand_in"
NUMBERS = itertools.count(1)


class Bench:
    """A cluster with one place on each of its two nodes, and the server's side of it."""

    def __init__(self, place: Place, settings: Settings):
        assert place.cluster is not None
        self.cluster: Cluster = place.cluster
        self.settings, self.folder = settings, place.folder
        self.executor = self.server()

    def server(self, **changes: object) -> Executor:
        """The executor as a server has it that has just been started."""
        settings = self.settings.model_copy(update=changes)
        return open_named(settings.executor, settings, open_files(settings))

    def name(self, order: Order) -> str:
        return Names(self.settings).of(order.id)

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


@pytest.fixture(scope="module", params=["ray", "slurm"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(request.param, tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def bench(cluster: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    told = cluster.settings | {"node_python": str(STAND_IN)}
    return Bench(cluster, Settings(home=tmp_path / "home", **told))


def of(name: str) -> pytest.MarkDecorator:
    """A test of what one kind of cluster alone does."""
    return pytest.mark.parametrize("cluster", [name], indirect=True)


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


@of("ray")
async def test_what_asks_for_a_gpu_waits_where_there_is_none(bench: Bench) -> None:
    order = bench.order("exit/0", device="cuda")
    await bench.executor.submit(order)
    assert isinstance(await bench.executor.status(order.id), Pending)
    await bench.executor.cancel(order.id, grace_s=1)


@of("ray")
async def test_a_wrong_token_starts_nothing_and_says_nothing_of_any_run(bench: Bench) -> None:
    stranger, order = bench.server(ray_token=SecretStr("0" * 64)), bench.order("exit/0")
    with pytest.raises(OSError, match="refuses our token"):
        await stranger.submit(order)
    assert isinstance(await stranger.status(order.id), Unreachable)
    assert await bench.executor.status(order.id) == Unknown()


async def test_a_dead_node_is_told_and_the_other_computes_on(bench: Bench, tmp_path: Path) -> None:
    order, node = await bench.running(tmp_path / "1")
    other, _ = await bench.running(tmp_path / "2")
    await asyncio.to_thread(bench.cluster.kill_node, node)
    assert isinstance(await bench.until(order, Lost), Lost)
    assert isinstance(await bench.executor.status(other.id), Running)
    await bench.executor.cancel(other.id, grace_s=1)
    await bench.until(other, Exited)
    await asyncio.to_thread(bench.cluster.start_node, node)


@of("ray")
async def test_a_dead_head_says_nothing_and_what_waited_is_told_as_lost_when_it_is_back(
    bench: Bench, tmp_path: Path
) -> None:
    computes, _ = await bench.running(tmp_path / "1")
    waits = bench.order("exit/0", device="cuda")
    await bench.executor.submit(waits)
    assert isinstance(await bench.executor.status(waits.id), Pending)
    await asyncio.to_thread(bench.cluster.kill_head)
    assert isinstance(await bench.executor.status(computes.id), Unreachable)
    with pytest.raises(OSError, match="does not answer"):
        await bench.executor.submit(bench.order("exit/0"))
    await asyncio.to_thread(bench.cluster.start_head)
    assert isinstance(await bench.until(waits, Lost), Lost)
    assert isinstance(await bench.executor.status(computes.id), Running)


def test_ray_without_an_address_is_refused_with_what_to_do(settings: Settings) -> None:
    with pytest.raises(SettingError, match="MURASCOPE_RAY_ADDRESS"):
        open_named("ray", settings, open_files(settings))


@of("slurm")
async def test_a_job_gets_its_token_and_none_of_the_servers_secrets(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MURASCOPE_DATABASE", "postgresql://me:s3cret@db/app")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "s3cret")
    order, _ = await bench.running(tmp_path / "1")
    environment = psutil.Process(int((tmp_path / "1").read_text())).environ()
    assert environment["MURASCOPE_RUN_TOKEN"] == "of-r1"
    assert "s3cret" not in " ".join(environment.values())
    await bench.executor.cancel(order.id, grace_s=1)
    await bench.until(order, Exited)


@of("slurm")
async def test_of_two_servers_that_submit_at_the_same_moment_one_job_is_left(bench: Bench, tmp_path: Path) -> None:
    order = bench.order(f"run{tmp_path / '1'}")
    await asyncio.gather(*(bench.server().submit(order) for _ in range(3)))
    await bench.until(order, Running)
    listed = ["squeue", "--noheader", f"--name={bench.name(order)}", "--format=%T"]
    assert (await asyncio.to_thread(subprocess.check_output, listed, text=True)).split() == ["RUNNING"]
    await bench.executor.cancel(order.id, grace_s=1)
    assert await bench.until(order, Exited) == Exited(None, "cancelled")


@of("slurm")
async def test_what_asks_for_a_gpu_waits_for_one_while_another_node_is_free(bench: Bench, tmp_path: Path) -> None:
    orders = [bench.order(f"run{tmp_path / name}", device="cuda") for name in "12"]
    for order in orders:
        await bench.executor.submit(order)
    status = await bench.until(orders[0], Running)
    assert status == Running("node1")
    assert isinstance(await bench.executor.status(orders[1].id), Pending)
    for order in reversed(orders):
        await bench.executor.cancel(order.id, grace_s=1)
        await bench.until(order, Exited)


@of("slurm")
async def test_what_the_cluster_cannot_do_is_refused_with_its_words_and_starts_nothing(bench: Bench) -> None:
    order = bench.order("exit/0")
    with pytest.raises(OSError, match=r"sbatch of Slurm says: .*invalid partition"):
        await bench.server(slurm_partition="nowhere").submit(order)
    assert await bench.executor.status(order.id) == Unknown()


@of("slurm")
async def test_a_trainer_that_was_killed_is_told_by_its_signal(bench: Bench, tmp_path: Path) -> None:
    order, _ = await bench.running(tmp_path / "1")
    psutil.Process(int((tmp_path / "1").read_text())).kill()
    assert await bench.until(order, Exited) == Exited(-9)


@of("slurm")
async def test_a_dead_controller_says_nothing_and_what_waited_and_computed_goes_on_when_it_is_back(
    bench: Bench, tmp_path: Path
) -> None:
    computes = [await bench.running(tmp_path / name) for name in "12"]
    waits = bench.order(f"run{tmp_path / '3'}")
    await bench.executor.submit(waits)
    while bench.name(waits).encode() not in (bench.folder / "state/job_state").read_bytes():
        await asyncio.sleep(0.1)  # it writes what it knows every five seconds
    await asyncio.to_thread(bench.cluster.kill_head)
    assert isinstance(await bench.server().status(computes[0][0].id), Unreachable)
    await asyncio.to_thread(bench.cluster.start_head)
    assert isinstance(await bench.server().status(waits.id), Pending)
    for order in (waits, *(each for each, _ in computes)):
        assert not isinstance(await bench.server().status(order.id), Unknown | Lost)
        await bench.executor.cancel(order.id, grace_s=1)
        await bench.until(order, Exited)
    assert not (tmp_path / "3").exists()


@of("slurm")
async def test_of_a_job_that_slurm_has_forgotten_nothing_is_known(bench: Bench) -> None:
    order = bench.order("exit/0")
    await bench.executor.submit(order)
    assert await bench.until(order, Exited) == Exited(0)
    await asyncio.to_thread(bench.cluster.forget)
    assert await bench.server().status(order.id) == Unknown()


def test_slurm_options_that_no_shell_could_read_are_refused(settings: Settings) -> None:
    broken = settings.model_copy(update={"slurm_options": "--comment='one"})
    with pytest.raises(SettingError, match="MURASCOPE_SLURM_OPTIONS"):
        open_named("slurm", broken, open_files(broken))


async def test_without_slurms_commands_nothing_is_submitted_and_it_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    executor = open_named("slurm", settings, open_files(settings))
    order = Order("r1", 1, "panels", Path("/panels"), Approved(data=None, spec=""), server="do://exit/0", token="of-r1")
    with pytest.raises(OSError, match="squeue of Slurm cannot be called here"):
        await executor.ready(order)
    assert isinstance(await executor.status(order.id), Unreachable)
