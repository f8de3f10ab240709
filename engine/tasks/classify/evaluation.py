"""Classes the test pictures and writes the evaluation of a run: figures, a row for each picture, and what was seen in it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract.folder import EvaluationFolder
from engine.contract.plain_files import whole_folder
from engine.contract.results.classify import ClassifyMetrics, ClassifyResults, ClassRow, Learnt
from engine.datasets.class_sizes import class_of
from engine.datasets.loading import Loader
from engine.evaluation.heatmaps import overlay
from engine.evaluation.inspection import with_positions
from engine.png import save_png
from engine.report import Report
from engine.tasks.classify.card import weights_of
from engine.tasks.classify.measurement import measure
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.classify.sharing import Shared
from engine.tasks.reading import Read

WRITERS = 4
CONTOUR_AT = 0.5  # of the strongest place


def evaluate(
    scorer: ClassScorer,
    loader: Loader,
    folder: EvaluationFolder,
    *,
    shared: Shared,
    read: Read,
    learnt: Learnt | None,
    seed: int,
    report: Report,
) -> ClassifyResults:
    """Class the test pictures and write `folder` whole; `learnt` is told with the figures."""
    said = scorer.probabilities(loader, what="evaluating", report=report)
    labels = np.array([shared.index_of(item) for item in loader.items])
    measured = measure(said, labels, shared.classes, groups=[item.group for item in loader.items], seed=seed)
    called = scorer.called(said)
    rows = [
        ClassRow.model_validate(
            {
                "index": index,
                "name": item.name,
                "class": class_of(item),
                "predicted": shared.classes[called[index]],
                "probability": float(said[index].max()),
                "correct": bool(called[index] == labels[index]),
            }
        )
        for index, item in enumerate(loader.items)
    ]
    with whole_folder(folder.path) as aside:
        written = EvaluationFolder(aside)
        cells = write_pictures(scorer, loader, called, written, report=report)
        metrics = ClassifyMetrics(
            **measured,
            left_out=shared.left_out,
            temperature=scorer.temperature,
            learning=learnt,
            seen_cells=cells,
            counts=_counts(shared, read),
            weights=weights_of(scorer.model),
            synthetic=read.dataset.synthetic,
        )
        results = ClassifyResults(metrics=metrics, rows=rows)
        written.write(results)
        written.seal()
    return results


def write_pictures(
    scorer: ClassScorer, loader: Loader, called: NDArray[np.int64], folder: EvaluationFolder, *, report: Report
) -> tuple[int, int] | None:
    """Each picture as the model got it, and where in it lies what speaks for the class that it was called.

    Returns the rows and columns of the feature map that tells where; None without pictures.
    """
    cells = None
    for what in ClassifyResults.pictures:
        folder.pictures(what).mkdir()
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as pool:
        for start, batch in with_positions(loader):
            seen = scorer.saw(batch, called[start : start + len(batch)])
            maps, cells = seen.maps.cpu().numpy(), seen.cells
            writing = [pool.submit(_write, folder, start + i, batch.pixels(i), maps[i]) for i in range(len(batch))]
            for written in writing:
                written.result()
            report.check()
    return cells


def seen_in(pixels: NDArray[np.uint8], seen: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with what was seen in it (H, W), and a contour around the half that says most."""
    return overlay(pixels, seen, threshold=CONTOUR_AT, lowest=0.0)


def _write(folder: EvaluationFolder, index: int, pixels: NDArray[np.uint8], seen: NDArray[np.float32]) -> None:
    Image.fromarray(pixels).save(folder.picture("inputs", index), quality=92)
    save_png(folder.picture("overlays", index), seen_in(pixels, seen))


def _counts(shared: Shared, read: Read) -> dict[str, int]:
    parts = {"fit": shared.fit, "validation": shared.validation, "test": shared.test}
    used = sum(map(len, parts.values()))
    return {
        **{name: len(part) for name, part in parts.items()},
        "classes": len(shared.classes),
        "unused": len(read.items) - used,
        "broken": len(read.broken),
    }
