"""A classifier learns to tell classes apart: two of them, with pictures to learn from, to watch and to test with."""

from engine.contract.data import DataFacts, DataProblem
from engine.contract.jobs.classify import LEAST_GROUPS
from engine.datasets.needs import problem


def problems(facts: DataFacts) -> list[DataProblem]:
    """Good pictures are a class too, where they are asked for: one defect type and good ones are enough."""
    large = [name for name, count in facts.defect_types.items() if count >= LEAST_GROUPS]
    good = facts.train_good + facts.test_good
    if len(large) + (good >= LEAST_GROUPS) >= 2:
        return []
    message = f"{len(large)} defect types with {LEAST_GROUPS} pictures or more: there is nothing to tell apart"
    hint = "put the pictures of each class into a folder of its own; two classes or more are needed"
    return [problem("one_class", message, hint, count=len(large), needed=LEAST_GROUPS)]
