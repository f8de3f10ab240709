"""What is measured of pictures whose light is known."""

import numpy as np
import pytest
from PIL import Image

from engine.contract.events import Finished
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.results.photometry import PhotometryResults
from engine.report import Report
from engine.tasks import run_job
from engine.tasks.photometry.run import measured


def test_a_plain_picture_has_no_contrast_and_nothing_sharp():
    figures = measured(np.full((8, 8, 3), 51, dtype=np.uint8), clipped_at=0.98)
    assert figures == pytest.approx({"brightness": 0.2, "contrast": 0.0, "sharpness": 0.0, "clipped": 0.0})


def test_a_class_is_told_by_the_means_of_its_pictures(tmp_path):
    for name, greys in {"bright": (250, 255), "dark": (20, 30)}.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for grey in greys:
            Image.new("RGB", (64, 64), (grey,) * 3).save(tmp_path / "data" / name / f"{grey}.png")
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    job = make_job("photometry", "plates", "pixel_statistics", {"image_size": 64})
    folder.write_job(job)
    report = Report(folder.path)
    finished = run_job(job, folder, data=tmp_path / "data", report=report)
    report.log.close()
    results = folder.evaluation.read(PhotometryResults)
    assert isinstance(finished, Finished) and finished.metrics == results.metrics.metrics
    assert {name: each.count for name, each in results.metrics.per_class.items()} == {"bright": 2, "dark": 2}
    assert results.metrics.per_class["dark"].brightness == pytest.approx(25 / 255)
    assert results.metrics.per_class["bright"].clipped == 1.0
