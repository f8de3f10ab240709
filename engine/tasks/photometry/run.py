"""The story of a measurement of light: every picture is read once and measured; a class is told by the means of its pictures."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract.events import Artifact, Batches, Evaluation, Finished
from engine.contract.folder import EvaluationFolder, RunFolder
from engine.contract.jobs.photometry import PhotometryJob
from engine.contract.plain_files import whole_folder
from engine.contract.results.photometry import OfPictures, PhotometryMetrics, PhotometryResults, PhotometryRow
from engine.datasets import Item
from engine.datasets.class_sizes import class_of
from engine.datasets.loading import Loader, Pictures
from engine.evaluation.inspection import with_positions
from engine.report import Report
from engine.tasks.place import Place
from engine.tasks.reading import DataFolder

FIGURES = ("brightness", "contrast", "sharpness", "clipped")


def run(job: PhotometryJob, folder: RunFolder, *, data: DataFolder, report: Report, place: Place) -> Finished:
    """Run the job and fill the folder; see engine/tasks/__init__.py."""
    pictures = Pictures(image_size=job.image_size)
    read = data.read(pictures, report)
    loader = Loader(read.items, image_size=job.image_size, batch_size=job.batch_size, pictures=pictures)

    report.begin("evaluating")
    with whole_folder(folder.evaluation.path) as aside:
        written = EvaluationFolder(aside)
        written.pictures("inputs").mkdir()
        rows: list[PhotometryRow] = []
        for start, batch in with_positions(loader):
            for position in range(len(batch)):
                index, pixels = start + position, batch.pixels(position)
                Image.fromarray(pixels).save(written.picture("inputs", index), quality=92)
                figures = measured(pixels, clipped_at=job.model.clipped_at)
                rows.append(PhotometryRow.model_validate(_told(loader.items[index], index) | figures))
            report(Batches(what="evaluating", done=len(rows), total=loader.images))
        counts = {"pictures": len(rows), "broken": len(read.broken)}
        metrics = PhotometryMetrics(
            metrics=dict(_means(rows)), counts=counts, per_class=_by_class(rows), synthetic=read.dataset.synthetic
        )
        written.write(PhotometryResults(metrics=metrics, rows=rows))
        written.seal()
    report(Artifact(kind="metrics", path=str(folder.evaluation.metrics.relative_to(folder.path))))
    report(Evaluation(metrics=metrics.metrics))
    return Finished(metrics=metrics.metrics, seconds=report.seconds())


def measured(pixels: NDArray[np.uint8], *, clipped_at: float) -> dict[str, float]:
    """Of a picture (H, W, 3): mean and deviation of its grey, the deviation of its Laplacian, and the share of clipped pixels."""
    grey = pixels.astype(np.float64).mean(axis=2) / 255  # (H, W)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    laplacian = around - 4 * grey[1:-1, 1:-1]  # (H - 2, W - 2)
    values = (grey.mean(), grey.std(), laplacian.std(), (grey >= clipped_at).mean())
    return {name: float(value) for name, value in zip(FIGURES, values, strict=True)}


def _told(item: Item, index: int) -> dict[str, object]:
    return {"index": index, "name": item.name, "class": "" if item.label == "unknown" else class_of(item)}


def _means(rows: list[PhotometryRow]) -> dict[str, float]:
    return {name: float(np.mean([getattr(row, name) for row in rows])) for name in FIGURES}


def _by_class(rows: list[PhotometryRow]) -> dict[str, OfPictures]:
    names = sorted({row.label for row in rows if row.label})
    classes = {name: [row for row in rows if row.label == name] for name in names}
    return {name: OfPictures(count=len(own), **_means(own)) for name, own in classes.items()}
