"""Prometheus and Grafana ask for what the server really offers: every metric and label of a query stands at /metrics."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from assistant.settings import Settings
from tests.deploy.files import PROJECT, SERVICES
from web.app import create_app

DEPLOY = PROJECT / "deploy"
PROMETHEUS = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
BOARD = json.loads((DEPLOY / "grafana" / "murascope.json").read_text(encoding="utf-8"))
PANELS = {panel["title"]: panel for panel in BOARD["panels"]}
RULES = {rule["alert"]: rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]}
QUERIES = {
    **RULES,
    **{f"{title} {each['refId']}": each["expr"] for title, panel in PANELS.items() for each in panel["targets"]},
}
WORDS = set(
    ["and", "or", "by", "le", "instance", "job", "sum", "min", "max", "rate", "increase", "topk", "histogram_quantile"]
)
OF_PROMETHEUS = {"up": {"job", "instance"}}


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every sample that the server can give, with its labels: those of the metrics are declared, whether or not there is one yet."""
    home: Path = tmp_path_factory.mktemp("offered")
    with TestClient(create_app(Settings(home=home)), base_url="http://localhost") as client:
        text = client.get("/metrics").text
        registry = client.app.state.workspace.metrics.registry  # type: ignore[attr-defined]
    found: dict[str, set[str]] = {}
    endings = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}
    for family in text_string_to_metric_families(text):
        name, labels = family.name, {label for sample in family.samples for label in sample.labels}
        collector = registry._names_to_collectors.get(name)
        labels |= set(collector._labelnames) if collector is not None else OF_RUNS.get(name, set())
        for ending in endings[family.type]:
            found[name + ending] = labels | {"job", "instance"} | ({"le"} if ending == "_bucket" else set())
    return found | OF_PROMETHEUS


OF_RUNS = {"murascope_queue_wait_seconds": {"kind"}, "murascope_training_seconds": {"kind", "state"}}


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_asks_for_what_the_server_offers(name: str, offered: dict[str, set[str]]) -> None:
    query = QUERIES[name]
    metrics = [
        each
        for each in re.findall(r"[a-z_]+", re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|by \([^)]*\)', "", query))
        if each not in WORDS
    ]
    assert metrics
    assert [each for each in metrics if each not in offered] == []
    labels = set(re.findall(r"(\w+)\s*(?:=~|!=|=)\s*\"", query))
    labels |= {label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")}
    assert labels <= set.union(*(offered[each] for each in metrics))


def test_panels_are_apart_and_each_has_what_it_shows() -> None:
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len(PANELS) == len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for panel in BOARD["panels"]:
        shown = {label for each in panel["targets"] for label in re.findall(r"\{\{(\w+)\}\}", each["legendFormat"])}
        grouped = " ".join(each["expr"] for each in panel["targets"])
        assert all(re.search(rf"by \([^)]*\b{label}\b", grouped) for label in shown), panel["title"]


def test_the_board_asks_the_source_that_is_provided() -> None:
    [source] = yaml.safe_load((DEPLOY / "grafana" / "datasource.yml").read_text())["datasources"]
    assert {each["datasource"]["uid"] for panel in BOARD["panels"] for each in panel["targets"]} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    [provider] = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yml").read_text())["providers"]
    mounted = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/murascope.json" in mounted


def test_prometheus_asks_services_that_there_are() -> None:
    targets = {
        target for job in PROMETHEUS["scrape_configs"] for each in job["static_configs"] for target in each["targets"]
    }
    assert {target.partition(":")[0] for target in targets} <= {*SERVICES, "localhost"}
    assert f"web:{SERVICES['web']['environment']['MURASCOPE_PORT']}" in targets
    mounted = {mount.split(":")[1] for mount in SERVICES["prometheus"]["volumes"]}
    assert set(PROMETHEUS["rule_files"]) <= mounted


def test_promtool_takes_configuration_and_rules_and_every_query(tmp_path: Path) -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("no promtool is installed (Debian: prometheus)")
    asked = {name: query.replace("$__rate_interval", "5m") for name, query in QUERIES.items()}
    rules = [{"alert": f"query{number}", "expr": query} for number, query in enumerate(asked.values())]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    for what in (
        ("config", "--syntax-only", DEPLOY / "prometheus.yml"),
        ("rules", DEPLOY / "alerts.yml"),
        ("rules", tmp_path / "queries.yml"),
    ):
        subprocess.run([promtool, "check", *what], check=True, capture_output=True)
