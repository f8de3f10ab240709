"""Files of ended runs in an object store: two real servers on loopback, moto and rclone, which checks signatures."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from assistant.machine.object_store import ObjectStore, Stopped, StoreTrouble
from assistant.machine.troubles import explain
from assistant.runs import keeping
from assistant.runs.artifacts import Artifacts, key_of
from assistant.runs.last_word import end_of
from assistant.settings import SettingError, Settings
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.events import Event, EventLog, Failed, Finished, Started
from engine.contract.folder import CHECKPOINTS, RunFolder
from engine.contract.jobs import make_job
from tests.s3_servers import BUCKET, SECRET, S3Server, moto, rclone

KEY = key_of("home1", "r1", 2)
PATIENCE_S = 30
T = TypeVar("T")
LARGE = 9 << 20  # in two blocks
WELL = Finished(metrics={}, seconds={"total": 1.0})
BADLY = Failed(code="memory", reason="none left", hint="")


@pytest.fixture(scope="module", params=[moto, rclone], ids=["moto", "rclone"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with request.param(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


class Scene:
    """Files of a run, and a store of its own prefix."""

    def __init__(self, server: S3Server, folder: Path):
        self.settings = server.settings(folder / "home", artifacts=f"s3://{BUCKET}/{folder.name}/kept")
        self.store, self.folder = ObjectStore(self.settings), folder / "run"
        self.artifacts = Artifacts(self.store, folder / "fetching")
        (self.folder / "parts").mkdir(parents=True)
        for name, content in (("one.json", b"{}"), ("parts/a b#ü.json", b"[]"), ("empty", b"")):
            (self.folder / name).write_bytes(content)

    @property
    def names(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def keep(self) -> None:
        self.artifacts.keep(KEY, self.folder, self.names, go_on=lambda: True)

    def there(self) -> list[str]:
        return sorted(self.store.sizes("home1"))


@pytest.fixture
def scene(server: S3Server, tmp_path: Path) -> Scene:
    return Scene(server, tmp_path)


def test_what_was_kept_comes_back_as_it_was_a_large_file_too(scene: Scene, tmp_path: Path) -> None:
    (scene.folder / "parts/large").write_bytes(os.urandom(LARGE))
    scene.keep()
    scene.artifacts.fetch(KEY, tmp_path / "fetched")
    assert all((tmp_path / "fetched" / name).read_bytes() == (scene.folder / name).read_bytes() for name in scene.names)
    assert not list((tmp_path / "fetching").iterdir())


def test_nothing_of_a_run_is_there_until_all_of_it_is(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        scene.artifacts.keep(KEY, scene.folder, scene.names, go_on=lambda: False)
    with pytest.raises(StoreTrouble, match="the list of its files is gone"):
        scene.artifacts.fetch(KEY, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_what_is_there_is_not_sent_again_and_what_was_cut_off_is(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.keep()
    scene.store.put(f"{KEY}/one.json", b"{")
    sent: list[str] = []
    put = scene.store.put
    monkeypatch.setattr(scene.store, "put", lambda key, content: (sent.append(key), put(key, content)))
    scene.keep()
    assert sent == [f"{KEY}/one.json", f"{KEY}.json"]


def test_what_earlier_attempts_left_there_is_done_away_with_and_nothing_of_other_runs(scene: Scene) -> None:
    old, beside, other = key_of("home1", "r1", 1), f"{KEY}/cut-off", key_of("home1", "r11", 1)
    for key in (f"{old}/one.json", f"{old}.json", beside, f"{other}/one.json"):
        scene.store.put(key, b"{}")
    scene.keep()
    assert scene.there() == sorted([f"{KEY}.json", f"{other}/one.json", *(f"{KEY}/{name}" for name in scene.names)])
    scene.artifacts.remove(KEY)
    assert scene.there() == [f"{other}/one.json"]


@pytest.mark.parametrize("content", [b"[1", b"{}"])
def test_what_is_no_longer_what_was_kept_is_not_shown(scene: Scene, tmp_path: Path, content: bytes) -> None:
    scene.keep()
    scene.store.put(f"{KEY}/parts/a b#ü.json", content)
    with pytest.raises(StoreTrouble, match="is not what was kept") as refused:
        scene.artifacts.fetch(KEY, tmp_path / "fetched")
    assert refused.value.code == "store_damaged"
    assert not (tmp_path / "fetched").exists()


def test_a_list_that_leads_out_of_the_folder_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    scene.store.put(f"{KEY}.json", b'{"files": [{"name": "../x", "bytes": 0, "sha256": ""}]}')
    with pytest.raises(StoreTrouble, match="names a file"):
        scene.artifacts.fetch(KEY, tmp_path / "fetched")


def test_a_bucket_that_is_not_there_is_told_in_words(scene: Scene, server: S3Server, tmp_path: Path) -> None:
    scene.artifacts = Artifacts(ObjectStore(server.settings(tmp_path, artifacts="s3://nowhere/x")), tmp_path)
    with pytest.raises(StoreTrouble, match="bucket of s3://nowhere/x is not there") as refused:
        scene.keep()
    assert explain(refused.value).code == "store_bucket"


@pytest.mark.parametrize("wrong", ["aws_access_key_id", "aws_secret_access_key"])
def test_a_wrong_key_is_told_in_words_that_do_not_hold_it(
    strict: S3Server, tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(strict, tmp_path)
    told = {wrong: "another-4712"}
    scene.artifacts = Artifacts(ObjectStore(strict.settings(tmp_path, **told)), tmp_path)
    with pytest.raises(StoreTrouble, match="refuses the key") as refused:
        scene.keep()
    assert explain(refused.value).code == "store_key"
    assert all(each not in str(refused.value) for each in (SECRET, "another-4712"))


def test_a_store_that_is_away_is_told_alike_each_time_and_so_logged_once(strict: S3Server, tmp_path: Path) -> None:
    away = ObjectStore(strict.settings(tmp_path, aws_endpoint_url="http://127.0.0.1:9"))
    said = []
    for _ in range(2):
        with pytest.raises(StoreTrouble, match="does not answer") as refused:
            away.sizes("home1")
        said.append(explain(refused.value))
    assert said[0] == said[1]


def test_without_a_store_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    looks = "import sys; from assistant.settings import Settings; "
    looks += "from assistant.runs.artifacts import open_artifacts; print(open_artifacts(Settings()), 'obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True)
    assert done.stdout == "None False\n"


def test_obstore_that_is_not_installed_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(SettingError, match=r"pip install 'murascope\[s3\]'"):
        ObjectStore(Settings(home=tmp_path, artifacts="s3://bucket/prefix"))


@asynccontextmanager
async def _ended(settings: Settings, last_word: Event = WELL) -> AsyncIterator[tuple[Workspace, RunRow]]:
    """A workspace with a run that has ended."""
    async with Workspace.open(settings) as workspace:
        row = await workspace.runs.add(make_job("detect", "panels", "autoencoder"), data_path=str(settings.home))
        claimed = await workspace.runs.claim_one(row.id, by="a server")
        assert claimed is not None
        folder = RunFolder(workspace.runs.folder_of(row))
        folder.checkpoints.mkdir()
        folder.checkpoint.write_bytes(b"weights")
        log = EventLog(folder.path)
        log.append(Started(model="autoencoder", dataset="panels"))
        log.append(last_word)
        log.close()
        await workspace.runs.conclude(claimed, end_of("exited", 0), by="a server", printed=[], again_after=None)
        yield workspace, await workspace.runs.get(row.id)


async def _kept(workspace: Workspace, run: str) -> str:
    """The key of the run's files, once the keeper has sent them."""
    async with workspace.keeper.working():
        return await _soon(lambda: _key(workspace, run))


