"""What each kind of run needs of a data set: one file per kind, named as it is, with `problems(facts)`. Loads no torch."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from engine.contract.jobs import KINDS


def unfit_for(facts: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By kind of run, why it cannot learn from a data set with these facts: entries as those of `problems` (check.py)."""
    return {kind: import_module(f"{__name__}.{kind}").problems(facts) for kind in KINDS}


def problem(code: str, message: str, hint: str, **values: str | int) -> dict[str, Any]:
    """What is wrong, with what to do."""
    return {"code": code, "message": message, "hint": hint, "values": values}
