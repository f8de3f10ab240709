"""What each kind of run needs of a data set: one file per kind, named as it is, with `problems(facts)`. Loads no torch."""

from importlib import import_module

from engine.contract.data import DataFacts, DataProblem
from engine.contract.jobs import KINDS


def unfit_for(facts: DataFacts) -> dict[str, list[DataProblem]]:
    """By kind of run, why it cannot learn from a data set with these facts."""
    return {kind: import_module(f"{__name__}.{kind}").problems(facts) for kind in KINDS}


def problem(code: str, message: str, hint: str, **values: str | int) -> DataProblem:
    """What is wrong, with what to do."""
    return DataProblem(code=code, message=message, hint=hint, values=values)
