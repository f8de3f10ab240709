"""A data set of synthetic OLED panels, for a first try without any pictures of one's own. Results from it are marked synthetic."""

import json
import os
import shutil
from pathlib import Path

import numpy as np

from engine.datasets.synthetic.defects import DEFECTS
from engine.datasets.synthetic.panel import Camera, Photograph, good_panel, make_camera, photograph
from engine.png import save_mask, save_png

TRAIN_GOOD, TEST_GOOD, PER_DEFECT = 60, 20, 8
FACTS = "murascope.json"


def write_demo(folder: Path, *, seed: int = 0) -> Path:
    """Write the demo data set in MVTec layout: 60 good panels to train, 20 good and 8 of each of five defects to test.

    The same seed gives the same pictures; a folder that holds them already is left as it is.

    Raises:
        FileExistsError: the folder holds something else.
    """
    facts = {"title": "Demo: synthetic OLED panels", "synthetic": True, "licence": "Apache-2.0", "seed": seed}
    if folder.exists() and any(folder.iterdir()):
        return _same_demo(folder, facts)
    aside = folder.with_name(folder.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    camera = make_camera(np.random.default_rng([seed, 0]))
    kinds = [
        ("train", "good", TRAIN_GOOD),
        ("test", "good", TEST_GOOD),
        *(("test", kind, PER_DEFECT) for kind in DEFECTS),
    ]
    for number, (split, kind, count) in enumerate(kinds, start=1):
        (aside / split / kind).mkdir(parents=True)
        for i in range(count):
            shot = _shoot(kind, camera, np.random.default_rng([seed, number, i]))
            save_png(aside / split / kind / f"{i:03d}.png", shot.image, compress_level=6)
            if kind in DEFECTS:
                (aside / "ground_truth" / kind).mkdir(parents=True, exist_ok=True)
                save_mask(aside / "ground_truth" / kind / f"{i:03d}_mask.png", shot.truth)
    (aside / FACTS).write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(aside, folder)
    return folder


def _shoot(kind: str, camera: Camera, generator: np.random.Generator) -> Photograph:
    panel = good_panel(generator)
    if kind in DEFECTS:
        DEFECTS[kind](panel, generator)
    return photograph(panel, camera, generator)


def _same_demo(folder: Path, facts: dict[str, object]) -> Path:
    try:
        found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found != facts:
        raise FileExistsError(
            f"{folder} is not empty and does not hold the demo of seed {facts['seed']}; name another folder, or remove it"
        )
    return folder