async def _key(workspace: Workspace, run: str) -> str | None:
    return (await workspace.runs.get(run)).kept


async def _soon(told: Callable[[], Awaitable[T | None]]) -> T:
    """What is told as soon as it is anything."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := await told()) is None:
            await asyncio.sleep(0.01)
    return found


@pytest.mark.anyio
async def test_files_that_are_gone_from_the_disk_are_fetched_for_whoever_asks_for_the_run(
    strict: S3Server, tmp_path: Path
) -> None:
    async with _ended(strict.settings(tmp_path / "home"), BADLY) as (workspace, row):
        assert row.kept is None
        assert await _kept(workspace, row.id) == key_of(workspace.runs.place.home, row.id, 1)
        folder = RunFolder(workspace.runs.folder_of(row))
        events = folder.events.read_bytes()
        workspace.runs.files.remove(row.id)
        assert not folder.path.exists()
        await workspace.runs.get(row.id)
        assert (folder.events.read_bytes(), folder.checkpoint.read_bytes()) == (events, b"weights")
        assert [event.type async for event in workspace.runs.follow(row.id)] == ["started", "failed"]


@pytest.mark.anyio
async def test_of_a_run_with_a_result_no_checkpoints_are_kept_and_a_removed_one_leaves_nothing(
    strict: S3Server, tmp_path: Path
) -> None:
    async with _ended(strict.settings(tmp_path / "home")) as (workspace, row):
        key = await _kept(workspace, row.id)
        store = ObjectStore(workspace.settings)
        of_run = key.rpartition("/")[0]
        assert f"{key}/{RunFolder(Path()).events.as_posix()}" in store.sizes(of_run)
        assert not any(f"/{CHECKPOINTS}/" in each for each in store.sizes(of_run))
        await workspace.runs.remove_files(await workspace.runs.get(row.id))
        assert store.sizes(of_run) == {}


@pytest.mark.anyio
async def test_a_store_that_is_away_is_told_and_gets_the_files_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LOOKS_EVERY_S", 0.05)
    monkeypatch.setattr(keeping, "LONGEST_WAIT_S", 0.05)
    with rclone(tmp_path) as server:
        server.stop()
        async with _ended(server.settings(tmp_path / "home")) as (workspace, row), workspace.keeper.working():
            assert row.state == "succeeded"
            assert await _soon(lambda: _code(workspace, row.id)) == "store_away"
            server.start()
            await _soon(lambda: _key(workspace, row.id))


async def _code(workspace: Workspace, run: str) -> str | None:
    trouble = workspace.keeper.trouble(run)
    return trouble.code if trouble is not None else None
