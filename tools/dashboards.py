"""Write the Grafana dashboards of `charts/observability`: what they show is said here, the layout follows.

    python tools/dashboards.py            # writes charts/observability/dashboards/*.json

Helm puts a project's namespace in the place of `@namespace@`, and a name of its own in that of `@uid@`.
"""

# ruff: noqa: UP031 -- PromQL is full of braces; `%s` leaves them as they are
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "charts" / "observability" / "dashboards"
SCHEMA_VERSION, WIDTH, HEIGHT = 39, 24, 8
SOURCE = {"type": "prometheus", "uid": "${source}"}
M = 'namespace="@namespace@",model=~"$model"'
N = 'namespace="@namespace@"'


@dataclass(frozen=True)
class Chart:
    """One panel: its title, a unit as Grafana calls it, queries with their legends, and what a reader should know."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    about: str = ""
    kind: str = "timeseries"
    stacked: bool = False


def quantiles(family: str, by: str) -> list[tuple[str, str]]:
    """Return the median and the tails of a histogram."""
    label = "{{%s}} " % by
    buckets = "sum by (%s, le) (rate(%s_bucket{%s}[$__rate_interval]))" % (by, family, M)
    return [(f"histogram_quantile({q}, {buckets})", f"{label}p{q * 100:g}") for q in (0.5, 0.95, 0.99)]


MODEL = [
    Chart(
        "Requests a second",
        "reqps",
        [("sum by (model, code) (rate(workaday_requests_total{%s}[$__rate_interval]))" % M, "{{model}} {{code}}")],
        stacked=True,
    ),
    Chart(
        "Errors a second, by cause",
        "reqps",
        [("sum by (model, cause) (rate(workaday_errors_total{%s}[$__rate_interval]))" % M, "{{model}} {{cause}}")],
        "What each cause means: docs/metrics.md.",
        stacked=True,
    ),
    Chart("Time to an answer", "s", quantiles("workaday_request_seconds", "model")),
    Chart("Time by stage", "s", quantiles("workaday_stage_seconds", "stage")),
    Chart(
        "In work, and replicas",
        "short",
        [
            ("sum by (model) (workaday_in_flight{%s})" % M, "{{model}} in flight"),
            ("sum by (model) (workaday_concurrency{%s})" % M, "{{model}} capacity"),
            (
                'max by (deployment) (kube_deployment_status_replicas_available{%s,deployment=~"($model)-predictor"})'
                % N,
                "{{deployment}} ready",
            ),
            (
                'max by (deployment) (kube_deployment_spec_replicas{%s,deployment=~"($model)-predictor"})' % N,
                "{{deployment}} wanted",
            ),
            (
                "max by (scaledObject) (keda_scaler_metrics_value{%s} or keda_scaler_metrics_value{exported_%s})"
                % (N, N),
                "{{scaledObject}} as KEDA reads it",
            ),
        ],
        "Replicas follow the total in flight over the target (docs/charts.md).",
    ),
    Chart("Waiting", "short", [("sum by (model) (workaday_queue_length{%s})" % M, "{{model}}")]),
    Chart(
        "Batch size",
        "short",
        [
            (
                "sum by (model) (rate(workaday_batch_size_sum{%s}[$__rate_interval]))"
                " / sum by (model) (rate(workaday_batch_size_count{%s}[$__rate_interval]))" % (M, M),
                "{{model}} mean",
            )
        ],
    ),
    Chart(
        "Cold start: time to load",
        "s",
        [("max by (model) (workaday_model_load_seconds{%s})" % M, "{{model}}")],
        "What the slowest running replica took.",
    ),
    Chart(
        "Memory of the model",
        "bytes",
        [
            ("max by (model) (workaday_model_memory_bytes{%s})" % M, "{{model}} in the process"),
            ("max by (pod, kind) (workaday_gpu_memory_bytes{%s})" % N, "{{pod}} GPU {{kind}}"),
        ],
    ),
    Chart(
        "Promises: errors and slow answers, the last hour",
        "percentunit",
        [
            ("workaday:errors:ratio_rate1h{%s}" % M, "{{model}} failed"),
            ("workaday:slow:ratio_rate1h{%s}" % M, "{{model}} slow"),
        ],
    ),
    Chart(
        "Answers by class",
        "percentunit",
        [("workaday:answer_class:share1d{%s}" % M, "{{model}} {{name}}: {{class}}")],
        "What the predictor observes of its answers (docs/predictor.md).",
        stacked=True,
    ),
    Chart(
        "Drift",
        "short",
        [("workaday:answer:psi1d{%s}" % M, "{{model}} {{name}}")],
        "A day's answers against their reference: 0.1 is a change, 0.25 a large one.",
    ),
    Chart(
        "Generated tokens a second",
        "short",
        [
            (
                "sum by (model, direction) (rate(workaday_generation_tokens_total{%s}[$__rate_interval]))" % M,
                "{{model}} {{direction}}",
            )
        ],
    ),
    Chart("Time to the first token", "s", quantiles("workaday_generation_first_token_seconds", "model")),
    Chart("Time to the next token", "s", quantiles("workaday_generation_next_token_seconds", "model")),
    Chart(
        "KV cache and sequences",
        "percentunit",
        [
            (
                'sum by (model) (workaday_generation_kv_cache_bytes{%s,kind="used"})'
                ' / sum by (model) (workaday_generation_kv_cache_bytes{%s,kind="budget"})' % (M, M),
                "{{model}} cache used",
            ),
            ("sum by (model, state) (workaday_generation_sequences{%s})" % M, "{{model}} {{state}}"),
        ],
    ),
]
PODS = 'kube_pod_status_phase{%s,phase="Pending"}' % N
NODES = [
    Chart(
        "Nodes by capacity",
        "short",
        [
            (
                "count by (label_workaday_dev_pool, label_workaday_dev_capacity)"
                ' (kube_node_labels{label_workaday_dev_pool!=""})',
                "{{label_workaday_dev_pool}} {{label_workaday_dev_capacity}}",
            )
        ],
        stacked=True,
    ),
    Chart(
        "Nodes by type",
        "short",
        [
            (
                'count by (label_node_kubernetes_io_instance_type) (kube_node_labels{label_workaday_dev_pool!=""})',
                "{{label_node_kubernetes_io_instance_type}}",
            )
        ],
        stacked=True,
    ),
    Chart(
        "Spot nodes that went, in the last hour",
        "short",
        [
            (
                'count(count_over_time(kube_node_labels{label_workaday_dev_capacity="spot"}[1h])'
                " unless kube_node_labels) or vector(0)",
                "gone",
            )
        ],
        "Taken by the cloud or given back.",
    ),
    Chart("Pods without a node", "short", [("sum by (pod) (%s) > 0" % PODS, "{{pod}}")], stacked=True),
    Chart(
        "GPU use",
        "percent",
        [("avg by (Hostname, gpu, modelName) (DCGM_FI_DEV_GPU_UTIL)", "{{Hostname}} {{gpu}} {{modelName}}")],
    ),
    Chart(
        "GPU memory used",
        "percentunit",
        [
            (
                "avg by (Hostname, gpu) (DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE))",
                "{{Hostname}} {{gpu}}",
            )
        ],
    ),
    Chart("GPU power", "watt", [("sum by (Hostname) (DCGM_FI_DEV_POWER_USAGE)", "{{Hostname}}")]),
    Chart(
        "GPU faults (XID)",
        "short",
        [("max by (Hostname, gpu) (DCGM_FI_DEV_XID_ERRORS)", "{{Hostname}} {{gpu}}")],
        "The last one's number; 0 is none.",
    ),
    Chart(
        "Karpenter: nodes rented and given back",
        "short",
        [
            ("sum by (nodepool) (increase(karpenter_nodeclaims_created_total[1h]))", "{{nodepool}} rented"),
            ("sum by (nodepool) (increase(karpenter_nodeclaims_terminated_total[1h]))", "{{nodepool}} given back"),
        ],
        "On aws with Karpenter.",
    ),
    Chart(
        "Karpenter: of what may be rented",
        "percentunit",
        [
            (
                "max by (nodepool, resource_type) (karpenter_nodepools_usage)"
                " / max by (nodepool, resource_type) (karpenter_nodepools_limit)",
                "{{nodepool}} {{resource_type}}",
            )
        ],
    ),
    Chart(
        "Node CPU",
        "percentunit",
        [('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))', "{{instance}}")],
    ),
    Chart(
        "Node memory",
        "percentunit",
        [("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}")],
    ),
]
COST = [
    Chart("An hour, in all", "currencyUSD", [("sum(workaday:node:usd_hour{%s})" % N, "nodes")], kind="stat"),
    Chart("A month at this rate", "currencyUSD", [("730 * sum(workaday:node:usd_hour{%s})" % N, "nodes")], kind="stat"),
    Chart("An hour, by model", "currencyUSD", [("workaday:model:usd_hour{%s}" % M, "{{model}}")], stacked=True),
    Chart(
        "An hour, by capacity",
        "currencyUSD",
        [("sum by (pool, capacity) (workaday:node:usd_hour{%s})" % N, "{{pool}} {{capacity}}")],
        stacked=True,
    ),
    Chart(
        "A thousand requests",
        "currencyUSD",
        [("workaday:model:usd_per_1000_requests{%s}" % M, "{{model}}")],
        "At the last hour's rate.",
    ),
    Chart(
        "Paid for and used by no model",
        "currencyUSD",
        [("sum(workaday:node:usd_hour{%s}) - (sum(workaday:model:usd_hour{%s}) or vector(0))" % (N, N), "unused")],
        "Nodes that start, stand empty, or run controllers.",
    ),
]
DASHBOARDS = {"model": ("models", MODEL), "nodes": ("nodes and spot", NODES), "cost": ("cost", COST)}


def panel(chart: Chart, place: int) -> dict[str, Any]:
    """Return a panel, two of them side by side."""
    custom = {
        "fillOpacity": 20 if chart.stacked else 0,
        "stacking": {"mode": "normal" if chart.stacked else "none", "group": "A"},
    }
    return {
        "id": place + 1,
        "type": chart.kind,
        "title": chart.title,
        **({"description": chart.about} if chart.about else {}),
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH // 2, "x": place % 2 * WIDTH // 2, "y": place // 2 * HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": chart.unit, "min": 0} | ({"custom": custom} if chart.kind == "timeseries" else {}),
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
                "editorMode": "code",
                "range": True,
            }
            for index, (query, legend) in enumerate(chart.queries)
        ],
    }


def variables(name: str) -> list[dict[str, Any]]:
    """Return what a reader chooses above the panels."""
    source = {
        "name": "source",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
    }
    if name == "nodes":
        return [source]
    query = "label_values(workaday_model_state{%s}, model)" % N
    # fmt: off
    model = {
        "name": "model", "label": "Model", "type": "query", "datasource": SOURCE, "query": query, "refresh": 2,
        "sort": 1, "multi": True, "includeAll": True, "hide": 0, "current": {"text": "All", "value": "$__all"},
    }
    # fmt: on
    return [source, model]


def dashboard(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana stores it."""
    title, charts = DASHBOARDS[name]
    return {
        "uid": "@uid@",
        "title": f"Workaday @namespace@: {title}",
        "tags": ["workaday"],
        "timezone": "browser",
        "editable": False,
        "schemaVersion": SCHEMA_VERSION,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "graphTooltip": 1,
        "templating": {"list": variables(name)},
        "panels": [panel(chart, place) for place, chart in enumerate(charts)],
    }


def text(name: str) -> str:
    """Return a dashboard's file."""
    return json.dumps(dashboard(name), indent=1) + "\n"


if __name__ == "__main__":
    for each in DASHBOARDS:
        (FOLDER / f"{each}.json").write_text(text(each))
