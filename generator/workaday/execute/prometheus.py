"""The cluster's Prometheus, asked by way of the API server: no port is opened, and kubectl's rights suffice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workaday.execute.kube import Unreachable

if TYPE_CHECKING:
    from workaday.execute.kube import Cluster

NAMESPACE, SERVICE, PORT = "monitoring", "prometheus-operated", 9090
LATENCY = "histogram_quantile(0.99, sum by (model, le) (rate(workaday_request_seconds_bucket{{{where}}}[5m])))"


def ask(cluster: Cluster, query: str) -> list[tuple[Mapping[str, str], float]]:
    """Return what a query says now: each series' labels and value; those that are no number are left out.

    Raises:
        Unreachable: there is no Prometheus, or it does not answer.
        ProjectError: X183, its Service may not be reached through the API server.
    """
    path = f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}:{PORT}/proxy/api/v1/query"
    answer = cluster.read(path, {"query": query})
    if answer is None:
        raise Unreachable(f"there is no Prometheus at {SERVICE}.{NAMESPACE}:{PORT}")
    try:
        result = json.loads(answer)["data"]["result"]
    except (ValueError, KeyError):
        raise Unreachable(f"{SERVICE}.{NAMESPACE}:{PORT} answers as no Prometheus does") from None
    values = ((each["metric"], float(each["value"][1])) for each in result)
    return [(labels, value) for labels, value in values if not math.isnan(value)]


def p99_by_model(cluster: Cluster, namespace: str) -> Mapping[str, float]:
    """Return how many seconds 99 of 100 requests took at most in the last five minutes, by model; raises as `ask`."""
    found = ask(cluster, LATENCY.format(where=f'namespace="{namespace}"'))
    return {labels["model"]: value for labels, value in found if math.isfinite(value)}
