"""Counts the cases of injection that were tried, and says at the end of the session that none was carried out."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

TRIED = "injection"


@pytest.fixture
def counts(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Call it at the end of a test with what it tried: a test that failed before tells of none."""

    def count(how: str, payload: Any, cases: Iterable[str] = ("",)) -> None:
        for case in cases:
            record_property(TRIED, f"{how}: {getattr(payload, 'name', payload)}: {case}")

    return count


def pytest_terminal_summary(terminalreporter: Any) -> None:
    told = terminalreporter.stats
    tried = [value for report in told.get("passed", ()) for name, value in report.user_properties if name == TRIED]
    failed = [report for report in told.get("failed", ()) if "/injection/" in report.nodeid]
    if tried or failed:
        terminalreporter.write_line(f"injection: {len(tried)} cases, {len(failed) or 0} carried out")
