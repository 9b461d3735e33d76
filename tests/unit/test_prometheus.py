"""Alerts, dashboards and runbooks belong together, and name only metrics that the hub has."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import pytest
import yaml

from services.cli.status import verdict
from services.monitor.schedule import INTERVAL_S
from tests.deployment.__main__ import expressions_of_dashboards

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
CASES = ROOT / "deploy" / "prometheus" / "rules_test.yaml"
SCRAPES = ROOT / "deploy" / "prometheus" / "prometheus.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
METRICS = ROOT / "docs" / "reference" / "metrics.md"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
SECTIONS = ["What it means", "What others notice", "Look", "Do", "Over when"]

METRIC = re.compile(r"(?<![:\w])extrato_[a-z0-9_]+(?![:\w])")
SUFFIX = re.compile(r"_(?:bucket|count|sum)\Z")
RECORDED = re.compile(r"[a-z_]+:extrato_\w+:\w+")


@functools.cache
def rules():
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def expressions():
    return [*(rule["expr"] for rule in rules()), *expressions_of_dashboards()]


@functools.cache
def cases():
    """The expression and the expected value of each case about an alert."""
    tests = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    return [
        (case["expr"], case["exp_samples"][0]["value"])
        for test in tests
        for case in test["promql_expr_test"]
        if case["expr"] != "ALERTS"
    ]


def boards():
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_alert_says_what_a_person_needs(rule):
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert "for" in rule or "keep_firing_for" in rule


@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in alerts()}))
@pytest.mark.parametrize("fires", [0, 1])
def test_alert_has_a_case_in_which_it_is_quiet_and_one_in_which_it_fires(name, fires):
    assert [value for expression, value in cases() if f'alertname="{name}"' in expression and value == fires]


def test_working_hub_is_tested_to_fire_nothing():
    tests = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    quiet = [case for test in tests for case in test["promql_expr_test"] if case["expr"] == "ALERTS"]
    assert {tuple(case["exp_samples"]) for case in quiet} == {()}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    linked = {rule["annotations"]["runbook_url"] for rule in alerts()}
    pages = {str(path.relative_to(ROOT)) for path in RUNBOOKS.glob("*.md") if path.name != "README.md"}
    assert linked == pages


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_runbook_is_of_its_alert(rule):
    page = Path(rule["annotations"]["runbook_url"])
    assert rule["alert"].removeprefix("Extrato").lower() == page.stem.replace("-", "")
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.startswith(f"# {rule['alert']}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


def test_index_of_the_runbooks_has_the_severity_of_each_alert():
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[(\w+)\]\(\S+\) \| ([\w, ]+) \|", index, re.MULTILINE))
    severities = {}
    for rule in alerts():
        severities.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    assert {name: set(text.split(", ")) for name, text in rows.items()} == severities


def test_every_recorded_name_is_recorded():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = {name for expression in expressions() for name in RECORDED.findall(expression)}
    assert used == recorded


def test_every_metric_is_one_of_the_hub():
    known = set(re.findall(r"^\| `(extrato_\w+)` \|", METRICS.read_text(encoding="utf-8"), re.MULTILINE))
    used = {SUFFIX.sub("", name) for expression in expressions() for name in METRIC.findall(expression)}
    assert used - known == set()
    assert len(used) > 30


def test_jobs_of_the_rules_are_scraped():
    named = {name for rule in rules() for name in re.findall(r'\bjob="(extrato-\w+)"', rule["expr"])}
    scraped = {each["job_name"] for each in yaml.safe_load(SCRAPES.read_text(encoding="utf-8"))["scrape_configs"]}
    assert named == scraped == {"extrato-gateway", "extrato-monitor", "extrato-projections"}


def test_alerts_and_status_have_the_same_limits():
    text = " ".join(rule["expr"] for rule in alerts())
    for lane, limit_s in verdict.SWEEP_LIMIT_S.items():
        assert f'{{lane="{lane}"}} > {limit_s:.0f}' in text
        assert limit_s >= 3 * INTERVAL_S[lane]
    assert f"(extrato_accounts_swept) > {verdict.REFUSED_SHARE_LIMIT}" in text
    assert f"(extrato_accounts_refused) >= {verdict.REFUSED_AT_LEAST}" in text
    assert f"hub:extrato_relay_lag_seconds:min > {verdict.LAG_LIMIT_S:.0f}" in text
    assert f"read_model:extrato_read_model_lag_seconds:max > {verdict.LAG_LIMIT_S:.0f}" in text


@pytest.mark.parametrize("name", ["operator", "money", "provider"])
def test_dashboard_fits_its_grid(name):
    board = boards()[name]
    assert (board["uid"], board["schemaVersion"]) == (f"extrato-{name}", 39)
    assert [(each["name"], each["type"]) for each in board["templating"]["list"]] == [("DS", "datasource")]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["targets"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "${DS}"}


def test_dashboards_show_no_merchant_and_no_payment():
    for expression in expressions():
        assert not re.search(r"\b(?:merchant|account|payment_id|payer)\b", expression)
