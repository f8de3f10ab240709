"""An executor that shares no disk with the server: it computes in a folder which stands for another machine.

The run's files, the models that it needs and its data set are copied there, and what it leaves is copied back. What is left to do on that
machine is what the local executor does on this one.
"""

import asyncio
import dataclasses
import shutil
from collections.abc import Sequence

from assistant.runs.executors import Executor, Order, Status, Unknown, lay_out, order_parts
from assistant.runs.executors.local import LocalExecutor
from assistant.runs.files import LocalFiles, RunFiles
from assistant.settings import Settings


def open_executor(settings: Settings, files: RunFiles) -> Executor:
    return Elsewhere(settings, files)


class Elsewhere:
    def __init__(self, settings: Settings, files: RunFiles):
        self._files = files
        self._machine = settings.home.with_name("another-machine")
        self._there = LocalFiles(self._machine / "runs")
        self._executor = LocalExecutor(settings, self._there)

    shares_disk = True  # in effect: all that it leaves is copied back whenever somebody asks how it is

    async def devices(self) -> list[str]:
        return []

    async def ready(self, order: Order) -> None:
        await asyncio.to_thread(self._machine.mkdir, exist_ok=True)

    async def submit(self, order: Order) -> None:
        if not isinstance(await self._executor.status(order.id), Unknown):
            return
        data = self._machine / "data" / order.dataset
        await asyncio.to_thread(shutil.copytree, order.data, data, dirs_exist_ok=True)
        await asyncio.to_thread(lay_out, order, self._files, runs=self._there.views)
        await self._executor.submit(dataclasses.replace(order, data=data))

    async def status(self, order: str) -> Status:
        status, run = await self._executor.status(order), order_parts(order)[0]
        if not isinstance(status, Unknown):
            await asyncio.to_thread(self._files.put, run, self._there.folder(run))
        return status

    async def cancel(self, order: str, *, grace_s: float) -> None:
        await self._executor.cancel(order, grace_s=grace_s)

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        return await self._executor.logs(order, lines)
