"""From the yes to the engine's first word: `python benchmarks/first_event.py`.

Queues a real run under a real supervisor and takes the time until its first event (the process is up) and until the first stage
(torch is loaded), beside what `import torch` alone takes in a process of its own on the same machine in the same minute.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import Stage, Started
from engine.contract.jobs import make_job

REPEATS = 5


def main() -> None:
    torch_import = statistics.median(seconds_to_import_torch() for _ in range(REPEATS))
    with tempfile.TemporaryDirectory() as folder:
        first, stage = asyncio.run(measure(Path(folder)))
    print(f"import torch alone          {torch_import:6.2f} s")
    print(f"yes -> first event          {first:6.2f} s   {first / torch_import:5.2f} x import torch")
    print(f"yes -> first stage (loaded) {stage:6.2f} s   import torch + {stage - torch_import:.2f} s")


def seconds_to_import_torch() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - start


async def measure(folder: Path) -> tuple[float, float]:
    """Median seconds from queueing a run to its Started event, and to its first Stage."""
    data = folder / "data" / "good"
    data.mkdir(parents=True)
    noise = np.random.default_rng(0)
    for number in range(8):
        Image.fromarray(noise.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(data / f"{number}.png")
    spec = make_job("detect", "noise", "autoencoder", {"image_size": 64, "epochs": 1})
    firsts, stages = [], []
    async with Workspace.open(Settings(home=folder / "home")) as workspace, workspace.working():
        for _ in range(REPEATS):
            start = time.perf_counter()
            run = await workspace.runs.add(spec, data_path=str(data.parent))
            async for event in workspace.runs.follow(run.id):
                if isinstance(event, Started):
                    firsts.append(time.perf_counter() - start)
                elif isinstance(event, Stage) and len(stages) < len(firsts):
                    stages.append(time.perf_counter() - start)
    return statistics.median(firsts), statistics.median(stages)


if __name__ == "__main__":
    main()
