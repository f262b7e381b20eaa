"""The dashboard and the alert rules, held to the metrics that there are: a name that is not there shows nothing, for ever."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge import errors
from bridge.model import JobState
from bridge.report import Metrics
from bridge.report.metrics import OPEN

DEPLOY = Path(__file__).parents[2] / "deploy"
BOARD = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
GROUPS = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
#: of Prometheus itself
THEIRS = {"up": {"job", "instance"}}
SELECTED = re.compile(r"\b(chat2crm_\w+|up)\b(?:\{([^}]*)\})?")


def metrics() -> dict[str, set[str]]:
    """Name of a sample → its labels."""
    found = dict(THEIRS)
    for collector in Metrics().registry._collector_to_names:
        name, kind, labels = collector._name, collector._type, set(collector._labelnames)  # type: ignore[attr-defined]
        if kind == "histogram":
            found |= {f"{name}_bucket": {*labels, "le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name + ("_total" if kind == "counter" else "")] = labels
    return found


def outcomes() -> set[str]:
    """What a delivery can be counted as: words of the receiver, and codes of errors."""
    receive = ast.parse((Path(errors.__file__).parent / "receive.py").read_text(encoding="utf-8"))
    words = {node.value for node in ast.walk(receive) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BridgeError)]
    return words | {kind.code for kind in kinds}


def expressions() -> list[str]:
    shown = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    return [*shown, *(rule["expr"] for rule in RULES)]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_asks_for_metrics_labels_and_words_that_there_are(expression: str) -> None:
    there = metrics()
    asked = SELECTED.findall(expression)
    assert asked, "no metric of ours"
    for name, selector in asked:
        assert name in there, name
        for label, _, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selector):
            assert label in there[name], f"{name} has no label {label}"
            if label == "state":
                assert set(value.split("|")) <= set(OPEN), value
            if label == "outcome":
                words = outcomes() if "deliveries" in name else {state.value for state in JobState}
                assert set(value.split("|")) <= words, value
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        labels = {label.strip() for label in grouped.split(",")}
        assert any(labels <= there[name] for name, _ in asked), labels
    assert all(expression.count(opens) == expression.count(closes) for opens, closes in ("()", "{}", "[]"))


def test_an_expression_that_asks_for_nothing_there_is_found_out() -> None:
    with pytest.raises(AssertionError, match="chat2crm_job_count"):
        test_an_expression_asks_for_metrics_labels_and_words_that_there_are("chat2crm_job_count > 0")
    with pytest.raises(AssertionError, match="no label name"):
        test_an_expression_asks_for_metrics_labels_and_words_that_there_are('chat2crm_jobs{name="sales"} > 0')
    with pytest.raises(AssertionError, match="broken"):
        test_an_expression_asks_for_metrics_labels_and_words_that_there_are('chat2crm_jobs{state="broken"} > 0')


def test_every_metric_is_shown_on_the_dashboard() -> None:
    shown = {name for expression in expressions() for name, _ in SELECTED.findall(expression)}
    histograms = {name.removesuffix("_bucket") for name in shown if name.endswith("_bucket")}
    needed = {name for name in metrics() if re.sub(r"_(bucket|sum|count)$", "", name) not in histograms} - set(THEIRS)
    assert needed - shown == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_it_is_what_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description"}
    # one bad moment wakes nobody
    assert "for" in rule or re.search(r"\[\d+m\]", rule["expr"])
    labels = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    kept = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
    aggregated = {label.strip() for group in kept for label in group.split(",")}
    there = metrics()
    assert labels <= (aggregated or {label for name, _ in SELECTED.findall(rule["expr"]) for label in there[name]})


def test_every_rule_and_panel_has_a_name_of_its_own() -> None:
    names = [rule["alert"] for rule in RULES] + [panel["title"] for panel in BOARD["panels"]]
    assert len(names) == len(set(names))
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert all(panel["description"] for panel in BOARD["panels"])


def test_panels_do_not_lie_on_one_another() -> None:
    places = [(panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y) for panel in BOARD["panels"]
              for x in range(panel["gridPos"]["w"]) for y in range(panel["gridPos"]["h"])]  # fmt: skip
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
