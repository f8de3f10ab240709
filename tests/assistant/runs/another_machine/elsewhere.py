"""An executor that shares no disk with the server: it computes in a folder which stands for another machine.

The run's files, the models that it needs and its data set are copied there, and what it leaves is copied back. What is left to do on that
machine is what the local executor does on this one.
"""

import asyncio
import dataclasses
import shutil
from collections.abc import Sequence

from assistant.runs.executors import Claim, Executor, Gone, Status, Submission, lay_out
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

    async def submit(self, submission: Submission, *, claim: Claim) -> bool:
        data = self._machine / "data" / submission.dataset

        async def bring_and_claim() -> bool:
            """Asked where nobody else can start the run there, or its reports would be overwritten."""
            await asyncio.to_thread(shutil.copytree, submission.data, data, dirs_exist_ok=True)
            await asyncio.to_thread(lay_out, submission, self._files, runs=self._there.views)
            return await claim()

        await asyncio.to_thread(self._there.folder(submission.run).mkdir, parents=True, exist_ok=True)
        return await self._executor.submit(dataclasses.replace(submission, data=data), claim=bring_and_claim)

    async def status(self, run: str) -> Status:
        status = await self._executor.status(run)
        if not (isinstance(status, Gone) and not status.has_begun):
            await asyncio.to_thread(self._files.put, run, self._there.folder(run))
        return status

    async def cancel(self, run: str, *, grace_s: float) -> None:
        await self._executor.cancel(run, grace_s=grace_s)

    async def logs(self, run: str, lines: int) -> Sequence[str]:
        return await self._executor.logs(run, lines)
