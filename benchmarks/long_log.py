"""The page of a run whose log holds very many events: `python -m benchmarks.long_log [--events 1000000]`.

A finished run behind the real application in a process of its own, beside one with 1,000 events. What counts is how long the page takes, how long
until its socket has told the run's last word, how many events it was told, and by how much the process grew meanwhile.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from assistant.settings import Settings
from assistant.workspace import Workspace
from benchmarks.measuring import Taken, in_own_process
from engine.contract.events import Batches, Epoch, Event, Finished, Stage, Started, System, as_line
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from web.app import create_app

FEW, EPOCHS = 1_000, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    print(
        "| events | log, MB | page, ms | until the last word, s | of the processor | events told | memory, MB |\n|---|---|---|---|---|---|---|"
    )
    for count in (FEW, options.events):
        with tempfile.TemporaryDirectory() as folder:
            taken = in_own_process(opened, Path(folder), count)
            size, page, clock, work, told = taken.result
            print(
                f"| {count:,} | {size:.1f} | {page:.0f} | {clock:.2f} | {work:.2f} | {told:,} | {taken.peak_mb:.0f} |",
                flush=True,
            )


def opened(home: Path, count: int) -> Taken:
    """Open the page and hear its socket out."""
    settings = Settings(home=home, hub="off")
    run = asyncio.run(fill(settings, count))
    process, told, grown = psutil.Process(), 0, 0
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        client.get("/runs")
        before, started, worked = process.memory_info().rss, time.perf_counter(), time.process_time()
        assert client.get(f"/runs/{run}", headers={"accept": "text/html"}).status_code == 200
        page = time.perf_counter() - started
        with client.websocket_connect(f"ws://localhost/ws/runs/{run}?after=0") as socket:
            while True:
                try:
                    last = json.loads(socket.receive_text())
                except WebSocketDisconnect:
                    break
                told += 1
                grown = max(grown, process.memory_info().rss - before)
        assert last["type"] == "finished", last
        clock, work = time.perf_counter() - started, time.process_time() - worked
    size = RunFolder(settings.runs_folder / run).events.stat().st_size / 1e6
    return Taken(clock, grown / 1e6, (size, 1e3 * page, clock, work, told))


async def fill(settings: Settings, count: int) -> str:
    async with Workspace.open(settings) as workspace:
        row = await workspace.runs.add(make_job("detect", "panels", "autoencoder"), data_path="/data")
        with RunFolder(workspace.runs.folder(row.id)).events.open("wb") as log:
            for seq, event in enumerate(reported(count), 1):
                event.seq, event.time, event.elapsed_s = seq, 1e9 + seq / 10, seq / 10
                log.write(as_line(event))
        await workspace.runs.claim_one(row.id)
        await workspace.runs.end(row.id, "succeeded", metrics={"image_auroc": 0.9}, worked_s=count / 10)
        return row.id


def reported(count: int) -> Iterator[Event]:
    yield Started(model="autoencoder", dataset="panels")
    yield Stage(name="training", stages=["training"])
    between = max(count // EPOCHS, 2)
    for number in range(3, count):
        if number % between == 0:
            yield Epoch(epoch=number // between, epochs=EPOCHS, loss=1 / number, lr=0.1, best=True)
        elif number % 10 == 0:
            yield System(cpu_percent=100, memory_mb=500 + number % 97)
        else:
            yield Batches(what="training", done=number % between, total=between, epoch=1 + number // between)
    yield Finished(metrics={"image_auroc": 0.9}, seconds={"total": count / 10})


if __name__ == "__main__":
    main()
