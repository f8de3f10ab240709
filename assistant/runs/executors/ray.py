"""Runs as jobs of a Ray cluster, over its REST interface (Jobs API): the server needs no Ray, an address and a token are enough.

Ray places and queues them by the CPUs and GPUs that they ask for. It tries nothing again, which is the supervisor's affair, and it shows
a job's environment to everybody who has its token: ours is good for one attempt, and for a time.
"""

import shlex
from collections.abc import Sequence
from typing import Any

from assistant.runs.elsewhere import STOP_WAIT_S, Names, gpus_of, node_command, node_environment
from assistant.runs.executors import Executor, Exited, Lost, Order, Pending, Running, Status, Unknown, Unreachable
from assistant.runs.files import RunFiles
from assistant.runs.rest import Answer, NoAnswer, Rest
from assistant.settings import SettingError, Settings

THERE_ALREADY = "already exists"
MOST_SAID = 300


def open_executor(settings: Settings, files: RunFiles) -> Executor:
    """
    Raises:
        SettingError: nobody said where the cluster is.
    """
    if settings.ray_address is None:
        raise SettingError(
            "MURASCOPE_EXECUTOR is 'ray', which needs MURASCOPE_RAY_ADDRESS, such as http://ray-head:8265; "
            "`murascope cluster up --local 2` starts a cluster on this machine"
        )
    return RayExecutor(settings, settings.ray_address)


class RayExecutor:
    shares_disk = False

    def __init__(self, settings: Settings, address: str):
        token = settings.ray_token.get_secret_value() if settings.ray_token else None
        self._settings, self._names = settings, Names(settings)
        self._ray = Rest(address, token=lambda: token)
        self._nodes: dict[str, str] = {}  # their names by their ids
        self._stopped: set[str] = set()  # attempts that were asked to stop

    async def devices(self) -> Sequence[str]:
        return ()

    async def ready(self, order: Order) -> None:
        """
        Raises:
            OSError: nobody can be asked.
        """
        await self._ray.request("GET", "/api/version")

    async def submit(self, order: Order) -> None:
        """
        Raises:
            OSError: Ray did not take it.
        """
        environment = node_environment(order, self._settings)
        job = {
            "submission_id": self._names.of(order.id),
            "entrypoint": "exec " + shlex.join(node_command(order, self._settings)),
            "entrypoint_num_cpus": self._settings.run_cpus,
            "entrypoint_num_gpus": gpus_of(order, self._settings),
            "runtime_env": {"env_vars": {**environment, "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S)}},
            "metadata": {"murascope_run": order.run, "murascope_attempt": str(order.attempt)},
        }
        answer = await self._ray.request("POST", "/api/jobs/", body=job, expected=THERE_ALREADY)
        if answer.status != 200 and THERE_ALREADY not in answer.text:
            raise OSError(f"Ray did not take {order.id}: {answer.text[-MOST_SAID:]}")

    async def status(self, order: str) -> Status:
        try:
            answer = await self._about(order)
            return Unknown() if answer.status == 404 else await self._read(order, answer.data)
        except NoAnswer as error:
            return Unreachable(str(error))

    async def cancel(self, order: str, *, grace_s: float) -> None:
        """Ray asks every process of the job, and kills what is left after the time that it was told at the start.

        Raises:
            OSError: nobody could be asked.
        """
        await self._ray.request("POST", f"/api/jobs/{self._names.of(order)}/stop")
        self._stopped.add(order)

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        try:
            answer = await self._about(order, "/logs")
        except NoAnswer:
            return []
        printed = answer.data["logs"] if answer.status == 200 else ""
        return str(printed).splitlines()[-lines:]

    async def _about(self, order: str, what: str = "") -> Answer:
        return await self._ray.request("GET", f"/api/jobs/{self._names.of(order)}{what}")

    async def _read(self, order: str, job: dict[str, Any]) -> Status:
        match job["status"]:
            case "PENDING":
                return await self._waits(order, str(job.get("message") or ""))
            case "RUNNING":
                return Running(await self._node(job.get("driver_node_id")))
            case "STOPPED":
                return Exited(job.get("driver_exit_code"), "cancelled")
        if (exit_code := job.get("driver_exit_code")) is not None:
            return Exited(exit_code)
        return Lost(f"{job.get('error_type')}: {str(job.get('message'))[:MOST_SAID]}")

    async def _waits(self, order: str, why: str) -> Status:
        """A job that is told as pending: after its head died it stays so for ever, though nobody is left to start it."""
        if order in self._stopped:  # it keeps its place in the queue, and is ended before it does anything
            return Exited(None, "cancelled")
        rows = await self._rows("actors", "name", f"_ray_internal_job_actor_{self._names.of(order)}")
        if rows and all(actor["state"] == "DEAD" for actor in rows):
            return Lost("it waited in Ray's queue when the head was started anew")
        return Pending(why)

    async def _node(self, node: str | None) -> str | None:
        if node is not None and node not in self._nodes:
            for row in await self._rows("nodes", "node_id", node):
                self._nodes[node] = str(row["node_name"])
        return self._nodes.get(node or "", node)

    async def _rows(self, what: str, key: str, value: str) -> list[dict[str, Any]]:
        query = {"filter_keys": key, "filter_predicates": "=", "filter_values": value, "detail": "true"}
        answer = await self._ray.request("GET", f"/api/v0/{what}", query=query)
        if answer.status != 200:
            raise NoAnswer(f"Ray tells nothing of its {what} ({answer.status})")
        rows: list[dict[str, Any]] = answer.data["data"]["result"]["result"]
        return rows
