"""A release is replaced, drained and loses a zone, and never has fewer replicas than it promises.

Real: the API server with its controllers, scheduler and Eviction API, KServe, Helm with the chart and the values as
they are rendered, `kubectl drain`. Not: the nodes, which are KWOK's and only say that their pods run.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from load.following import following
from load.release import DEPLOYMENT, Release
from plane import kwok, programs
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.processes import until

from workaday.blueprint.cloud import CAPACITY_LABEL

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("kserve")]

REPLICAS = 4
POOL = "burst"
ZONE = "topology.kubernetes.io/zone"
SCALE = "{min: 4, max: 12, target: 4}"
# Node groups, without Karpenter: two spot nodes in each of three zones, and a base on demand in each.
GROUP = {"cloud": "gcp", "instance": "n2-standard-4", "pool": POOL}
GROUPS = [
    {**GROUP, "name": "live-spot", "capacity": "spot", "count": 6},
    {**GROUP, "name": "live-base", "capacity": "on-demand", "count": 3},
]


@pytest.fixture(scope="module")
def pool(plane: Plane, nodes: list[str]) -> Iterator[list[str]]:
    """Nodes of the model's pool, spot and on demand; gone afterwards."""
    names = kwok.add_nodes(plane, GROUPS)
    yield names
    plane.kubectl("delete", "node", *names)


@pytest.fixture
def release(plane: Plane, pool: list[str], namespace: str, tmp_path: Path) -> Iterator[Release]:
    """The model's release with four replicas that are available."""
    made = Release(plane, tmp_path, namespace, "gcp", SCALE, POOL)
    made.install("first")
    until("a deployment", lambda: plane.kubectl.get("deployment", DEPLOYMENT, namespace))
    made.scale_to(REPLICAS)
    until("replicas", lambda: made.settled(REPLICAS))
    yield made
    plane.kubectl("delete", "inferenceservice", "--all", f"--namespace={namespace}", "--timeout=240s")


class Seen:
    """What there was of a deployment's replicas.

    Attributes:
        fewest: the smallest number of replicas that were available at once.
        most: the greatest number of replicas there were at once, ready or not.
    """

    def __init__(self) -> None:
        self.fewest, self.most = 10**6, 0

    def changed(self, deployments: list[dict[str, Any]]) -> None:
        """Look at the deployment."""
        for each in deployments:
            self.fewest = min(self.fewest, each["status"].get("availableReplicas", 0))
            self.most = max(self.most, each["status"].get("replicas", 0))


@contextmanager
def watching(release: Release) -> Iterator[Seen]:
    """Follow the release's deployment for the length of a block."""
    seen = Seen()
    path = f"/apis/apps/v1/namespaces/{release.namespace}/deployments"
    with following(release.plane, path, seen.changed, fieldSelector=f"metadata.name={DEPLOYMENT}"):
        until("a first look", lambda: seen.most)
        yield seen


@pytest.fixture
def places(kubectl: Kubectl, release: Release) -> Callable[[], list[dict[str, Any]]]:
    """Return the nodes of the release's pods that run and stay, one for each pod."""

    def found() -> list[dict[str, Any]]:
        pods = kubectl.list("pods", f"--selector=app=isvc.{DEPLOYMENT}", namespace=release.namespace)
        there = {each["metadata"]["name"]: each for each in kubectl.list("nodes")}
        stays = [each for each in pods if "deletionTimestamp" not in each["metadata"]]
        return [there[each["spec"]["nodeName"]] for each in stays if each["status"]["phase"] == "Running"]

    return found


def of(nodes: list[dict[str, Any]], label: str) -> set[str]:
    """Return the values of a label."""
    return {each["metadata"]["labels"][label] for each in nodes}


def test_a_new_revision_never_leaves_fewer_replicas(release: Release, kubectl: Kubectl) -> None:
    before = {each["metadata"]["name"] for each in kubectl.list("pods", namespace=release.namespace)}
    with watching(release) as seen:
        release.install("second")
        until("the new revision", lambda: release.settled(REPLICAS) and seen.most > REPLICAS)
    after = {each["metadata"]["name"] for each in kubectl.list("pods", namespace=release.namespace)}
    assert before - after == before
    assert seen.fewest == REPLICAS
    assert seen.most == REPLICAS + 1


def test_a_revision_that_never_starts_takes_no_replica(release: Release, kubectl: Kubectl) -> None:
    with watching(release) as seen:
        release.install("second", scheduling={"pools": ["nowhere"]})
        until("a replica that waits", lambda: seen.most == REPLICAS + 1)
        pending = "--field-selector=status.phase=Pending"
        until("a refusal", lambda: kubectl.list("pods", pending, namespace=release.namespace))
        release.install("first")
        until("the old revision", lambda: release.settled(REPLICAS))
    assert seen.fewest == REPLICAS


def test_spot_first_and_over_all_zones(places: Callable[[], list[dict[str, Any]]]) -> None:
    assert of(places(), CAPACITY_LABEL) == {"spot"}
    assert len(of(places(), ZONE)) == 3


def test_a_drain_of_every_spot_node_takes_one_replica_at_a_time(
    release: Release, plane: Plane, pool: list[str], places: Callable[[], list[dict[str, Any]]]
) -> None:
    spot = [each for each in pool if each.startswith("live-spot")]
    drain = [str(programs.find("kubectl")), f"--kubeconfig={plane.kubeconfig}", "drain", "--timeout=600s"]
    try:
        with watching(release) as seen:
            done = subprocess.run([*drain, "--delete-emptydir-data", *spot], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            until("replicas elsewhere", lambda: release.settled(REPLICAS))
        assert of(places(), CAPACITY_LABEL) == {"on-demand"}
        assert seen.fewest >= REPLICAS - 1
    finally:
        plane.kubectl("uncordon", *spot)


def test_a_zone_without_spot_goes_to_its_base(
    release: Release, plane: Plane, pool: list[str], places: Callable[[], list[dict[str, Any]]]
) -> None:
    spot = [each for each in pool if each.startswith("live-spot")]
    labels = {each: plane.kubectl.get("node", each)["metadata"]["labels"][ZONE] for each in spot}
    lost = sorted(labels.values())[0]
    gone = [each for each in spot if labels[each] == lost]
    others = [each for each in spot if labels[each] != lost]
    assert lost in of(places(), ZONE)
    plane.kubectl("cordon", *others)  # those that are left are full
    try:
        for each in gone:
            kwok.interrupt(plane, each)
        until("all elsewhere", lambda: release.settled(REPLICAS) and not {*gone} & names(places()))
        moved = [each for each in places() if each["metadata"]["name"] not in others]
        assert moved
        assert of(moved, CAPACITY_LABEL) == {"on-demand"}
    finally:
        for each in gone:
            kwok.restore(plane, each)
        plane.kubectl("uncordon", *others)


def names(nodes: list[dict[str, Any]]) -> set[str]:
    """Return the nodes' names."""
    return {each["metadata"]["name"] for each in nodes}
