"""What an executor starts on another machine, under which name, and what it asks for there: the same for every kind of cluster.

`python -m engine.node` fetches there all that the attempt needs, computes it, and reports over HTTP: no disk is shared. Our package is
installed on the nodes, or stands in their image.
"""

import hashlib

from sqlalchemy.engine import make_url

from assistant.runs.executors import Order
from assistant.runs.place import place_of
from assistant.settings import Settings

TOKEN = "MURASCOPE_RUN_TOKEN"
OF_THE_CLUSTER = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "SLURM_JWT")  # keys of the cluster, which no run is to have
NAME_BYTES = 4
STOP_WAIT_S = 45  # what a cluster waits between asking and killing; the node's own shim is done before


def node_command(order: Order, settings: Settings) -> list[str]:
    """What runs on the node. It holds no secret: command lines are seen by everybody there.

    Raises:
        OSError: nothing can report to us.
    """
    if order.server is None:
        raise OSError("no address is known that another machine could report to")
    without = [word for name in OF_THE_CLUSTER for word in ("-u", name)]
    told = ["--server", order.server, "--run", order.run, "--attempt", str(order.attempt)]
    return ["env", *without, settings.node_python, "-m", "engine.node", *told]


def node_environment(order: Order, settings: Settings) -> dict[str, str]:
    """What the command finds in its environment: a token that is good for this attempt alone, and for a time."""
    return {TOKEN: order.token or "", "MURASCOPE_HUB": settings.hub, "PYTHONUNBUFFERED": "1"}


def gpus_of(order: Order, settings: Settings) -> int:
    """How many GPUs are asked for. A job that insists on CUDA gets one, and one that insists on the CPU none."""
    if order.device == "cpu":
        return 0
    return max(settings.run_gpus, 1 if order.device == "cuda" else 0)


class Names:
    """What attempts are called on a cluster that others use, too: `murascope-1f2e3d4c-r12-a2`.

    Servers that share a database share its runs, and so the name; any other home has its own.
    """

    def __init__(self, settings: Settings):
        if settings.database is None:
            of = place_of(settings.home).home
        else:
            url = make_url(settings.database_url)
            of = f"{url.host}:{url.port}/{url.database}"
        self._prefix = f"murascope-{hashlib.sha256(of.encode()).hexdigest()[: 2 * NAME_BYTES]}"

    def of(self, order: str) -> str:
        """The name of the attempt with that id."""
        return f"{self._prefix}-{order}"
