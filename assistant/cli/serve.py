"""`murascope serve`: the server, and its address."""

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.common import give_up, settings_here, tell

if TYPE_CHECKING:
    from assistant.settings import Settings

logger = logging.getLogger(__name__)

LONGEST_FRAME_BYTES = 1 << 20  # over a socket; a page never sends as much


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (MURASCOPE_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (MURASCOPE_PORT).")] = None,
) -> None:
    """Start the server and print its address."""
    import uvicorn

    from assistant.machine.logs import set_up
    from assistant.machine.masking import Mask, secrets_of

    settings = settings_here(host=host, port=port)
    set_up(settings.log_format)
    listening, settings = listen(settings)
    for name, value in (("HOME", settings.home), ("HOST", settings.host), ("PORT", settings.port)):
        os.environ[f"MURASCOPE_{name}"] = str(value)  # the application reads its settings from the environment
    asyncio.run(_open_once(settings))  # what hinders it is said here, in words, and the schema is brought up to date
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    told = f"Murascope is at http://{shown}:{settings.port}  (Ctrl+C ends the server; trainings go on)"
    if settings.log_format == "json":
        logger.info(told)
    else:
        tell(told)
    # Named, not imported: the assistant knows nothing of the web. A frame over the limit closes its socket with code 1009.
    config = uvicorn.Config(
        "web.app:app_from_environment",
        factory=True,
        log_config=None,  # lines of uvicorn's go where ours go
        server_header=False,
        ws_max_size=LONGEST_FRAME_BYTES,
        timeout_graceful_shutdown=3,
    )
    with Mask(secrets_of(settings)).over_logs():
        uvicorn.Server(config).run(sockets=[listening])


def listen(settings: "Settings") -> "tuple[socket.socket, Settings]":
    """The socket, and the settings with the port that it has: of port 0 the machine chose it, and nodes of a cluster are told it."""
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(128)  # from here on a browser waits instead of being refused
    except OSError as error:
        listening.close()
        give_up(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}): is Murascope running already? MURASCOPE_PORT chooses another port"
        )
    return listening, settings.model_copy(update={"port": listening.getsockname()[1]})


async def _open_once(settings: "Settings") -> None:
    from assistant.workspace import Workspace

    async with Workspace.open(settings):
        pass
