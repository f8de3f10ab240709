"""Small made-up data sets: grainy grey plates, the defective ones with a bright patch, and the mask of it."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from engine.contract.events import Event, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, make_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS
from engine.datasets import Item
from engine.datasets.factory import open_dataset
from engine.report import Report
from engine.tasks import run_job

SIZE = 64
TINY = {"image_size": SIZE, "batch_size": 4, "backbone": "mobilenetv2_100", "weights": "random", "device": "cpu"}


def plate(number: int, *, defective: bool = False, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (size, size, 3) and mask (size, size), both uint8, by number."""
    generator = np.random.default_rng([number, int(defective)])
    rows = np.linspace(0, 6 * np.pi, size)[:, None]
    grey = 110 + 15 * np.sin(rows + generator.uniform(0, 0.5)) + generator.normal(0, 4, (size, size))
    mask = np.zeros((size, size), dtype=np.uint8)
    if defective:
        top, left = generator.integers(size // 8, size // 2, 2)
        mask[top : top + size // 4, left : left + size // 4] = 255
        grey[mask > 0] += generator.choice([-70, 90])
    pixels = np.clip(grey, 0, 255).astype(np.uint8)
    return np.stack([pixels] * 3, axis=-1), mask


def write_mvtec(folder: Path, *, train: int = 16, good: int = 4, defective: int = 4, masks: bool = True) -> Path:
    """A data set in MVTec layout; returns its folder."""
    for split, count in (("train", train), ("test", good)):
        for number in range(count):
            _save(folder / split / "good" / f"{number:03d}.png", plate(number + (1000 if split == "test" else 0))[0])
    for number in range(defective):
        pixels, mask = plate(number, defective=True)
        _save(folder / "test" / "patch" / f"{number:03d}.png", pixels)
        if masks:
            _save(folder / "ground_truth" / "patch" / f"{number:03d}_mask.png", mask)
    return folder


def items_of(folder: Path, *, split: str) -> list[Item]:
    return [item for item in open_dataset(folder).items if item.split == split]


def tiny_spec(model: str, **settings: object) -> DetectJob:
    own = {**TINY, **settings}
    if MODELS[model].default_backbone is None:
        own.pop("backbone")
    return make_job("detect", "tiny", model, own)


def write_run(folder: Path, spec: Job) -> Path:
    folder.mkdir(parents=True)
    RunFolder(folder).spec.write_text(json.dumps(spec.model_dump()))
    return folder


def run_here(folder: Path, spec: DetectJob, data: Path, *, approved: str | None = None) -> list[Event]:
    """Run the spec in this process, in a new run folder or in one that was cut off; what it reported."""
    if not folder.exists():
        write_run(folder, spec)
    report = Report(folder)
    try:
        run_job(spec, RunFolder(folder), data=data, report=report, hub=False, approved_data=approved)
    finally:
        report.log.close()
    return read_events(folder)


def read_map(path: Path, *, scale: tuple[float, float]) -> np.ndarray:
    """The raw scores (H, W) of a stored map, as the page reads them."""
    low, high = scale
    with Image.open(path) as image:
        return low + np.asarray(image, dtype=np.float64) * ((high - low) / 65535)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
