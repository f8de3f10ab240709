"""A real PostgreSQL server in a temporary folder, for the tests of what is stored."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def postgres_binaries() -> Path | None:
    """The newest installed server's bin folder; None where there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = shutil.which("initdb")
    return versions[-1].parent if versions else Path(found).parent if found else None


@contextmanager
def running_postgres(binaries: Path) -> Iterator[str]:
    """Start a server and yield its URL up to the database's name. It refuses to run as root, so root runs it as `postgres`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    run_as: list[str] = []
    if os.geteuid() == 0:
        run_as = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    quick = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} {quick}"

    def call(name: str, *arguments: str) -> None:
        subprocess.run([*run_as, str(binaries / name), *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder)

    try:
        call("initdb", "-D", f"{folder}/data", "-U", "app", "--auth=trust", "--encoding=UTF8", "--no-sync")
        call("pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", options, "start")
        yield f"postgresql://app@127.0.0.1:{port}"
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            call("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
