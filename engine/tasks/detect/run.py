"""The story of a detection run: from good pictures to a model that was saved, loaded again and found to score the same.

Pictures are shared out (sharing.py) and the model is built; it learns from good ones (learning.py), good ones that it has not
seen set its thresholds (calibrating.py), the test pictures are scored, measured and written (evaluation.py), and what is saved
says what it is (card.py).
"""

from dataclasses import replace

import numpy as np

from engine.contract.events import Artifact, Evaluation, Finished, Warned
from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.joining import extended_models
from engine.contract.thresholds import SAME
from engine.datasets.loading import Pictures
from engine.evaluation.inspection import Inspection
from engine.report import Report
from engine.saved_models import save_model
from engine.scorer import Scorer
from engine.tasks.detect.calibrating import calibrate_run, warn_of_few_good
from engine.tasks.detect.card import card_of, weights_of
from engine.tasks.detect.evaluation import evaluate
from engine.tasks.detect.learning import Learning
from engine.tasks.detect.learnt_before import keep_unseen
from engine.tasks.detect.sharing import counts_of, made_up_tests, share_out
from engine.tasks.place import Place
from engine.tasks.reading import DataFolder
from engine.tasks.verifying import refuse_other_scores


def run(job: DetectJob, folder: RunFolder, *, data: DataFolder, report: Report, place: Place) -> Finished:
    """Run the job and fill the folder; see engine/tasks/__init__.py."""
    pictures = Pictures(image_size=job.image_size)
    read = data.read(pictures, report)
    split, policy = share_out(job, read.items, report)
    learning = Learning(job, folder, pictures=pictures, data=read.fingerprint, place=place, report=report)
    split, policy = keep_unseen(
        split,
        learning.model,
        digest=read.fingerprint,
        policy=policy,
        overkill_rate=job.overkill_rate,
        warn=report,
        hash_of=pictures.hash_of,
    )
    if policy == "leave_one_out":  # nothing need be held back
        split = replace(split, fit=sorted([*split.fit, *split.calibration], key=lambda item: item.name), calibration=[])

    trainer = learning.learn(split, policy=policy)

    report.begin("calibrating")
    calibration = calibrate_run(learning, trainer, split, policy=policy)
    warn_of_few_good(calibration, report)
    scorer = Scorer(learning.model).calibrated(calibration)

    report.begin("evaluating")
    weights = weights_of(scorer.model)
    made_up = made_up_tests(job, split, pictures, report)
    counts = counts_of(split, read.broken) | ({"test_made_up": len(made_up)} if made_up else {})
    facts = {"counts": counts, "weights": weights, "synthetic": read.dataset.synthetic}
    measures, found = evaluate(
        scorer,
        learning.loader([*split.test, *made_up]),
        folder.evaluation,
        calibration=calibration,
        seed=job.seed,
        facts=facts,
        report=report,
        escape_cost=job.escape_cost,
    )
    _warn_of_one_score(found, report)
    made = folder.evaluation
    report(Artifact(kind="metrics", path=folder.within(made.metrics)))
    report(Artifact(kind="scores", path=folder.within(made.scores)))
    report(Artifact(kind="heatmaps", path=folder.within(made.pictures("overlays"))))

    report.begin("saving")
    learnt = None
    if job.model.adapts_backbone or job.model.name in extended_models():  # who builds on it must know what it has seen
        own = map(pictures.hash_of, [*split.fit, *split.validation, *split.labelled])
        before = scorer.model.before
        learnt = [*own, *((before.data.learnt or []) if before else [])]
    save_model(folder.model, scorer.model, card=card_of(job, read, calibration, scorer.model, learnt=learnt))
    report(Artifact(kind="model", path=folder.within(folder.model.state)))

    report.begin("verifying")
    again, _ = Scorer.load(folder.model, device=place.device, weights_folder=place.weights_folder, hub=place.hub)
    first = learning.loader(split.test[: learning.batch_size])
    said = again.inspect(first, what="verifying", report=report)
    refuse_other_scores(said.scores, found.scores[: first.images])

    report(Evaluation(metrics=measures.metrics, reasons=measures.reasons))
    return Finished(metrics=measures.metrics, seconds=report.seconds())


def _warn_of_one_score(found: Inspection, report: Report) -> None:
    if len(found.scores) > 1 and np.ptp(found.scores) <= SAME * np.abs(found.scores).max():
        message = f"all {len(found.scores)} test pictures have the same score: the model tells nothing apart"
        report(Warned(code="scores_all_equal", message=message, values={"count": len(found.scores)}))
