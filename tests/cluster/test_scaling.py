"""A model goes from one replica to several under load, and back to one after it.

Real: the model server, its `/metrics`, Prometheus that scrapes it every two seconds, KEDA with the ScaledObject and
the query as they are rendered, the autoscaler, KServe, HAProxy and the load. Not: the node, whose pods are processes of
this machine. Shorter than rendered: how often KEDA asks, the query's window, how long the way down waits.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from load.client import asking
from load.debian import Program
from load.haproxy import proxied
from load.prometheus import scraping
from load.release import DEPLOYMENT, MODEL, Release
from load.spot import Fleet
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.processes import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

# 120 requests a second of 35 ms each are 4.2 under way: with a target of 1 that is more replicas than may be.
RATE = 120.0
MOST = 3
SCALE = f"{{min: 1, max: {MOST}, target: 1, window: 10s, down_after: 10s}}"
QUICK = {"polling": 2, "down": {"after": 10, "pods": 1, "percent": 100, "period": 5}}
ANSWERED = f'workaday_requests_total{{model="{MODEL}",code="200"}}'


def replicas(release: Release) -> int:
    """Return how many replicas are available."""
    status = release.plane.kubectl.get("deployment", DEPLOYMENT, release.namespace)["status"]
    return int(status.get("availableReplicas", 0))


@pytest.mark.usefixtures("kserve")
def test_prometheus_knows_what_is_in_flight(
    plane: Plane, fleet: Fleet, haproxy: Program, prometheus: Program, namespace: str, tmp_path: Path
) -> None:
    fleet.become("aws")
    release = Release(plane, tmp_path, namespace, "aws", SCALE)
    (model,) = release.rendered("first")["models"]
    query = model["scaling"]["query"]
    assert "workaday_in_flight" in query
    release.install("first")
    until("a replica", lambda: release.settled(1))
    with (
        scraping(plane, prometheus, namespace) as scraped,
        proxied(plane, haproxy, namespace, DEPLOYMENT) as address,
    ):
        until("an idle model", lambda: [value for _, value in scraped.ask(query)] == [0.0])
        with asking(f"{address}/fast", RATE, tmp_path) as report:
            until("load", lambda: scraped.ask(query)[0][1] > 1.0)
        until("an idle model again", lambda: [value for _, value in scraped.ask(query)] == [0.0])
        answered = scraped.ask(f"sum({ANSWERED})")[0][1]
    assert report.lost == 0, str(report)
    assert answered == report.answered


@pytest.mark.usefixtures("kserve", "keda")
def test_one_to_several_and_back(
    plane: Plane,
    fleet: Fleet,
    haproxy: Program,
    prometheus: Program,
    kubectl: Kubectl,
    namespace: str,
    tmp_path: Path,
) -> None:
    fleet.become("aws")
    release = Release(plane, tmp_path, namespace, "aws", SCALE)
    with scraping(plane, prometheus, namespace) as scraped:
        release.install("first", scaling={**QUICK, "prometheus": scraped.url})
        until("a replica", lambda: release.settled(1))
        kubectl("wait", "--for=condition=Ready", "--timeout=240s", f"--namespace={namespace}", f"so/{DEPLOYMENT}")
        with (
            proxied(plane, haproxy, namespace, DEPLOYMENT) as address,
            asking(f"{address}/fast", RATE, tmp_path) as report,
        ):
            until("as many replicas as may be", lambda: replicas(release) == MOST)
            until("answers of each", lambda: len(scraped.ask(f"sum by (pod) ({ANSWERED}) > 0")) == MOST)
        until("one replica again", lambda: release.settled(1))
        until("its pod alone", lambda: len(fleet.pods(namespace, leaving=True)) == 1)
    print(f"1 -> {MOST} -> 1: {report}")
    assert report.lost == 0, str(report)
    assert len(report.processes) == MOST
