"""A served model against the bare engine and against its backbone alone, in one run.

`python -m benchmarks.serving --data FOLDER --weights FOLDER`, FOLDER a data set in MVTec layout. PatchCore is trained on it at 256 px (kept in
`--work`), and then the same test pictures are judged, round by round in turn, by

- the backbone: forward passes of its network on batches that lie ready, nothing else;
- the bare engine: a Scorer over a Loader in one process, from files to scores and maps;
- served: the same files through the pool to a warm worker, scores and regions, no files drawn;
- explained: served with the good patches most like each region, and heatmaps written;
- over HTTP: served, as uploads to a real server, each prediction on record;
- HTTP, explained: the same with the good patches most like each region, and heatmaps written, as a request gets them that says nothing.

Told are the median over rounds of images a second with many in flight, the processor's milliseconds an image (of the computing process, which other
work beside it does not change as much), p50 and p95 of one at a time, and the peak memory of the computing process.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil

from assistant.machine.metrics import Metrics
from assistant.models.serving.pool import Picture, Pool
from assistant.models.serving.references import Servable
from assistant.settings import Settings
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from tests.serving import environment_of, serving

IN_FLIGHT = 16
WAYS = ("backbone", "bare engine", "served", "explained", "over HTTP", "HTTP, explained")
BATCH = 8


@dataclass
class Seen:
    """Of one way: seconds and processor seconds of each round, seconds of each picture that was asked alone, and peak memory."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    peak_mb: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--scales", type=int, default=1)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("/tmp/murascope-serving"))
    options = parser.parse_args()
    os.environ["MURASCOPE_HUB"] = "off"
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # as the engine sets it: threads that wait in a loop slow everything beside them
    run = _trained(options)
    pictures = sorted((options.data / "test").rglob("*.*"))[
        :: max(1, len(list((options.data / "test").rglob("*.*"))) // options.images)
    ]
    pictures = pictures[: options.images]
    asyncio.run(_measure(options, run, pictures))


async def _measure(options: argparse.Namespace, run: Path, pictures: Sequence[Path]) -> None:
    settings = Settings(home=options.work / "home", weights=options.weights, hub="off", serving_queue=10_000)
    servable = Servable("r1", "r1", "r1", run, "detect", "data")
    ways = {name: Seen() for name in WAYS}
    bare = ProcessPoolExecutor(
        1,
        mp_context=get_context("spawn"),
        initializer=_load,
        initargs=(run, options.weights, [str(each) for each in pictures]),
    )
    loop = asyncio.get_running_loop()
    environment = environment_of(settings.home) | {
        "MURASCOPE_WEIGHTS": str(options.weights), "MURASCOPE_SERVING_QUEUE": "1000",
    }  # fmt: skip
    pool = Pool(settings, Metrics())
    with serving(environment) as address:
        async with httpx.AsyncClient(base_url=address, timeout=120) as client:

            async def over_http(chosen: Sequence[Path], *, explained: bool) -> None:
                for path in chosen:
                    answer = await client.post(
                        "/api/models/r1/predict",
                        params={"heatmap": explained, "nearest": explained},
                        content=path.read_bytes(),
                        headers={"content-type": "application/octet-stream"},
                    )
                    answer.raise_for_status()

            async def asked(chosen: Sequence[Path], **how: Any) -> None:
                drawn = settings.home / "drawn"
                drawn.mkdir(parents=True, exist_ok=True)
                wanted = [
                    Picture(path.name, path=path, draw=str(drawn / f"{i}_") if how["nearest"] else None, **how)
                    for i, path in enumerate(chosen)
                ]
                for told in await pool.judge(servable, wanted):
                    assert not isinstance(told, Exception), told

            async def many(ask: Callable[[Sequence[Path]], Any]) -> None:
                parts = [pictures[at::IN_FLIGHT] for at in range(IN_FLIGHT)]
                await asyncio.gather(*(ask(part) for part in parts))

            await asked(pictures[:BATCH], nearest=True)
            await over_http(pictures[:2], explained=True)
            own = psutil.Process(pool.workers()["r1"])
            server = _worker_of(address)
            for number in range(options.rounds):
                for name, function in (("backbone", _backbone_alone), ("bare engine", _bare)):
                    seconds, processor, peak = await loop.run_in_executor(bare, function)
                    _note(ways[name], seconds, processor, peak)
                await _timed(ways["served"], own, lambda: asked(pictures, nearest=False))
                await _timed(ways["explained"], own, lambda: asked(pictures, nearest=True))
                for name, explained in (("over HTTP", False), ("HTTP, explained", True)):
                    uploads = partial(over_http, explained=explained)
                    await _timed(ways[name], server, lambda uploads=uploads: many(uploads))
                for path in pictures[: 16 if number == 0 else 8]:
                    ways["bare engine"].alone.append(await loop.run_in_executor(bare, _one, str(path)))
                    for name, ask in (
                        ("served", lambda path=path: asked([path], nearest=False)),
                        ("explained", lambda path=path: asked([path], nearest=True)),
                        ("over HTTP", lambda path=path: over_http([path], explained=False)),
                        ("HTTP, explained", lambda path=path: over_http([path], explained=True)),
                    ):
                        began = time.perf_counter()
                        await ask()
                        ways[name].alone.append(time.perf_counter() - began)
    await pool.close()
    bare.shutdown()
    _tell(options, ways, len(pictures))


def _tell(options: argparse.Namespace, ways: dict[str, Seen], count: int) -> None:
    print(
        f"{options.data.name}, PatchCore on {options.backbone}, 256 px, {options.scales} scale(s), {count} pictures, {options.rounds} rounds, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':<16}{'images/s':>10}{'CPU ms':>9}{'p50 ms':>9}{'p95 ms':>9}{'peak MB':>9}")
    for name, seen in ways.items():
        alone = sorted(1000 * each for each in seen.alone)
        p50, p95 = (f"{alone[int(share * (len(alone) - 1))]:.0f}" if alone else "-" for share in (0.5, 0.95))
        print(
            f"{name:<16}{count / statistics.median(seen.seconds):>10.1f}{1000 * statistics.median(seen.processor) / count:>9.1f}"
            f"{p50:>9}{p95:>9}{seen.peak_mb:>9.0f}"
        )
    bare, backbone = ways["bare engine"], ways["backbone"]
    for name in WAYS[2:]:
        seen = ways[name]
        time_ratio = statistics.median(a / b for a, b in zip(seen.seconds, bare.seconds, strict=True))
        share = statistics.median(b / a for a, b in zip(seen.seconds, backbone.seconds, strict=True))
        work = statistics.median(seen.processor) / statistics.median(bare.processor)
        print(
            f"{name}: {time_ratio:.2f} times the bare engine's time (processor {work:.2f}; at most 1.3 is wanted), "
            f"{share:.0%} of what the backbone alone would allow (80 % is wanted); "
            f"memory {seen.peak_mb / bare.peak_mb:.2f}"
        )
    ceiling = statistics.median(b / a for a, b in zip(bare.seconds, backbone.seconds, strict=True))
    print(f"the bare engine itself reaches {ceiling:.0%} of what the backbone alone would allow")


async def _timed(seen: Seen, process: psutil.Process, work: Callable[[], Any]) -> None:
    before, began = _processor(process), time.perf_counter()
    await work()
    _note(seen, time.perf_counter() - began, _processor(process) - before, _peak(process))


def _note(seen: Seen, seconds: float, processor: float, peak_mb: float) -> None:
    seen.seconds.append(seconds)
    seen.processor.append(processor)
    seen.peak_mb = max(seen.peak_mb, peak_mb)


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _worker_of(address: str) -> psutil.Process:
    """The process that computes for the server which listens there."""
    port = int(address.rstrip("/").rpartition(":")[2])
    for server in psutil.Process().children():
        is_it = any(each.laddr.port == port for each in server.net_connections() if each.status == "LISTEN")
        workers = [each for each in server.children() if "engine" in each.cmdline() and "serve" in each.cmdline()]
        if is_it and workers:
            return workers[0]
    raise LookupError(f"no worker of {address}")


# What runs in the process of the bare engine.
_here: dict[str, Any] = {}


def _load(run: Path, weights: Path, pictures: list[str]) -> None:
    from engine.contract.pictures import read_picture
    from engine.datasets.loading import batch_of
    from engine.scorer import Scorer

    scorer, card = Scorer.load(RunFolder(run).model, weights_folder=weights, hub=False)
    size = card.spec["image_size"]
    read = [read_picture(Path(each), size=size) for each in pictures]
    batches = [batch_of(read[at : at + BATCH], pictures[at : at + BATCH]) for at in range(0, len(read), BATCH)]
    _here.update(scorer=scorer, size=size, pictures=pictures, batches=batches)
    _here["scorer"].score(batches[0])


def _backbone_alone() -> tuple[float, float, float]:
    import torch

    def work() -> None:
        with torch.inference_mode():
            for batch in _here["batches"]:
                _here["scorer"].model.backbone(batch.images)

    return _taken(work)


def _bare() -> tuple[float, float, float]:
    from engine.datasets import Item
    from engine.datasets.loading import Loader, Pictures

    def work() -> None:
        items = [Item(Path(each), each, "test", "unknown") for each in _here["pictures"]]
        loader = Loader(
            items, image_size=_here["size"], batch_size=BATCH, pictures=Pictures(image_size=_here["size"], memory_mb=0)
        )
        for batch in loader:
            _here["scorer"].score(batch)

    return _taken(work)


def _one(path: str) -> float:
    from engine.contract.pictures import read_picture
    from engine.datasets.loading import batch_of

    began = time.perf_counter()
    _here["scorer"].score(batch_of([read_picture(Path(path), size=_here["size"])], [path]))
    return time.perf_counter() - began


def _taken(work: Callable[[], None]) -> tuple[float, float, float]:
    began, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - processor, _peak(psutil.Process())


def _trained(options: argparse.Namespace) -> Path:
    """The folder of a run in a home of its own, made once."""
    from assistant.workspace import Workspace

    settings = Settings(home=options.work / "home", weights=options.weights, hub="off")
    chosen = {"backbone": options.backbone, "image_size": 256, "scales": options.scales, "weights": "pretrained"}

    async def train() -> Path:
        async with Workspace.open(settings) as workspace:
            if not (rows := await workspace.runs.list(state="succeeded")):
                await workspace.runs.add(
                    make_job("detect", options.data.name, "patchcore", chosen), data_path=str(options.data)
                )
                async with workspace.working():
                    while not (rows := await workspace.runs.list(state="succeeded")):
                        assert not await workspace.runs.list(state="failed")
                        await asyncio.sleep(0.5)
            return workspace.runs.folder_of(rows[0])

    return asyncio.run(train())


if __name__ == "__main__":
    sys.exit(main())
