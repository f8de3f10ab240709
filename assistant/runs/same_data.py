"""Other finished runs on the same data as a run: what they found is evidence for what to do next."""

from pathlib import Path

from assistant.runs.queue import Queue
from assistant.store.tables import RunRow

LOOKED_AT = 60
MOST = 12


async def on_the_same_data(runs: Queue, row: RunRow) -> list[tuple[RunRow, Path]]:
    """Those of its kind on the very same images that lie in this home, the newest first, with their folders."""
    if row.state != "succeeded" or row.fingerprint is None:
        return []
    finished = await runs.list(state="succeeded", dataset=row.dataset, limit=LOOKED_AT)
    alike = [
        each
        for each in finished
        if each.id != row.id and (each.kind, each.fingerprint) == (row.kind, row.fingerprint) and runs.place.has(each)
    ]
    return [(each, runs.folder_of(each)) for each in alike[:MOST]]
