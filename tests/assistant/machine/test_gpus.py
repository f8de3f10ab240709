"""Which GPUs trainings use: those that are named, else those that torch finds, of which nobody is asked where there is no driver."""

from pathlib import Path
from typing import Any

import pytest

from assistant.machine import gpus
from assistant.machine.gpus import Gpus
from assistant.runs.executors import open_executor
from assistant.runs.files import open_files
from assistant.settings import SettingError, Settings

pytestmark = pytest.mark.anyio

THREE = "class cuda:\n    device_count = staticmethod(lambda: 3)\n"


@pytest.fixture(autouse=True)
def no_gpus_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "CARDS", tmp_path / "cards")
    monkeypatch.setattr(gpus, "DRIVER", (tmp_path / "driver",))


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    (tmp_path / "driver").touch()
    return tmp_path


def torch_that(driver: Path, does: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another torch for the processes of the engine."""
    stands = driver / "instead" / "torch.py"
    stands.parent.mkdir()
    stands.write_text(does)
    monkeypatch.setenv("PYTHONPATH", str(stands.parent))
    return stands


def named(settings: Settings, told: str) -> Settings:
    return settings.model_copy(update={"gpus": told})


async def test_the_gpus_that_are_named_are_used_and_nobody_is_asked(settings: Settings) -> None:
    assert await Gpus(named(settings, " 2, 07 ")).found() == ("2", "7")
    executor = open_executor("local", named(settings, "0,1"), open_files(settings))
    assert await executor.devices() == ("0", "1", "cpu")


@pytest.mark.parametrize("told", ["gpu0", "0;1", "0,,1", "-1", "0,0", "0,00", "1.5"])
def test_what_names_no_gpus_is_refused_before_anything_starts(settings: Settings, told: str) -> None:
    with pytest.raises(
        SettingError, match=r"MURASCOPE_GPUS is .*: name different GPUs by their numbers, .* such as 0,1"
    ):
        open_executor("local", named(settings, told), open_files(settings))


def test_a_gpu_that_this_machine_does_not_have_is_refused(settings: Settings, tmp_path: Path) -> None:
    for card in ("0000:3b:00.0", "0000:af:00.0"):
        (tmp_path / "cards" / card).mkdir(parents=True)
    Gpus(named(settings, "0,1"))
    with pytest.raises(SettingError, match="MURASCOPE_GPUS names 2, 3, and this machine's GPUs are 0, 1"):
        Gpus(named(settings, "1,2,3"))


@pytest.mark.parametrize("visible", ["2,3", "GPU-8932f937", ""])
def test_a_gpu_that_the_server_may_not_use_is_refused(
    settings: Settings, visible: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(SettingError, match=f"MURASCOPE_GPUS names 1, and CUDA_VISIBLE_DEVICES is '{visible}'"):
        Gpus(named(settings, "1"))


async def test_where_there_is_no_driver_nobody_is_asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def asked(*_: Any, **__: Any) -> int:
        raise AssertionError("a process was started")

    monkeypatch.setattr(gpus, "ask_engine", asked)
    assert await Gpus(settings).found() == ()


async def test_a_torch_for_cpus_alone_finds_none(settings: Settings, driver: Path) -> None:
    assert await Gpus(settings).found() == ()


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        (None, ("0", "1", "2")),
        ("5,GPU-8932f937, 6", ("5", "GPU-8932f937", "6")),
        ("0,1,2,9", ("0", "1", "2")),
        ("", ()),
    ],
)
async def test_those_that_torch_finds_are_asked_for_once_and_named_as_the_server_was_told(
    settings: Settings, driver: Path, visible: str | None, found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    stands = torch_that(driver, THREE, monkeypatch)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    here = Gpus(settings)
    assert await here.found() == found
    stands.write_text("raise SystemExit('asked again')")
    assert await here.found() == found


async def test_a_torch_that_cannot_be_asked_is_told_in_the_log(
    settings: Settings, driver: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    torch_that(driver, "raise ImportError('libcudart.so.13: cannot open shared object file')", monkeypatch)
    assert await Gpus(settings).found() == ()
    assert "libcudart.so.13" in caplog.text
