"""The list of runs where there are many: `python -m benchmarks.many_runs [--runs 10000]`.

A home whose database holds so many finished runs, beside one with 100, each behind the real application in a process of its own. What
counts is the median of the answers to each question, as the clock tells and as the processor worked for it (which others on the machine do not
change), and the memory of the process after all of them.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psutil
from starlette.testclient import TestClient

from assistant.settings import Settings
from assistant.store.tables import RunRow, now
from assistant.workspace import Workspace
from benchmarks.measuring import Taken, in_own_process
from engine.contract.jobs import make_job
from web.app import create_app

FEW, REPEATS, AT_ONCE = 100, 21, 1000
PAGE = {"accept": "text/html"}
QUESTIONS = {
    "page /runs": "/runs?lang=en",
    "page, searched": "/runs?lang=en&q=line+padim",
    "page, by AUROC": "/runs?lang=en&sort=-result",
    "page, by a setting": "/runs?lang=en&sort=setting.image_size",
    "page, with a tag": "/runs?lang=en&tag=night",
    "the next rows": "/runs/rows?first=50",
    "GET /api/runs": "/api/runs",
    "GET /api/runs?state": "/api/runs?state=failed",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few, many = (in_own_process(ask, Path(folder, str(count)), count) for count in (FEW, options.runs))
    heads = f"question, median of {REPEATS} | {FEW} runs, ms (processor) | {options.runs:,} runs, ms (processor)"
    print(f"| {heads} | ratio (processor) |\n|---|---|---|---|")
    for name in QUESTIONS:
        (clock, work), (clock_many, work_many) = few.result[name], many.result[name]
        ratios = f"{clock_many / clock:.1f} ({work_many / work:.1f})"
        print(f"| {name} | {clock:.0f} ({work:.0f}) | {clock_many:.0f} ({work_many:.0f}) | {ratios} |")
    print(f"| memory that the questions took, MB | {few.peak_mb:.0f} | {many.peak_mb:.0f} | |")


def ask(home: Path, count: int) -> Taken:
    """The median milliseconds of each question, by the clock and of the processor, and by how much they made the process grow."""
    settings = Settings(home=home, hub="off")
    asyncio.run(fill(settings, count))
    process, medians = psutil.Process(), {}
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        client.get("/runs", headers=PAGE)
        before = process.memory_info().rss
        for name, address in QUESTIONS.items():
            taken = [times_of(client, address) for _ in range(REPEATS)]
            medians[name] = tuple(statistics.median(each) for each in zip(*taken, strict=True))
        grown = (process.memory_info().rss - before) / 1e6
    return Taken(0.0, grown, medians)


def times_of(client: TestClient, address: str) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor, all threads of the process together."""
    started, worked = time.perf_counter(), time.process_time()
    answer = client.get(address, headers=PAGE if "/runs?lang" in address else {})
    taken = 1e3 * (time.perf_counter() - started), 1e3 * (time.process_time() - worked)
    assert answer.status_code == 200, answer.text
    return taken


async def fill(settings: Settings, count: int) -> None:
    """Runs of several models and data sets that ended in every way; their folders are not made."""
    chance = random.Random(0)
    async with Workspace.open(settings) as workspace:
        place = workspace.runs.place
        for first in range(1, count + 1, AT_ONCE):
            async with workspace.database.session() as session:
                session.add_all(
                    finished(number, chance, place.home, place.host)
                    for number in range(first, min(first + AT_ONCE, count + 1))
                )


def finished(number: int, chance: random.Random, home: str, host: str) -> RunRow:
    model = chance.choice(("patchcore", "padim", "autoencoder", "stfpm", "fastflow"))
    size = chance.choice((64, 128, 256))
    job = make_job("detect", f"panels_{number % 7}", model, {"image_size": size, "seed": number})
    state = chance.choice(("succeeded", "succeeded", "succeeded", "failed", "stopped"))
    metrics = {
        name: chance.random()
        for name in ("image_auroc", "image_aupr", "pixel_auroc", "worst_type_auroc", "overkill", "missed")
    }
    begun = now() - timedelta(minutes=number)
    return RunRow(
        id=f"r{number}", number=number, kind=job.kind, executor="local", home=home, host=host, state=state, dataset=job.dataset, data_path="/data",
        subject=job.subject, spec=job.model_dump(mode="json"), attempts=1, metrics=metrics if state == "succeeded" else None,
        reason="it was cut off" if state == "failed" else None, name=f"line {number % 13}", tags=["night"] if number % 5 == 0 else [],
        created_at=begun, started_at=begun, finished_at=begun + timedelta(seconds=30), worked_s=chance.uniform(5, 500),
    )  # fmt: skip


if __name__ == "__main__":
    main()
