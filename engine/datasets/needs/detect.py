"""A detector learns from good pictures: enough of them that some can be held out."""

from engine.contract.data import DataFacts, DataProblem
from engine.contract.jobs.detect import DetectJob
from engine.datasets.needs import problem
from engine.datasets.splits import least_good


def problems(facts: DataFacts) -> list[DataProblem]:
    good = facts.train_good
    if good == 0 and facts.test_good:
        message = "there are no good pictures to learn from: the good ones are kept to test with"
        hint = (
            "put good ones into train/good/; of reviewed pictures make a data set to learn from with murascope feedback MODEL "
            "--dataset NAME --with-training-data"
        )
        return [problem("good_only_tested", message, hint)]
    if good == 0:
        message = "there are no good pictures to learn from"
        return [problem("no_good", message, "put them into good/ or train/good/")]
    if good < (needed := least_for_memory_models(facts)):
        message = f"{good} good pictures are too few to learn from; {needed} are needed"
        return [problem("too_few_good", message, "add good ones; 20 or more are a start", good=good, needed=needed)]
    return []


def least_for_memory_models(facts: DataFacts) -> int:
    """The least number of good pictures: memory models hold none back for validation."""
    return _least(facts, validation_share=0.0)


def least_for_detection(facts: DataFacts) -> int:
    """The same for models that learn in epochs, with default settings."""
    return _least(facts, validation_share=_default("validation_share"))


def _least(facts: DataFacts, *, validation_share: float) -> int:
    return least_good(
        calibration_share=_default("calibration_share"),
        validation_share=validation_share,
        has_own_test=facts.test_good > 0,
    )


def _default(share: str) -> float:
    default: float = DetectJob.settings()[share].default
    return default
