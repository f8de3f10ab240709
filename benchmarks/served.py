"""A real `murascope serve` on a fresh home with a small data set: spoken to over its sockets, killed, and started again."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from PIL import Image
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PROJECT = Path(__file__).resolve().parent.parent
SHIM = "engine.shim"
MURASCOPE = [sys.executable, "-c", "from assistant.cli import main; main()"]
PATIENCE_S = 60.0  # on a machine that does other things too; a server that stands still stays silent for ever
# A step of the clock, as far as one process can have it: what Python is told of the time, and since when the machine runs.
STEPPED_CLOCK = """
import os, time
step = float(os.environ.get("HARD_USE_CLOCK_STEP", 0))
if step:
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + step
    time.time_ns = lambda: now_ns() + int(step * 1e9)
    import psutil
    began = psutil._psplatform.boot_time
    psutil._psplatform.boot_time = lambda: began() + step
"""


class Silent(RuntimeError):
    """The server did not answer."""


class Served:
    """The server of one home. `chance` is the only source of chance; `settings` are variables of its environment beside our own."""

    def __init__(self, folder: Path, chance: random.Random, settings: Mapping[str, str] | None = None):
        self.folder, self.home, self.chance = folder, folder / "home", chance
        self.address, self._process = "", None
        (folder / "python").mkdir()
        (folder / "python" / "sitecustomize.py").write_text(STEPPED_CLOCK)
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("MURASCOPE_")}
        self._environment |= {
            "MURASCOPE_HOME": str(self.home),
            "MURASCOPE_HUB": "off",
            "MURASCOPE_TRACKING": "off",
            "MURASCOPE_SLOTS": "2",
            "PYTHONPATH": f"{folder / 'python'}{os.pathsep}{PROJECT}",
            "OMP_NUM_THREADS": "1",
            **(settings or {}),
        }
        write_panels(folder / "panels")
        adding = [*MURASCOPE, "data", "add", "panels", str(folder / "panels")]
        subprocess.run(adding, env=self._environment, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self, *, clock_step: float = 0.0) -> None:
        """Start the server, whose clock is so many seconds off, and wait until it answers.

        Raises:
            Silent: it does not.
        """
        environment = {**self._environment, "HARD_USE_CLOCK_STEP": str(clock_step)}
        log = (self.folder / "server.log").open("a+")
        began = log.seek(0, os.SEEK_END)
        serving = [*MURASCOPE, "serve", "--port", "0"]
        self._process = subprocess.Popen(serving, env=environment, cwd=PROJECT, stderr=log, start_new_session=True)
        log.close()
        for _ in ticks():
            said = (self.folder / "server.log").read_text()[began:]
            if " is at http://" in said:
                self.address = said.split(" is at http://")[1].split()[0]
                self.get("/health")
                return
        raise Silent("the server did not start")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End the server and whatever it has left."""
        self.kill()
        for process in self.of_runs():
            with suppress(psutil.Error):
                process.kill()

    def trainers(self) -> list[psutil.Process]:
        """The processes that train in this home, without those that watch them."""
        return [process for process in self.of_runs() if SHIM not in process.info["cmdline"]]

    def watchers(self) -> list[psutil.Process]:
        """The processes that watch a training in this home: two of each."""
        return [process for process in self.of_runs() if SHIM in process.info["cmdline"]]

    def of_runs(self) -> list[psutil.Process]:
        """All processes of runs in this home."""
        return processes_of_runs(self.home)

    def memory_mib(self) -> int:
        """Resident memory of the server and of the processes that it asks."""
        assert self._process is not None
        total = 0
        for process in (psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_info().rss
        return total >> 20

    def status(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        """The status of the answer, and the code of what went wrong; an empty one where it is not told in words.

        Raises:
            Silent: there is none.
        """
        request = urllib.request.Request(f"http://{self.address}{path}", method=method, data=body or None)
        try:
            with urllib.request.urlopen(request, timeout=2 * PATIENCE_S) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            try:
                return error.code, str(json.loads(error.read()).get("code", ""))
            except ValueError:
                return error.code, ""
        except (OSError, urllib.error.URLError) as error:
            raise Silent(f"{method} {path[:200]}: {error}") from error

    def get(self, path: str) -> Any:
        """The answer as JSON, or as text.

        Raises:
            Silent: there is none.
        """
        return self._request("GET", path)

    def stop(self, run: str) -> None:
        self._request("POST", f"/api/runs/{run}/stop")

    def _request(self, method: str, path: str) -> Any:
        try:
            request = urllib.request.Request(f"http://{self.address}{path}", method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                text = answer.read().decode()
                return json.loads(text) if "json" in answer.headers["content-type"] else text
        except (TimeoutError, urllib.error.URLError) as error:
            raise Silent(f"{method} {path}: {error}") from error

    def new_conversation(self) -> str:
        return str(self._request("POST", "/api/conversations")["id"])

    @contextmanager
    def talking(self, conversation: str) -> Iterator["Talk"]:
        """The socket of a conversation."""
        with connect(f"ws://{self.address}/ws/c/{conversation}", open_timeout=PATIENCE_S) as socket:
            yield Talk(socket)

    def items(self, conversation: str) -> list[dict[str, Any]]:
        """Everything that a conversation shows to who opens it now."""
        with self.talking(conversation) as talk:
            return [
                frame["item"] for frame in talk.until(lambda frame: frame["type"] == "turn") if frame["type"] == "item"
            ]


class Talk:
    def __init__(self, socket: Any):
        self._socket = socket

    def send(self, **frame: Any) -> None:
        self._socket.send(json.dumps(frame))

    def until(self, is_it: Any) -> list[dict[str, Any]]:
        """The frames up to the one that is meant.

        Raises:
            Silent: it does not come.
        """
        frames: list[dict[str, Any]] = []
        try:
            while not frames or not is_it(frames[-1]):
                frames.append(json.loads(self._socket.recv(timeout=PATIENCE_S)))
        except (TimeoutError, WebSocketException) as error:
            raise Silent(f"the conversation broke off: {error!r}") from error
        return frames


def processes_of_runs(home: Path) -> list[psutil.Process]:
    """All processes of runs in a home, those that watch them too."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        is_of_run = ("run" in line or SHIM in line) and str(home) in " ".join(line)
        if is_of_run and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def ticks(seconds: float = PATIENCE_S) -> Iterator[None]:
    """Again and again for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)


def write_panels(folder: Path) -> None:
    """12 good pictures to learn from, 4 good and 4 with a spot to test with."""
    for kind, count in (("train/good", 12), ("test/good", 4), ("test/spot", 4)):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            image = Image.effect_noise((64, 64), 20 + number).convert("RGB")
            if kind == "test/spot":
                image.paste((250, 20, 20), (20, 20, 36, 36))
            image.save(folder / kind / f"{number:03}.png")
