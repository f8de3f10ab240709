"""What an upload leaves behind when its process is killed is cleared up; what a living one is at is not."""

import asyncio
import subprocess
import sys
from pathlib import Path

from assistant.data.uploads import Upload, abandoned, under_way
from assistant.settings import Settings
from assistant.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]
AT_WORK = """
import asyncio, sys
from pathlib import Path
from assistant.settings import Settings
from assistant.data.uploads import under_way

async def work():
    async with under_way(Settings(home=Path(sys.argv[1]))) as upload:
        upload.part.write_bytes(b"PK")
        (upload.folder / "good").mkdir(parents=True)
        print(upload.folder.name, flush=True)
        await asyncio.sleep(1e6)

asyncio.run(work())
"""


def another_process_at_work(settings: Settings) -> tuple[subprocess.Popen[str], Upload]:
    command = [sys.executable, "-c", AT_WORK, str(settings.home)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Upload(settings, process.stdout.readline().strip())


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def start_a_server(settings: Settings) -> None:
    async def start() -> None:
        async with Workspace.open(settings) as workspace, workspace.working():
            pass

    asyncio.run(start())


def test_a_server_that_starts_clears_up_what_a_killed_upload_left(settings: Settings) -> None:
    process, upload = another_process_at_work(settings)
    kill(process)
    assert upload.part.exists() and upload.folder.exists()
    start_a_server(settings)
    assert list(settings.uploads_folder.iterdir()) == []
    assert list(settings.datasets_folder.iterdir()) == []


def test_what_another_living_process_is_unpacking_stays(settings: Settings) -> None:
    process, upload = another_process_at_work(settings)
    try:
        start_a_server(settings)
        assert upload.part.exists() and upload.folder.exists() and upload.lock.exists()
    finally:
        kill(process)


def test_a_data_set_that_is_registered_stays_though_its_upload_was_killed(settings: Settings, tmp_path: Path) -> None:
    from PIL import Image

    process, upload = another_process_at_work(settings)
    for number in range(3):
        Image.new("L", (20, 20), number).save(upload.folder / "good" / f"{number}.png")

    async def register() -> None:
        async with Workspace.open(settings) as workspace:
            await workspace.datasets.add("panels", upload.folder, origin="uploaded")

    asyncio.run(register())
    kill(process)
    start_a_server(settings)
    assert upload.folder.exists()
    assert not upload.part.exists() and not upload.lock.exists()


def test_a_folder_that_no_upload_is_known_of_stays(settings: Settings) -> None:
    """Another database may have it: nothing is removed for its lack of a row alone."""
    (settings.datasets_folder / "0123456789abcdef" / "good").mkdir(parents=True)
    start_a_server(settings)
    assert (settings.datasets_folder / "0123456789abcdef" / "good").exists()


def test_an_upload_that_ends_leaves_only_its_folder(settings: Settings) -> None:
    async def work() -> Upload:
        async with under_way(settings) as upload:
            upload.part.write_bytes(b"PK")
            upload.folder.mkdir()
            async with abandoned(settings) as others:
                assert others == []
        return upload

    upload = asyncio.run(work())
    assert list(settings.uploads_folder.iterdir()) == []
    assert upload.folder.exists()
