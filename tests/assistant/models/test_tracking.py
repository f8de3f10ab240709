"""MLflow is told of everything, once, whatever is away or killed meanwhile; its aliases are those of the registry."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import update

from assistant.models.facts import VersionFacts
from assistant.models.registry import Registry
from assistant.models.tracking.run_told import measured, parameters
from assistant.models.tracking.store import TrackingTrouble
from assistant.models.tracking.tracker import Sent, Tracker
from assistant.refused import Refused
from assistant.settings import Settings
from assistant.store.tables import RunRow, TrackedRow
from assistant.workspace import Workspace
from engine.contract.events import Epoch, EventLog, System
from engine.contract.folder import RunFolder
from tests.assistant.runs.test_thresholds import finished
from tests.mlflow_server import free_port, running_mlflow
from tests.postgres import postgres_binaries, running_postgres

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's own, of SQLAlchemy 2.1
]
WHO = "mina, page"
names = (f"panels {number}" for number in itertools.count())


@dataclass
class Place:
    """An MLflow: what MURASCOPE_TRACKING says of it, and how it is looked at."""

    tracking: str
    uri: str

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "true")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database as it makes it, which takes seconds: copied for each test."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "made.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="module")
def server(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server, with PostgreSQL behind it where that is installed."""
    folder, binaries = tmp_path_factory.mktemp("server"), postgres_binaries()
    if binaries is None:
        shutil.copy(made, folder / "mlflow.db")
        with running_mlflow(f"sqlite:///{folder}/mlflow.db", folder, free_port()) as address:
            yield address
        return
    with (
        running_postgres(binaries) as url,
        running_mlflow(f"{url}/postgres".replace("postgresql:", "postgresql+psycopg:"), folder, free_port()) as address,
    ):
        yield address


