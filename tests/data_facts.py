"""The facts of a data set as the engine's check gives them (`engine check`), for tests that look at no picture."""

from typing import Any

from assistant.data.facts import NamedFacts
from engine.contract.data import DataFacts


def facts(dataset: str = "oled", **changes: Any) -> NamedFacts:
    """A set that has all a training wants: good images enough, defects of two types, a mask of each."""
    return NamedFacts.of(stored_facts(**changes), dataset=dataset)


def stored_facts(**changes: Any) -> DataFacts:
    """The same as they are stored with a registered data set: its name stands beside them."""
    found: dict[str, Any] = {
        "path": "/data",
        "layout": "mvtec",
        "train_good": 200,
        "test_good": 20,
        "test_defective": 40,
        "defect_types": {"line": 20, "stain": 20},
        "masks": 40,
        "broken": [],
        "sizes": [[256, 256, 260]],
        "modes": {"RGB": 260},
        "synthetic": False,
        "title": "",
        "problems": [],
        "notices": [],
        "fingerprint": "f",
    }
    unknown = changes.keys() - DataFacts.model_fields.keys()
    assert not unknown, f"no facts of a data set: {unknown}"
    return DataFacts.model_validate(found | changes)
