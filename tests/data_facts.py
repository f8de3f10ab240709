"""The facts of a data set as the engine's check gives them (`engine check`), for tests that look at no picture."""

from typing import Any


def facts(**changes: Any) -> dict[str, Any]:
    """A set that has all a training wants: good images enough, defects of two types, a mask of each."""
    found: dict[str, Any] = {
        "dataset": "oled",
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
    unknown = changes.keys() - found.keys() - {"left_out", "unfit", "groups"}
    assert not unknown, f"no facts of a data set: {unknown}"
    return found | changes


def stored_facts(**changes: Any) -> dict[str, Any]:
    """The same as they are stored with a registered data set: its name stands beside them."""
    return {name: value for name, value in facts(**changes).items() if name != "dataset"}
