"""What an operator is given to watch schemad with asks for metrics that there are, in a form that is read."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemad.observe.catalog import CATALOG, PROCESS, Kind, Metric
from schemad.observe.health import ListenerState, WorkerState
from schemad.observe.telemetry import CAUSES, OBSTACLES, OUTCOMES, PARTS, PRUNED
from schemad.store.queue_state import STATES
from tests.docs.pages import ROOT, Block, each_block, shown_by

DASHBOARD = ROOT / "deploy" / "grafana" / "schemad.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
MONITOR_PAGE = ROOT / "docs" / "how-to" / "monitor.md"

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool")
METRICS = {metric.name: metric for metric in (*CATALOG, *PROCESS)}
NAME = re.compile(r"\b(?:schemad|process)_[a-z_]+\b")
# What Prometheus adds to what it scrapes, and what a histogram's buckets have.
ADDED_LABELS = {"job", "instance", "le"}
VALUES = {
    "outcome": set(OUTCOMES),
    "obstacle": set(OBSTACLES),
    "cause": set(CAUSES),
    "part": set(PARTS),
    "table": set(PRUNED),
    "state": {*STATES, *ListenerState, *WorkerState},
}
# Where a query stands for another: Grafana's variables have values by then.
VARIABLES = {"$__rate_interval": "5m", "$job": "schemad", "$instance": ".+"}


def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def panel_expressions() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]


def alerts() -> list[dict[str, str]]:
    """The rules: what stands once a line, by key."""
    found = []
    for text in ALERTS.read_text(encoding="utf-8").split("      - alert: ")[1:]:
        keys = dict(re.findall(r"^ +(expr|for|severity|summary|description): (.+)$", text, re.MULTILINE))
        found.append({"alert": text.partition("\n")[0], **keys})
    return found


def named(expression: str) -> Iterator[Metric]:
    """The metrics that an expression names."""
    for name in NAME.findall(expression):
        plain = re.sub(r"_(?:bucket|sum|count)$", "", name)
        metric = METRICS.get(name) or METRICS.get(plain)
        assert metric is not None, f"there is no metric {name}: {expression}"
        assert (plain == name) is (metric.kind is not Kind.HISTOGRAM), (
            f"of a histogram a part is asked for: {name}"
        )
        yield metric


EXPRESSIONS = [*panel_expressions(), *(rule["expr"] for rule in alerts())]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_names_metrics_labels_and_values_that_there_are(expression: str) -> None:
    metrics = [*named(expression)]
    assert metrics
    labels = ADDED_LABELS.union(*(metric.labels for metric in metrics))
    grouped = [re.split(r",\s*", text) for text in re.findall(r"\b(?:by|on) \(([^)]+)\)", expression)]
    matched = re.findall(r'(\w+)=~?"([^"]*)"', expression)
    assert {label for group in grouped for label in group} | {label for label, _ in matched} <= labels
    for label, value in matched:
        if label in VALUES:
            assert set(value.split("|")) <= VALUES[label]


def test_the_dashboard_shows_every_metric_of_schemads() -> None:
    shown = {metric.name for expression in panel_expressions() for metric in named(expression)}
    assert shown >= {metric.name for metric in CATALOG}


def test_the_dashboard_has_no_data_source_of_its_own_and_panels_that_do_not_overlap() -> None:
    board = dashboard()
    assert {v["name"] for v in board["templating"]["list"]} == {"datasource", "job", "instance"}
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["description"], panel["title"]
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_alert_says_what_it_is_and_is_told_on_the_page() -> None:
    page = MONITOR_PAGE.read_text(encoding="utf-8")
    rules = alerts()
    assert {rule["alert"] for rule in rules} == set(re.findall(r"^\| `(Schemad\w+)` \|", page, re.MULTILINE))
    for rule in rules:
        assert rule.keys() >= {"expr", "severity", "summary", "description"}
        assert rule["severity"] in {"critical", "warning", "info"}


@each_block("prometheus")
def test_prometheus_is_told_where_the_page_has_the_daemon_tell(block: Block) -> None:
    told = yaml.safe_load(block.text)
    (job,) = told["scrape_configs"]
    (address,) = job["static_configs"][0]["targets"]
    assert f"SCHEMAD_METRICS_ADDR={address}\n" in "".join(each.text for each in shown_by("run", MONITOR_PAGE))
    (file,) = told["rule_files"]
    assert f"`deploy/prometheus/alerts.yml` to `{file}`" in MONITOR_PAGE.read_text(encoding="utf-8")


@needs_promtool
@each_block("prometheus")
def test_prometheus_reads_its_configuration_as_shown(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    (rules,) = yaml.safe_load(block.text)["rule_files"]
    file.write_text(block.text.replace(rules, str(ALERTS)), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_reads_the_alerts_and_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = []
    for number, expression in enumerate(panel_expressions()):
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)  # noqa: PLW2901 - step by step
        rules.append({"record": f"panel:{number}", "expr": expression})
    panels = tmp_path / "panels.yml"  # JSON is YAML
    panels.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "check", "rules", str(ALERTS), str(panels)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
