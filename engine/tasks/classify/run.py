"""The story of a classification: from pictures with classes to a classifier that was saved, loaded again and says the same.

Each class is shared out (sharing.py); a network with a new head is fine-tuned (learning.py, classifier.py); pictures that it
has not learnt from set the temperature of its probabilities (temperature.py); the test pictures are classed (scoring.py), measured
(measurement.py) and shown with what was seen in them (evaluation.py, grad_cam.py); and what is saved says what it is (card.py).
"""

import numpy as np

from engine.contract.events import Artifact, Evaluation, Finished, Warned
from engine.contract.folder import RunFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.datasets import Item
from engine.datasets.loading import Pictures
from engine.failures import DataError
from engine.report import Report
from engine.tasks.classify.card import card_of
from engine.tasks.classify.evaluation import evaluate
from engine.tasks.classify.learning import Learning
from engine.tasks.classify.saved_classifiers import save_classifier
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.classify.sharing import Shared, share_out
from engine.tasks.classify.temperature import fit_temperature
from engine.tasks.place import Place
from engine.tasks.reading import DataFolder, name_some
from engine.tasks.verifying import refuse_other_scores

FEW = 10  # pictures of a class to learn from: with fewer, what it looks like is a guess


def run(job: ClassifyJob, folder: RunFolder, *, data: DataFolder, report: Report, place: Place) -> Finished:
    """Run the job and fill the folder; see engine/tasks/__init__.py."""
    pictures = Pictures(image_size=job.image_size)
    read = data.read(pictures, report)
    shared = _shared(job, read.items)
    _warn_of_classes(shared, report)
    learning = Learning(job, folder, shared, pictures=pictures, data=read.fingerprint, place=place, report=report)

    learnt = ClassScorer(learning.learn(), shared.classes)

    report.begin("adjusting")
    logits = learnt.logits(learning.loader(shared.validation), what="calibrating", report=report)
    labels = np.array([shared.index_of(item) for item in shared.validation])
    scorer = learnt.calibrated(fit_temperature(logits, labels))

    report.begin("evaluating")
    results = evaluate(
        scorer,
        learning.loader(shared.test),
        folder.evaluation,
        shared=shared,
        read=read,
        learnt=learning.learnt,
        seed=job.seed,
        report=report,
    )
    made = folder.evaluation
    report(Artifact(kind="metrics", path=folder.within(made.metrics)))
    report(Artifact(kind="scores", path=folder.within(made.scores)))
    report(Artifact(kind="heatmaps", path=folder.within(made.pictures("overlays"))))

    report.begin("saving")
    save_classifier(folder.model, scorer.model, card=card_of(job, read, scorer))
    report(Artifact(kind="model", path=folder.within(folder.model.state)))

    report.begin("verifying")
    again, _ = ClassScorer.load(folder.model, device=place.device)
    first = learning.loader(shared.test[: learning.batch_size])
    said = again.probabilities(first, what="verifying", report=report)
    refuse_other_scores(said, scorer.probabilities(first, what="verifying"))

    metrics = results.metrics
    report(Evaluation(metrics=metrics.metrics, reasons=metrics.reasons))
    return Finished(metrics=metrics.metrics, seconds=report.seconds())


def _shared(job: ClassifyJob, items: list[Item]) -> Shared:
    try:
        return share_out(
            items,
            include_good=job.include_good,
            validation_share=job.validation_share,
            test_share=job.test_share,
            seed=job.seed,
        )
    except ValueError as error:
        raise DataError(str(error)) from error


def _warn_of_classes(shared: Shared, report: Report) -> None:
    if shared.left_out:
        names = name_some(shared.left_out)
        where = " in train" if shared.given else ""
        message = f"{len(shared.left_out)} classes have fewer than {shared.needed} pictures, or groups of them{where}, and are left out: {names}"
        report(
            Warned(
                code="classes_not_in_train" if shared.given else "classes_left_out",
                message=message,
                values={"count": len(shared.left_out), "names": names, "needed": shared.needed},
            )
        )
    few = [name for name, count in zip(shared.classes, shared.counts(shared.fit), strict=True) if count < FEW]
    if few:
        names = name_some(few)
        message = f"{len(few)} classes have fewer than {FEW} pictures to learn from: {names}"
        report(
            Warned(
                code="few_learnt_of_class", message=message, values={"count": len(few), "names": names, "needed": FEW}
            )
        )
