"""Light can be measured of any picture."""

from engine.contract.data import DataFacts, DataProblem


def problems(facts: DataFacts) -> list[DataProblem]:
    return []
