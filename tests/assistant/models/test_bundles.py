"""A bundle carries a finished run to a home without network: there it is verified, installed and judges pictures. What is hostile is refused."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.models.bundles import BundleRefused, install_bundle, verify_bundle
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.bundle_folder import BundleFolder
from engine.contract.checksums import write_checksums
from tests.stored_home import FINISHED, unpack

RUNNER = CliRunner()
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home with a finished run whose threshold was set, and its bundle."""
    home = tmp_path_factory.mktemp("made") / "home"
    unpack(home)
    env = environment(home)
    assert RUNNER.invoke(app, ["threshold", FINISHED, "--value", "0.25"], env=env).exit_code == 0
    done = RUNNER.invoke(app, ["bundle", FINISHED, "--output", str(home.parent / "line.zip"), "--json"], env=env)
    assert done.exit_code == 0, done.output
    return home, Path(json.loads(done.stdout)["file"])


def environment(home: Path) -> dict[str, str]:
    return {"MURASCOPE_HOME": str(home), "MURASCOPE_DATABASE_URL": "", "MURASCOPE_HUB": "off"}


def test_another_home_installs_it_and_judges_alike(made: tuple[Path, Path], tmp_path: Path) -> None:
    home, file = made
    env = environment(tmp_path / "other")
    told = RUNNER.invoke(app, ["bundle", "verify", str(file)], env=env)
    assert told.exit_code == 0 and "whole, and scores as it says" in told.output
    done = RUNNER.invoke(app, ["bundle", "install", str(file), "--json"], env=env)
    assert done.exit_code == 0, done.output
    run = json.loads(done.stdout)
    assert run["threshold"]["told"]["image"] == 0.25
    judged = [
        RUNNER.invoke(
            app,
            ["test", name, "--data", str(home / "panels/test"), "--output", str(tmp_path / where), "--json"],
            env=environment(at),
        )
        for name, where, at in ((FINISHED, "there", home), (run["run"], "here", tmp_path / "other"))
    ]
    there, here = ({**json.loads(each.stdout), "folder": None} for each in judged)
    assert there == here and here["images"] > 0
    first, second = (tmp_path / "there", tmp_path / "here")
    scores = [
        sorted((f.name, json.loads(f.read_text())["image"]["score"]) for f in each.glob("*.json") if f.stem.isdecimal())
        for each in (first, second)
    ]
    assert scores[0] == scores[1] != []
    assert list((tmp_path / "other").glob("bundle-*")) == []  # nothing is left of the unpacking


def repacked(file: Path, target: Path, change: Callable[[Path], Any]) -> Path:
    """The bundle with something changed in it, and checksums of that."""
    folder = target.with_suffix("")
    with zipfile.ZipFile(file) as opened:
        opened.extractall(folder)
    change(folder)
    write_checksums(folder)
    with zipfile.ZipFile(target, "w") as into:
        for path in folder.rglob("*"):
            if path.is_file():
                into.write(path, path.relative_to(folder).as_posix())
    return target


def unfinished(folder: Path) -> None:
    log = BundleFolder(folder).run.events
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))


async def test_a_run_that_has_not_finished_is_not_taken_in(made: tuple[Path, Path], tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "other", hub="off")
    async with Workspace.open(settings) as workspace:
        with pytest.raises(BundleRefused, match="has not finished"):
            await install_bundle(settings, workspace.runs, repacked(made[1], tmp_path / "bad.zip", unfinished))
        assert await workspace.runs.list() == []


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "run/../../outside.txt"])
async def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path / "home", hub="off")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as into:
        into.writestr(name, "x")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(content.getvalue())
    with pytest.raises(BundleRefused, match="not taken: the entry"):
        await verify_bundle(settings, bad)
    assert not (tmp_path / "outside.txt").exists()


async def test_other_weights_of_the_same_name_are_never_replaced(made: tuple[Path, Path], tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "other", hub="off")

    def with_weights(folder: Path) -> None:
        (folder / "weights").mkdir(exist_ok=True)
        (folder / "weights/resnet18.safetensors").write_bytes(b"theirs")

    file = repacked(made[1], tmp_path / "weighted.zip", with_weights)
    settings.weights_folder.mkdir(parents=True)
    (settings.weights_folder / "resnet18.safetensors").write_bytes(b"ours")
    async with Workspace.open(settings) as workspace:
        with pytest.raises(BundleRefused, match="other weights named resnet18"):
            await install_bundle(settings, workspace.runs, file)
    assert (settings.weights_folder / "resnet18.safetensors").read_bytes() == b"ours"
