"""A real Slurm cluster in a temporary folder: munge, a controller, and nodes that are processes here. Debian: slurm-wlm, munge."""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.serving import PROJECT

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
WITH_SYSTEM = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where Debian keeps the servers
HOW_TO_INSTALL = "Slurm is not installed (Debian: apt-get install slurm-wlm munge)"
STARTS_WITHIN_S = 30
NODES = ("node1", "node2")
CONF = """
ClusterName=murascope
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={head}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=6
KillWait=45
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
PartitionName=main Nodes=ALL Default=YES State=UP MaxTime=INFINITE
"""


def slurm_is_installed() -> bool:
    return all(shutil.which(program, path=WITH_SYSTEM) for program in PROGRAMS)


class LocalSlurm:
    """Two nodes with a place each, the first with what passes for a GPU."""

    def __init__(self, folder: Path):
        self.folder, self.conf = folder, folder / "slurm.conf"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("state", "munge"):
            (folder / name).mkdir()
        (folder / "munge").chmod(0o755)
        ports = _free_ports(len(NODES) + 1)
        nodes = "\n".join(
            f"NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=1"
            + (" Gres=gpu:1" if name == "node1" else "")
            for name, port in zip(NODES, ports[1:], strict=True)
        )
        told = {"head": ports[0], "folder": folder, "user": getpass.getuser(), "nodes": nodes}
        self.conf.write_text(CONF.format(**told), "utf-8")
        (folder / "gres.conf").write_text("NodeName=node1 Name=gpu File=/dev/null\n", "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands need to find it."""
        return {"SLURM_CONF": str(self.conf)}

    def start(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        munge = {"socket": "munge/socket", "pid-file": "munge/pid", "seed-file": "munge/seed", "log-file": "munge/log"}
        told = [f"--{name}={self.folder / path}" for name, path in munge.items()]
        self._start("munge", "munged", "--foreground", "--force", f"--key-file={key}", *told)
        self._wait("munge", (self.folder / "munge/socket").exists)
        self.start_head()
        for name in NODES:
            self.start_node(name)

    def start_head(self) -> None:
        self._start("head", "slurmctld", "-D")
        self._wait("head", lambda: "UP" in self._ask("scontrol", "ping"))

    def start_node(self, name: str) -> None:
        self._start(name, "slurmd", "-D", "-N", name)
        idle = ("idle", "mixed", "allocated")
        self._wait(name, lambda: self._ask("sinfo", "-h", "-n", name, "-o", "%T").strip() in idle)

    def kill_head(self) -> None:
        self._processes["head"].kill()
        self._processes["head"].wait()

    def kill_node(self, name: str) -> None:
        """As a power cut would end it, with all that runs on it."""
        on_it = [each for each in self._ours() if _environment_of(each).get("SLURMD_NODENAME") == name]
        keepers = [parent for each in on_it if (parent := each.parent()) and parent.name().startswith("slurmstepd")]
        self._processes[name].kill()
        self._processes[name].wait()
        for each in {*keepers, *on_it}:
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def forget(self) -> None:
        """Let the head lose all it knows of jobs, as it does of each some minutes after its end."""
        self.kill_head()
        shutil.rmtree(self.folder / "state")
        (self.folder / "state").mkdir()
        self.start_head()

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for each in self._ours():
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)

    def _ours(self) -> list[psutil.Process]:
        return [
            p
            for p in psutil.process_iter()
            if _environment_of(p).get("SLURM_CONF") == str(self.conf) and p.pid != os.getpid()
        ]

    def _start(self, name: str, *command: str) -> None:
        program = shutil.which(command[0], path=WITH_SYSTEM)
        assert program is not None
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [program, *command[1:]],
                cwd=self.folder,
                env=self._environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self, name: str) -> dict[str, str]:
        ours = {"PATH": WITH_SYSTEM, "HOME": str(self.folder), **self.environment}
        return ours | {"PYTHONPATH": str(PROJECT)}

    def _ask(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environment(""), capture_output=True, text=True, check=False)
        return done.stdout

    def _wait(self, name: str, is_there: Callable[[], bool]) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while not is_there():
            if self._processes[name].poll() is not None or time.monotonic() > until:
                raise TimeoutError(f"{name} did not start:\n" + (self.folder / f"{name}.log").read_text()[-2000:])
            time.sleep(0.1)


@contextmanager
def running_slurm() -> Iterator[LocalSlurm]:
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    folder.chmod(0o755)
    slurm = LocalSlurm(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _environment_of(process: psutil.Process) -> dict[str, str]:
    """As it was given; slurmstepd writes its title over the first part, behind which psutil sees nothing."""
    try:
        words = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    pairs = (os.fsdecode(word).partition("=") for word in words)
    return {name: value for name, _, value in pairs}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
