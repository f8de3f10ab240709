"""Tries the finished classifier of a run on other pictures: what it calls each is written, and nothing is measured."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from engine.contract.events import Batches
from engine.contract.folder import RunFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.datasets.loading import Loader
from engine.evaluation.inspection import with_positions
from engine.failures import SettingError
from engine.png import save_png
from engine.report import Reporter, silent
from engine.tasks.classify.evaluation import seen_in
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.place import any_device
from engine.tasks.trying import read_to_try, refuse_no_model


def try_model(
    folder: RunFolder,
    *,
    data: Path,
    output: Path,
    weights_folder: Path | None,
    hub: bool = True,
    report: Reporter = silent,
) -> dict[str, Any]:
    """Class all pictures of a folder by the model of a run.

    Of each picture NNNN.json holds the class that it is called and the probability of every class, NNNN_overlay.png where that
    was seen. The summary tells how many were called what, and what was left out. All weights lie in the run: none are looked for.

    Raises:
        DataError: no such folder, or no picture in it that can be read.
        SettingError: the run has no model that can be used here, or the output folder is not empty.
    """
    refuse_no_model(folder, output)
    try:
        scorer, card = ClassScorer.load(folder.model)
    except (ValueError, LookupError) as error:
        raise SettingError(str(error)) from error
    job = ClassifyJob.model_validate(card.spec)
    scorer.model.to(any_device(job.device))
    tried = read_to_try(data, image_size=job.image_size, tested=lambda dataset: dataset.items)
    loader = Loader(tried.items, image_size=job.image_size, batch_size=job.batch_size, pictures=tried.pictures)
    said = scorer.probabilities(loader, what="evaluating", report=report)
    called = scorer.called(said)
    output.mkdir(parents=True, exist_ok=True)
    for start, batch in with_positions(loader):
        seen = scorer.saw(batch, called[start : start + len(batch)]).maps.cpu().numpy()
        for i, name in enumerate(batch.names):
            index = start + i
            save_png(output / f"{index:04d}_overlay.png", seen_in(batch.pixels(i), seen[i]))
            told = {
                "name": name,
                "class": scorer.classes[called[index]],
                "probability": float(said[index].max()),
                "probabilities": dict(zip(scorer.classes, said[index].tolist(), strict=True)),
            }
            (output / f"{index:04d}.json").write_text(json.dumps(told, ensure_ascii=False, allow_nan=False), "utf-8")
        report(Batches(what="writing", done=start + len(batch), total=loader.images))
    counts = Counter(scorer.classes[index] for index in called)
    return {
        "folder": str(output),
        "images": loader.images,
        "called": {name: counts[name] for name in scorer.classes},
        "broken": tried.broken,
        "left_out": [each.told() for each in tried.left_out],
    }
