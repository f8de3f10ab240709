"""Which of a run's pictures are learnt from, which set the threshold, which are tested with, and what limits the result."""

from dataclasses import replace

from engine.contract.events import Warned
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import GoodPolicy, choose_policy, validation_share
from engine.datasets import Item
from engine.datasets.loading import Pictures
from engine.datasets.made_up_defects import with_test_defects
from engine.datasets.splits import Split, cut_good, split_items
from engine.failures import DataError
from engine.report import Report
from engine.tasks.reading import name_some


def share_out(job: DetectJob, items: list[Item], report: Report) -> tuple[Split, GoodPolicy]:
    """Share out the readable pictures by the job's shares and seed, with the policy that sets the threshold.

    Raises:
        DataError: too few good pictures.
    """
    try:
        split = split_items(
            cut_good(items, job.most_good, seed=job.seed),
            calibration_share=job.calibration_share,
            validation_share=validation_share(job),
            labelled_share=job.model.learns_labelled,
            seed=job.seed,
        )
    except ValueError as error:
        raise DataError(str(error)) from error
    if job.test_defects == "synthetic":
        split = replace(split, test=[item for item in split.test if item.label != "defective"])
    else:
        _warn_of_missing_truth(split, report)
    if split.few_labelled:
        report(_few_labelled_warning(split.few_labelled))
    return split, policy_for(job, split)


def made_up_tests(job: DetectJob, split: Split, pictures: Pictures, report: Report) -> list[Item]:
    """Made-up defects on the good pictures that are tested with, where the job asks for them; they are no part of the split."""
    if job.test_defects == "own":
        return []
    made = with_test_defects([item for item in split.test if item.label == "good"], pictures, seed=job.seed)
    message = (
        f"{len(made)} of the pictures tested with are good ones with a made-up defect: what is found of them is a guess, no promise, "
        "and is told apart from what is found of real defects"
    )
    report(Warned(code="synthetic_defects", message=message, values={"count": len(made)}))
    return made


def policy_for(job: DetectJob, split: Split) -> GoodPolicy:
    """The threshold policy of a run whose pictures are shared out like this."""
    tested = sum(item.split == "train" for item in split.test)  # held out, because the data set keeps none for testing
    good = len(split.fit) + len(split.validation) + len(split.calibration) + tested
    return choose_policy(job, good=good, has_own_test=tested == 0)


def counts_of(split: Split, broken: dict[str, str]) -> dict[str, int]:
    """How many pictures did what, for the evaluation."""

    def tested(label: str) -> int:
        return sum(item.label == label for item in split.test)

    return {
        "train_good": len(split.fit) + len(split.validation) + len(split.calibration),
        "fit": len(split.fit),
        "labelled": len(split.labelled),
        "validation": len(split.validation),
        "calibration": len(split.calibration),
        "test_good": tested("good"),
        "test_defective": tested("defective"),
        "test_unknown": tested("unknown"),
        "broken": len(broken),
        "with_masks": sum(item.mask is not None for item in split.test),
    }


def _warn_of_missing_truth(split: Split, report: Report) -> None:
    defective = [item for item in split.test if item.label == "defective"]
    if not defective:
        message = "there are no defective pictures to test with: how many defects are found cannot be measured"
        report(Warned(code="no_defects", message=message))
    elif not any(item.mask for item in defective):
        message = "no defective picture has a mask that is read: how well defects are located cannot be measured"
        report(Warned(code="no_masks", message=message))


def _few_labelled_warning(types: list[str]) -> Warned:
    names = name_some(types)
    return Warned(
        code="few_labelled",
        message=(
            f"{len(types)} defect types have too few pictures to learn from: {names}; one picture, or one group of them, "
            "of each type is kept for testing"
        ),
        values={"count": len(types), "names": names},
    )
