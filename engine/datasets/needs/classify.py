"""A classifier learns to tell classes apart: two of them, with pictures to learn from, to watch and to test with."""

from engine.contract.classes import LEAST_GROUPS, classes_of
from engine.contract.data import DataFacts, DataProblem
from engine.datasets.needs import problem


def problems(facts: DataFacts) -> list[DataProblem]:
    """Good pictures are a class too, where they are asked for: one defect type and good ones are enough."""
    classes = classes_of(facts, include_good=True)
    if classes.are_enough:
        return []
    hint = "put the pictures of each class into a folder of its own, and add pictures where there are too few"
    if not classes.listed:
        return [problem("no_class", "no picture has a class", hint)]
    needed, names = LEAST_GROUPS, classes.listed
    message = (
        f"two classes of {needed} pictures or more, or groups of them, are needed to tell apart, but there are: {names}"
    )
    return [problem("one_class", message, hint, names=names, needed=needed)]
