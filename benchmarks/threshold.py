"""How long setting a threshold takes: 10,000 tested images of 500 panels, asked for by each way.

    .venv/bin/python -m benchmarks.threshold

Prints the median of some settings each, from the wish to the stored version, and of reading the results at it, by the clock and of the
processor; the first also loads scipy. Asked for: at most 200 ms.
"""

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from assistant.runs.results import load
from assistant.runs.thresholds import options, read_asked, set_threshold
from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.checksums import LIST
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.results.detect import (
    DetectCard,
    DetectMetrics,
    DetectResults,
    HeldOut,
    OfType,
    ScoreRow,
    Thresholds,
)
from engine.contract.thresholds import split_conformal, told

IMAGES, DEFECTIVE, GOOD_IMAGES, PANELS, TIMES = 10_000, 2_000, 1_000, 500, 5
WISHES = (
    {"overkill_rate": 0.03},
    {"escape_rate": 0.0},
    {"escape_cost": 10.0},
    {"value": 2.0},
    {"to": "f1"},
    {"to": "previous"},
)


async def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        async with Workspace.open(Settings(home=Path(home))) as workspace:
            row = await _measured(workspace)
            for panels in (False, True):
                _write(workspace.runs.folder(row.id), panels=panels)
                print(f"{IMAGES} images{f' of {PANELS} panels' if panels else ''}")
                for wish in WISHES:
                    setting, reading = [], []
                    for _ in range(TIMES):
                        started = _now()
                        row = await set_threshold(workspace.runs, row, read_asked(wish), who="python")
                        setting.append(_now() - started)
                        started = _now()
                        load(row, workspace.runs.folder(row.id), DetectResults)
                        reading.append(_now() - started)
                    first = f" (the first {_said(setting[:1])})" if wish is WISHES[0] and not panels else ""
                    print(f"  {wish}: set in {_said(setting)}{first}; read at it in {_said(reading)}")
                started = _now()
                await options(workspace.runs, row)
                print(f"  options: {_said([_now() - started])}")


def _now() -> np.ndarray:
    """Seconds of the clock, and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def _said(seconds: list[np.ndarray]) -> str:
    clock, processor = np.median(seconds, axis=0) * 1000
    return f"{clock:.0f} ms ({processor:.0f} of the processor)"


async def _measured(workspace: Workspace) -> RunRow:
    row = await workspace.runs.add(make_job("detect", "panels", "patchcore"), data_path="/d")
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics={})
    return await workspace.runs.get(row.id)


def _write(folder: Path, *, panels: bool) -> None:
    """An evaluation of scores that overlap, and the card of the model."""
    generator = np.random.default_rng(0)
    held_out = generator.normal(size=GOOD_IMAGES).tolist()
    threshold = split_conformal(held_out, overkill_rate=0.05)
    scores = generator.normal(size=IMAGES)
    scores[:DEFECTIVE] += 2
    rows = [
        ScoreRow(
            index=index, name=f"test/{index:05d}.png", label="defective" if index < DEFECTIVE else "good",
            defect_type=f"type {index % 5}" if index < DEFECTIVE else None, score=float(score), is_anomalous=bool(score > threshold.value),
            p_value=0.5, has_truth=True, map_high=float(score) / 2, group=f"panel {index % PANELS}" if panels else None,
            defect_area=0.01 if index < DEFECTIVE else None, true_regions=((0.01, float(score) / 2),) if index < DEFECTIVE else (),
        )
        for index, score in enumerate(scores)
    ]  # fmt: skip
    called = Counter((row.defect_type, row.is_anomalous) for row in rows if row.defect_type is not None)
    types = {
        name: OfType(count=DEFECTIVE // 5, found=called[name, True], missed=called[name, False])
        for name in sorted({name for name, _ in called})
    }
    metrics = DetectMetrics(
        metrics={"region_recall": 0.5}, threshold=told(threshold, pixel=threshold.value / 2), map_scale=(-5, 5), per_defect_type=types, seed=0
    )  # fmt: skip
    run = RunFolder(folder)
    run.evaluation.path.mkdir(exist_ok=True)
    run.evaluation.write(DetectResults(metrics=metrics, rows=rows))
    run.evaluation.seal()
    run.model.path.mkdir(exist_ok=True)
    highs = [score / 2 for score in held_out]
    pixel = split_conformal(highs, overkill_rate=0.05)
    run.model.write_card(
        DetectCard(
            spec=make_job("detect", "panels", "patchcore").model_dump(),
            thresholds=Thresholds(image=threshold, pixel=pixel),
            calibration=HeldOut(scores=held_out, map_highs=highs),
            checksums=LIST,
        )
    )
    run.model.seal()


if __name__ == "__main__":
    asyncio.run(main())
