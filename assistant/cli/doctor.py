"""`murascope doctor`: what this installation has."""

import asyncio

import typer

from assistant.cli.common import settings_here


def doctor() -> None:
    """Say what this installation has: folders, weights, the LLM (asked for a real tool call), the engine's libraries."""
    raise typer.Exit(asyncio.run(_doctor()))


async def _doctor() -> int:
    from assistant.kinds.weights import local_backbones
    from assistant.llm.providers import choose, open_model, probe
    from assistant.machine.engine_process import EngineError, ask_engine
    from assistant.machine.masking import Mask, secrets_of

    settings = settings_here()
    provider = choose(settings)
    print(f"home      {settings.home}")
    print(f"database  {settings.database_url.split('@')[-1]}")
    print(f"weights   {settings.weights_folder}: {', '.join(local_backbones(settings)) or 'none'}; hub {settings.hub}")
    fine = True
    try:
        found = await ask_engine(settings, "catalog")
        print(f"engine    models: {', '.join(each['name'] for each in found)}")
    except EngineError as error:
        fine = False
        print(f"engine    {error}")
    if provider.name == "built-in":
        print("assistant built-in: no key is set, nothing leaves this machine")
        return 0 if fine else 1
    async with open_model(provider, settings) as model:
        result = await probe(model)
    said = Mask(secrets_of(settings)).text(f"{result.message} {result.hint}".strip())
    print(f"assistant {provider.label} (text goes to {provider.sends_data_to}): {said}")
    return 0 if fine and result.ok else 1