@pytest.fixture(params=["in process", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "server":
        address = request.getfixturevalue("server")
        return Place(address, address)
    path = tmp_path / "home" / "tracking" / "mlflow.db"
    path.parent.mkdir(parents=True)
    shutil.copy(request.getfixturevalue("made"), path)
    return Place("home", f"sqlite:///{path}")


@pytest.fixture
async def workspace(place: Place, tmp_path: Path) -> "Iterator[Workspace]":
    async with Workspace.open(Settings(home=tmp_path / "home", hub="off", tracking=place.tracking)) as opened:
        yield opened


async def told_of(workspace: Workspace, run: str, place: Place) -> Any:
    async with workspace.database.reading() as session:
        row = await session.get(TrackedRow, (run, place.tracking))
    assert row is not None
    return place.client().get_run(row.tracked_as)


async def test_a_run_is_told_with_settings_figures_files_and_its_end_and_again_nothing_comes_twice(
    workspace: Workspace, place: Place
) -> None:
    row = await finished(workspace)
    with closing(EventLog(workspace.runs.folder(row.id))) as log:
        for epoch in range(1, 4):
            log.append(Epoch(epoch=epoch, epochs=3, loss=1 / epoch, lr=0.1, best=True, figures={"psnr": 20.0}))
    assert (await workspace.tracker.send()).runs == 1
    found = await told_of(workspace, row.id, place)
    assert (found.info.status, found.data.params["model.name"]) == ("FINISHED", "patchcore")
    assert (found.data.metrics["loss"], found.data.metrics["test/missed"]) == (1 / 3, 1.0)
    assert found.data.tags["murascope.run"] == row.id
    run = RunFolder(workspace.runs.folder(row.id))
    evaluation = run.within(run.evaluation.path)
    kept = [each.path for each in place.client().list_artifacts(found.info.run_id, evaluation)]
    assert run.within(run.evaluation.metrics) in kept
    assert (await workspace.tracker.pending(), await workspace.tracker.send()) == (0, Sent(0, 0))
    async with workspace.database.session() as session:  # as if it had been killed before it noted what was told
        await session.execute(update(TrackedRow).values(events=0, is_done=False))
    await workspace.tracker.send()
    losses = place.client().get_metric_history(found.info.run_id, "loss")
    assert [(each.step, each.value) for each in losses] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]


async def test_one_process_of_a_home_tells_at_a_time(workspace: Workspace, place: Place, tmp_path: Path) -> None:
    await finished(workspace)
    await workspace.tracker.send()
    async with Workspace.open(Settings(home=tmp_path / "home", hub="off", tracking=place.tracking)) as second:
        await workspace.runs.write("r1", note="changed")
        with pytest.raises(TrackingTrouble, match="tells MLflow already"):
            await second.tracker.send()
        await workspace.tracker.close()
        assert (await second.tracker.send()).runs == 1


async def test_what_is_written_on_a_run_or_moved_later_is_told_too(workspace: Workspace, place: Place) -> None:
    row = await finished(workspace)
    await workspace.tracker.send()
    await workspace.runs.write(row.id, note="the good one", tags=["mura"])
    assert await workspace.tracker.pending() == 1
    await workspace.tracker.send()
    tags = (await told_of(workspace, row.id, place)).data.tags
    assert (tags["mlflow.note.content"], tags["murascope.tags"]) == ("the good one", "mura")


async def test_a_server_that_is_away_in_mid_run_loses_nothing(made: Path, tmp_path: Path) -> None:
    port, shown = free_port(), tmp_path / "server"
    shown.mkdir()
    shutil.copy(made, shown / "mlflow.db")
    backend = f"sqlite:///{shown}/mlflow.db"
    settings = Settings(home=tmp_path / "home", hub="off", tracking=f"http://127.0.0.1:{port}")
    place = Place(settings.tracking, settings.tracking)
    async with Workspace.open(settings) as workspace:
        row = await finished(workspace)
        async with workspace.database.session() as session:
            await session.execute(update(RunRow).values(state="running"))
        with closing(EventLog(workspace.runs.folder(row.id))) as log:
            log.append(Epoch(epoch=1, epochs=3, loss=3.0, lr=0.1, best=True))
            with running_mlflow(backend, shown, port):
                await workspace.tracker.send()
            log.append(Epoch(epoch=2, epochs=3, loss=2.0, lr=0.1, best=True))
            with pytest.raises(TrackingTrouble, match="cannot be told"):
                await workspace.tracker.send()
            log.append(Epoch(epoch=3, epochs=3, loss=1.0, lr=0.1, best=True))
        async with workspace.database.session() as session:
            await session.execute(update(RunRow).values(state="succeeded"))
        with running_mlflow(backend, shown, port):
            await workspace.tracker.send()
            found = await told_of(workspace, row.id, place)
            losses = place.client().get_metric_history(found.info.run_id, "loss")
    assert [(each.step, each.value) for each in losses] == [(1, 3.0), (2, 2.0), (3, 1.0)]
    assert found.info.status == "FINISHED"


ACTS = st.lists(
    st.tuples(st.sampled_from(["register", "promote", "roll_back", "delete", "tell"]), st.integers(1, 3)), max_size=8
)


@examples(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
@example(acts=[("tell", 1), ("promote", 1)])  # what was the candidate is none any more
async def test_the_aliases_there_are_those_of_the_registry_whatever_was_done(
    workspace: Workspace, place: Place, acts: list[tuple[str, int]]
) -> None:
    registry, name = workspace.models.registry, next(names)
    runs = [await finished(workspace) for _ in range(2)]
    await registry.register(name, runs[0], facts=VersionFacts(), who=WHO)
    for act, number in acts:
        with suppress(Refused):
            await _do(registry, workspace.tracker, name, act, number, runs[number % 2])
    await workspace.tracker.send()
    model = await registry.get(name)
    client = place.client()
    versions = {
        each.tags["murascope.version"]: str(each.version) for each in client.search_model_versions(f"name = '{name}'")
    }
    assert set(versions) == {str(each.row.version) for each in model.versions}
    there = {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    assert there == {each.alias: versions[str(each.row.version)] for each in model.versions if each.alias}


async def _do(registry: Registry, tracker: Tracker, name: str, act: str, number: int, run: Any) -> None:
    if act == "register":
        await registry.register(name, run, facts=VersionFacts(), who=WHO)
    elif act == "promote":
        model = await registry.get(name)
        await registry.promote(name, model.aliases.to_promote(number), seen=model.row.revision, who=WHO, told={})
    elif act == "roll_back":
        await registry.roll_back(name, who=WHO)
    elif act == "delete":
        await registry.delete(name, number, who=WHO)
    else:
        await tracker.send()


async def test_a_model_of_that_name_that_somebody_else_made_stays_as_it_is(workspace: Workspace, place: Place) -> None:
    name = next(names)
    place.client().create_registered_model(name, description="not yours")
    await workspace.models.registry.register(name, await finished(workspace), facts=VersionFacts(), who=WHO)
    with pytest.raises(TrackingTrouble, match="somebody else made"):
        await workspace.tracker.send()
    assert place.client().get_registered_model(name).description == "not yours"


def test_settings_are_parameters_by_their_paths() -> None:
    spec = {"dataset": "oled", "model": {"name": "patchcore", "layers": [2, 3]}, "time_limit_min": None}
    assert parameters(spec) == {"dataset": "oled", "model.name": "patchcore", "model.layers": "[2, 3]"}


def test_what_the_machine_does_is_told_by_the_names_that_mlflow_draws() -> None:
    event = System(seq=4, time=2.0, cpu_percent=90.0, memory_mb=300.0, gpu_memory_mb=512.0, gpu_percent=70.0)
    told = {each.name: (each.value, each.step, each.at_ms) for each in measured([event])}
    assert told["system/gpu_utilization_percentage"] == (70.0, 4, 2000)
    assert all(name.startswith("system/") for name in told)
