"""A classifier learns to tell classes apart: two of them, with pictures to learn from, to watch and to test with."""

from engine.contract.classes import LEAST_GROUPS, classes_of
from engine.contract.data import DataFacts, DataProblem
from engine.datasets.needs import problem


def problems(facts: DataFacts) -> list[DataProblem]:
    """Good pictures are a class too, where they are asked for: one defect type and good ones are enough."""
    if classes_of(facts, include_good=True).are_enough:
        return []
    count = len(classes_of(facts, include_good=False).learnt)
    message = (
        f"{count} defect types with {LEAST_GROUPS} pictures or more, or groups of them: there is nothing to tell apart"
    )
    hint = "put the pictures of each class into a folder of its own; two classes or more are needed"
    return [problem("one_class", message, hint, count=count, needed=LEAST_GROUPS)]
