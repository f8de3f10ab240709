"""Small made-up pictures with classes: grainy grey plates with a bright square, a dark bar, or a bright frame."""

from pathlib import Path

import numpy as np
from PIL import Image

from engine.contract.jobs.classify import ClassifyJob
from engine.datasets import Item

SIZE = 64
MARKS = {
    "square": (slice(20, 44), slice(20, 44), 240),
    "bar": (slice(28, 36), slice(0, 64), 10),
    "edge": (slice(0, 10), slice(0, 64), 240),
}


def plate(mark: str | None, number: int) -> np.ndarray:
    """Pixels (64, 64, 3) uint8."""
    generator = np.random.default_rng([number, len(mark or "")])
    grey = 120 + generator.normal(0, 6, (SIZE, SIZE))
    if mark is not None:
        rows, columns, brightness = MARKS[mark]
        grey[rows, columns] = brightness
    return np.stack([np.clip(grey, 0, 255).astype(np.uint8)] * 3, axis=-1)


def write_classes(folder: Path, names: dict[str, str | None], *, count: int = 10) -> Path:
    """A folder for each name, its pictures with the mark that stands for it."""
    for name, mark in names.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(plate(mark, number)).save(folder / name / f"{number:03d}.png")
    return folder


def items(counts: dict[str, int], *, groups: dict[str, int] | None = None) -> list[Item]:
    """Items without files; of a class with `groups`, each group has so many pictures."""
    found = []
    for name, count in counts.items():
        for number in range(count):
            group = f"{name} {number // groups[name]}" if groups and name in groups else None
            place = f"{name}/{number:03d}.png"
            label = "good" if name == "good" else "defective"
            found.append(Item(Path(place), place, "test", label, None if name == "good" else name, group=group))
    return found


def tiny_job(**settings: object) -> ClassifyJob:
    model = {
        name: settings.pop(name) for name in ("patience", "head_steps", "dropout", "learning_rate") if name in settings
    }
    own = {
        "image_size": SIZE,
        "batch_size": 4,
        "epochs": 3,
        "backbone": "test_resnet",
        "weights": "random",
        "device": "cpu",
    }
    return ClassifyJob.model_validate({"dataset": "marks", "model": {"name": "resnet", **model}, **own, **settings})
