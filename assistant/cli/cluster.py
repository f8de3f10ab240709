"""`murascope cluster`: a small Ray cluster on this machine, to try what a real one does."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.common import JsonFlag, print_json, settings_here, tell
from prompts.figures import counted

if TYPE_CHECKING:
    from assistant.machine.local_ray import LocalRay

app = typer.Typer(help="Start, look at and end a cluster on this machine (Ray).", no_args_is_help=True)


@app.command("up")
def cluster_up(
    nodes: Annotated[int, typer.Option("--local", help="Nodes to start on this machine.", min=1, max=16)] = 2,
    cpus: Annotated[int, typer.Option(help="CPUs of each; 0 shares this machine's.", min=0, max=1024)] = 0,
) -> None:
    """Start a head and some nodes on this machine, and say how a server is told to use them."""
    ray = _here()
    cluster = ray.up(nodes, cpus=cpus or max(1, (os.cpu_count() or 1) // nodes))
    tell(
        f"the cluster answers at {cluster.address}, with {counted(len(cluster.nodes()), 'node')}; a server uses it after"
    )
    print(f"source {ray.settings_file}")


@app.command("status")
def cluster_status(as_json: JsonFlag = False) -> None:
    """Say which nodes are there."""
    cluster = _here().read()
    try:
        nodes = cluster.nodes() if cluster else None
    except OSError:
        nodes = None
    if as_json:
        print_json({"address": cluster.address if cluster else None, "answers": nodes is not None, "nodes": nodes})
    elif cluster is None:
        tell("there is no cluster; murascope cluster up --local 2 starts one")
    elif nodes is None:
        tell(f"its head does not answer at {cluster.address}; murascope cluster up starts what is missing")
    else:
        print(f"{cluster.address}: {', '.join(nodes) or 'no node'}")
    raise typer.Exit(0 if nodes is not None else 1)


@app.command("down")
def cluster_down() -> None:
    """End the cluster, and whatever runs on it."""
    tell("the cluster has ended" if _here().down() else "there was no cluster")


def _here() -> "LocalRay":
    from assistant.machine.engine_environment import engine_environment
    from assistant.machine.local_ray import LocalRay, ray_command

    settings = settings_here()
    return LocalRay(settings.home, environment=engine_environment(settings), ray=ray_command())
