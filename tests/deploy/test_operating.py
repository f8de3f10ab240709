"""docs/operating.md and the unit of systemd say what is there: tests, settings, metrics, fields of the log, commands."""

import configparser
import json
import logging
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from assistant.machine.logs import JsonLines, about
from assistant.settings import Settings, variable_of
from tests.deploy.files import PROJECT
from web.app import create_app

TEXT = (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")
VARIABLES = {variable_of(name) for name in Settings.model_fields}


def named_tests() -> list[tuple[str, str]]:
    """File and function, "" where a whole file is meant; a bare ::name is of the file before it."""
    found, file = [], ""
    for path, name in re.findall(r"`(tests/[\w/]+(?:\.py)?)?(?:::(\w+))?`", TEXT):
        file = path or file
        if path or name:
            found.append((file, name))
    return found


@pytest.mark.parametrize(("file", "name"), named_tests())
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    path = PROJECT / file
    assert path.exists()
    assert not name or f"def {name}(" in path.read_text(encoding="utf-8")


def test_every_setting_that_is_named_is_one() -> None:
    named = {name.removesuffix("_FILE") for name in re.findall(r"MURASCOPE_[A-Z_]+", TEXT)}
    assert named - VARIABLES == set()


def test_every_metric_is_told_of_and_no_other(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    offered = {each.name + ("_total" if each.type == "counter" else "") for each in families}
    told = set(re.findall(r"^\| `(murascope_\w+)` \|", TEXT, re.MULTILINE))
    assert told == {name for name in offered if name.startswith("murascope_")}


def test_every_field_of_the_log_is_told_of() -> None:
    record = logging.LogRecord("web", logging.WARNING, "", 0, "said", (), None)
    record.exc_text = "Traceback"
    with about(run="r1", conversation="c1"):
        fields = json.loads(JsonLines().format(record))
    said = TEXT.split("## Log")[1].split("##")[0]
    assert [field for field in fields if f"`{field}`" not in said] == []


def test_the_unit_of_systemd_ends_the_server_alone_and_sets_what_there_is() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((PROJECT / "deploy" / "murascope.service").read_text(encoding="utf-8"))
    assert unit["Service"]["KillMode"] == "process"
    assert unit["Service"]["ExecStart"].endswith("/murascope serve")
    named = re.findall(r"^Environment=(\w+)=", (PROJECT / "deploy" / "murascope.service").read_text(), re.MULTILINE)
    assert {name.removesuffix("_FILE") for name in named} <= VARIABLES
