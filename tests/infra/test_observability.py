"""Alerts and dashboard use only metrics and labels that exist, and every alert has a section in the manual."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from counterfoil.contract.log_id import LogId
from counterfoil.ops.health import ConsumerStatus
from counterfoil.ops.metrics import NAMES, Metrics
from tests.infra.compose import INFRA, OURS, SERVICES, load

RULES: list[dict[str, Any]] = [
    rule for group in load(INFRA / "prometheus" / "alerts.yml")["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((INFRA / "grafana" / "dashboards" / "counterfoil.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
PROMETHEUS = load(INFRA / "prometheus" / "prometheus.yml")
TARGET_LABELS = {"job", "instance"}
"""Labels that the scraper adds to every series."""
README = (INFRA / "README.md").read_text()


@cache
def exposed() -> Mapping[str, frozenset[str]]:
    """Every series that a process may expose, with its labels, rendered after one event of each kind."""
    metrics = Metrics()
    metrics.consumed(LogId("ledger"), "commands", 1)
    metrics.committed(LogId("ledger"), entries=1, seconds=0.01, size=1)
    metrics.published(LogId("ledger"), 1, 1)
    metrics.refused(LogId("ledger"), "unknown_party", "intake")
    metrics.recovering("ledger")
    metrics.answered(LogId("ledger"), 0.01)
    metrics.cause_ahead(LogId("ledger"), "h/issuance/main", 1)
    metrics.standstill(LogId("ledger"), "clock_apart")
    metrics.active(LogId("ledger"), True)
    metrics.loaded(LogId("ledger"), 1, 1)
    metrics.dead_letter("ledger", "not_an_entry")
    metrics.webhook(delivered=True, seconds=0.01)
    metrics.show_waiting(lambda: 0)
    metrics.show_consumers(lambda: [ConsumerStatus("ledger", "commands", 0, None)])
    found: dict[str, frozenset[str]] = {"up": frozenset(TARGET_LABELS)}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            found[sample.name] = frozenset({*sample.labels, *TARGET_LABELS})
    return found


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The series that an expression selects, with the labels in its selectors."""
    bare = re.sub(r"\b(by|on)\s*\([^)]*\)", "", expression)
    for name, selector in re.findall(r"\b((?:counterfoil|process)_[a-z_]+|up)\b(\{[^}]*\})?", bare):
        yield name, set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector))


def grouped(expression: str) -> set[str]:
    return {
        label.strip() for labels in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression) for label in labels.split(",")
    }


EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in PANELS
        for target in panel["targets"]
    ),
]


def test_everything_is_exposed() -> None:
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed() if name.startswith("counterfoil_")} == NAMES


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_for_exists(expression: str) -> None:
    series = list(asked(expression))
    assert series
    for name, labels in series:
        assert name in exposed()
        assert labels <= exposed()[name]
    known = frozenset().union(*(exposed()[name] for name, _ in series))
    assert grouped(expression) <= known


def test_every_metric_is_looked_at() -> None:
    shown = {name for panel in PANELS for target in panel["targets"] for name, _ in asked(target["expr"])}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} >= NAMES


def anchors(text: str) -> set[str]:
    """The anchors of a Markdown file's headings."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_severity_and_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert path == "infra/README.md"
    assert anchor in anchors(README)
    section = re.split(r"^### ", README, flags=re.MULTILINE)
    assert any(f"`{rule['alert']}`" in part and anchor in anchors(f"### {part}") for part in section)


def test_every_alert_is_tried() -> None:
    tests = load(INFRA / "prometheus" / "alerts.test.yml")["tests"]
    raised = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert raised == {rule["alert"] for rule in RULES}


def test_links_within_the_manual_lead_somewhere() -> None:
    links = set(re.findall(r"\]\(#([^)]+)\)", README))
    assert links
    assert links <= anchors(README)


def test_every_process_is_asked() -> None:
    (job,) = PROMETHEUS["scrape_configs"]
    (config,) = job["static_configs"]
    assert job["job_name"] == "counterfoil"
    assert config["targets"] == [f"{name}:9464" for name in OURS]
    assert PROMETHEUS["rule_files"] == ["alerts.yml"]


def test_the_dashboard_can_be_found() -> None:
    (provider,) = load(INFRA / "grafana" / "provisioning" / "dashboards" / "counterfoil.yml")["providers"]
    mounted = {each["target"] for each in SERVICES["grafana"]["volumes"]}
    assert provider["options"]["path"] in mounted
    sources = load(INFRA / "grafana" / "provisioning" / "datasources" / "counterfoil.yml")["datasources"]
    uids = {each["uid"]: each["url"] for each in sources}
    assert {panel["datasource"]["uid"] for panel in PANELS} <= uids.keys()
    assert {url.split("/")[2].split(":")[0] for url in uids.values()} <= SERVICES.keys()


def test_panels_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] <= place["x"] + place["w"] <= 24
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            assert taken.setdefault(cell, panel["title"]) == panel["title"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Overview", "Path of a command", "Consumers", "Logs & checkpoints", "Refusals", "Processes", "Time"]
