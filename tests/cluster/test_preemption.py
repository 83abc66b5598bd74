"""Spot nodes go, revisions roll, replicas come and go, and no request that was accepted fails.

Real: the model server (processes with a small predictor, 20 to 50 ms a request, no torch), the API server with its
controllers, scheduler and Eviction API, KServe, Helm with the chart and the values as they are rendered for each cloud,
HAProxy. Not: the nodes are processes of this machine; the notice is ours, and what follows is done in Karpenter's order
(taint, eviction by the API, again while a budget forbids it, the end when the notice is over). HAProxy stands in for
Envoy: it takes its servers from EndpointSlices a second late, and tries again only where no connection came about. So
this shows the drain and the endpoints' removal, not Envoy's own policies.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from load.client import Report, asking
from load.debian import Program
from load.haproxy import proxied
from load.release import DEPLOYMENT, Release
from load.spot import Fleet
from plane.plane import Plane
from plane.processes import until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(7200), pytest.mark.usefixtures("kserve")]

RATE = 200.0
REPLICAS = 6
SCALE = "{min: 2, max: 12, target: 4}"
CLOUDS = ("aws", "gcp", "azure")
LONG = pytest.param(100, marks=pytest.mark.soak, id="long")


def preempt(fleet: Fleet, release: Release, wanted: int) -> list[str]:
    """Give notice to one node after the other, the next as soon as there are replacements; returns what was evicted."""
    evicted: list[str] = []
    with ThreadPoolExecutor() as pool:
        leaving: dict[str, Future[list[str]]] = {}
        while len(evicted) < wanted:
            until("the replacements", lambda: release.settled(REPLICAS))
            node = fleet.fullest(release.namespace, [each for each, future in leaving.items() if not future.done()])
            evicted += [each["metadata"]["name"] for each in fleet.on(node, release.namespace, leaving=False)]
            leaving[node] = pool.submit(fleet.notice, node, release.namespace)
            until("evictions", partial(gone, fleet, release, {*evicted}))
        for future in leaving.values():
            future.result()
    return evicted


def gone(fleet: Fleet, release: Release, names: set[str]) -> bool:
    """Return whether none of the pods stays."""
    return names.isdisjoint(each["metadata"]["name"] for each in fleet.pods(release.namespace, leaving=False))


@pytest.fixture
def release(plane: Plane, fleet: Fleet, namespace: str, tmp_path: Path, request: pytest.FixtureRequest) -> Release:
    """The model's release for the cloud that the test is for."""
    cloud = request.param
    fleet.become(cloud)
    return Release(plane, tmp_path, namespace, cloud, SCALE)


def started(release: Release, replicas: int, *, drain: bool = True) -> None:
    """Install the release and wait for its replicas."""
    release.install("first", drain=drain)
    until("a deployment", lambda: release.plane.kubectl.get("deployment", DEPLOYMENT, release.namespace))
    release.scale_to(replicas)
    until("replicas", lambda: release.settled(replicas))


@pytest.mark.parametrize("release", CLOUDS, indirect=True)
@pytest.mark.parametrize("preemptions", [pytest.param(10, id="short"), LONG])
def test_nothing_accepted_is_lost(
    preemptions: int, release: Release, fleet: Fleet, haproxy: Program, tmp_path: Path
) -> None:
    started(release, REPLICAS)
    with (
        proxied(release.plane, haproxy, release.namespace, DEPLOYMENT) as address,
        asking(f"{address}/fast", RATE, tmp_path) as report,
    ):
        evicted = preempt(fleet, release, preemptions)
        until("the replacements", lambda: release.settled(REPLICAS))
        release.install("second")
        until("the new revision", lambda: release.settled(REPLICAS))
        release.scale_to(REPLICAS + 3)
        until("more replicas", lambda: release.settled(REPLICAS + 3))
        release.scale_to(REPLICAS - 3)
        until("fewer replicas", lambda: release.settled(REPLICAS - 3))
        until("the others' end", lambda: len(fleet.pods(release.namespace, leaving=True)) == REPLICAS - 3)
    print(f"{release.cloud}: {len(evicted)} preempted; {report}")
    assert len(set(evicted)) >= preemptions
    assert report.lost == 0, str(report)
    assert_served(report, REPLICAS + preemptions)
    assert set(report.words) == {"first", "second"}


def assert_served(report: Report, processes: int) -> None:
    """Nothing that was refused hides what was lost, and the replicas that came took part."""
    assert report.answered + report.refused == report.sent
    assert report.answered > 0.9 * report.sent
    assert len(report.processes) >= processes


@pytest.mark.parametrize("release", ["aws"], indirect=True)
def test_without_the_drain_requests_are_lost(release: Release, fleet: Fleet, haproxy: Program, tmp_path: Path) -> None:
    started(release, REPLICAS, drain=False)
    with (
        proxied(release.plane, haproxy, release.namespace, DEPLOYMENT) as address,
        asking(f"{address}/fast", RATE, tmp_path) as report,
    ):
        # several: where the process is gone at once, the proxy finds no connection and rightly asks another replica
        preempt(fleet, release, REPLICAS)
        until("the replacements", lambda: release.settled(REPLICAS))
    print(f"drain off: {report}")
    assert report.lost > 0, str(report)
