"""What the chart `observability` makes of a project: rules, dashboards, and the metrics that they name."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from helmet import template

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHART = ROOT / "charts" / "observability"
NAMESPACE = "dungeon"
VALUES: dict[str, Any] = {
    "models": [
        {
            "name": "story",
            "deployment": "story-predictor",
            "metrics": True,
            "availability": 99.9,
            "latency": {"seconds": 3, "share": 0.99},
        },
        {"name": "llm", "deployment": "llm-predictor", "metrics": False, "availability": 99, "latency": None},
    ],
    "receiver": {"kind": "webhook", "secret": "pager"},
    "prices": [
        {"type": "g6.xlarge", "capacity": "on-demand", "usd": 0.8},
        {"type": "g6.xlarge", "capacity": "spot", "usd": 0.4},
        {"type": "m7i.xlarge", "capacity": "on-demand", "usd": 0.2},
    ],
    "bases": [{"pool": "gpu", "nodes": 1}],
    "budget": 1000,
    "certificate": {"name": "workaday-tls", "namespace": "workaday-system"},
    "monitors": [{"name": "keda", "namespace": "keda", "labels": {"app": "keda-operator"}, "port": "metrics"}],
}
WORDS = {"and", "or", "unless", "by", "on", "ignoring", "group_left", "group_right", "without", "bool", "offset"}
LISTS = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)")
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})?")


def manifests(**changed: Any) -> list[dict[str, Any]]:
    """Return what the chart makes of `VALUES`, some of them changed."""
    return template(CHART, VALUES | changed, NAMESPACE)


@cache
def groups() -> list[dict[str, Any]]:
    """Return the groups of every PrometheusRule."""
    return [group for each in manifests() if each["kind"] == "PrometheusRule" for group in each["spec"]["groups"]]


def rules() -> list[dict[str, Any]]:
    """Return every rule."""
    return [rule for group in groups() for rule in group["rules"]]


def dashboards() -> dict[str, dict[str, Any]]:
    """Return every dashboard as Grafana gets it, by its file."""
    maps = [each for each in manifests() if each["kind"] == "ConfigMap"]
    return {name: json.loads(text) for each in maps for name, text in each["data"].items()}


def queries() -> Iterator[tuple[str, str, str, str]]:
    """Yield dashboard, panel, legend and query of all that dashboards ask, as Grafana sends it."""
    for file, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                asked = target["expr"].replace("$__rate_interval", "1m").replace("$model", ".+")
                yield file, panel["title"], target["legendFormat"], asked


def metrics_of(query: str) -> set[str]:
    """Return the names of the metrics in a query."""
    bare = LISTS.sub(" ", re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", re.sub(r'"(?:\\.|[^"\\])*"', '""', query)))
    found = set()
    for match in NAME.finditer(bare):
        called = bare[match.end() :].lstrip().startswith("(")
        before = bare[: match.start()]
        if not called and match.group() not in WORDS and not re.search(r"[\d.]$", before):
            found.add(match.group())
    return found


def emitted() -> set[str]:
    """Return every metric that the server or an exporter says, and that rules record."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    found = {rule["record"] for rule in rules() if "record" in rule}
    for name, kind in re.findall(r"\| `(\w+)` \| (counter|gauge|histogram) \|", page):
        found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    for exporter in json.loads((HERE / "exporters.json").read_text()).values():
        found |= set(exporter["metrics"])
    with (HERE / "dcgm-exporter.csv").open() as file:
        found |= {row[0].strip() for row in csv.reader(file) if row and not row[0].startswith("#")}
    return found
