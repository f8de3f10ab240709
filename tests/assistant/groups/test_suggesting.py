"""A search asks Optuna anew each time: what is on record decides, whoever asks."""

import pytest

from assistant.groups.suggesting import suggested
from assistant.plans.group import Span

SEARCH = {"coreset_ratio": Span(low=0.01, high=0.4, log=True)}


@pytest.fixture(autouse=True)
def optuna_is_installed() -> None:
    pytest.importorskip("optuna")


def test_the_same_record_gives_the_same_suggestion_within_its_limits() -> None:
    record = [({"coreset_ratio": 0.02 * place}, 0.5 + 0.02 * place) for place in range(1, 8)]
    record += [({"coreset_ratio": 0.3}, None)]
    twice = [suggested(SEARCH, record, seed=3) for _ in range(2)]
    assert twice[0] == twice[1]
    assert 0.01 <= twice[0]["coreset_ratio"] <= 0.4
