"""The rendered NodePools under the real Karpenter: base, spot and fallback in the order of their weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chart_profiles import tree
from helmet import template
from plane import karpenter
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.processes import until
from plane.testing import Apply, Need

from workaday import catalog

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

CHARTS = Path(__file__).parents[2] / "charts"
REGION, TYPES = "us-east-1", ("g4dn.xlarge", "g4dn.2xlarge", "m7i.xlarge")
CLASS = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}
Manifests = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tree of a project with one on-demand node as base, spot nodes and a fallback."""

    return tree("full-aws", tmp_path_factory.mktemp("full-aws"), renamed)


def renamed(text: str) -> str:
    """Rename the pool: the plane's own nodes are of a pool `gpu`, and would take the pods."""
    return text.replace("name: gpu", "name: leased").replace("[gpu]", "[leased]")


def node_pools(rendered: dict[str, bytes]) -> Manifests:
    """Return a tree's NodePools, as they are but for the cloud behind them."""
    found = template(CHARTS / "nodepools", json.loads(rendered["releases/pools.json"]))
    for each in found:
        if each["kind"] == "NodePool":
            each["spec"]["template"]["spec"]["nodeClassRef"] = CLASS
    return [each for each in found if each["kind"] == "NodePool"]


@pytest.fixture
def pools(rendered: dict[str, bytes]) -> Manifests:
    """The rendered NodePools."""
    return node_pools(rendered)


@pytest.fixture
def story(rendered: dict[str, bytes]) -> Callable[[int], dict[str, Any]]:
    """Return a deployment of pods that go where the rendered model's go, with its resources."""
    manifests = template(CHARTS / "inference", json.loads(rendered["releases/story.json"]))
    [pod] = [each["spec"]["predictor"] for each in manifests if each["kind"] == "InferenceService"]
    container = {"name": "model", "image": "model", "resources": pod["containers"][0]["resources"]}
    spec = {key: pod[key] for key in ("affinity", "tolerations")} | {"containers": [container]}
    labels = {"app": "story"}

    def deployment(replicas: int) -> dict[str, Any]:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "story"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }

    return deployment


@pytest.fixture
def rented(plane: Plane, need: Need, kubectl: Kubectl, namespace: str) -> Iterator[Callable[[], list[str]]]:
    """Return the NodePool of each node that was rented; all are given back afterwards."""
    need(*karpenter.PROGRAMS, "kwok")

    def found() -> list[str]:
        labels = [each["metadata"]["labels"] for each in kubectl.list("nodes", "--selector=karpenter.sh/nodepool")]
        return sorted(each["karpenter.sh/nodepool"] for each in labels)

    yield found
    kubectl("delete", "deployment", "story", f"--namespace={namespace}", "--ignore-not-found")
    kubectl("delete", "nodepools", "--all", "--timeout=240s")
    until("every node is given back", lambda: found() == [])
    plane.processes.stop("karpenter")


@pytest.mark.parametrize(
    ("no_spot", "expected"),
    [
        (False, ["leased-base", "leased-spot", "leased-spot"]),
        (True, ["leased-base", "leased-on-demand", "leased-on-demand"]),
    ],
    ids=["spot is there", "spot is not to be had"],
)
@pytest.mark.usefixtures("nodes")
def test_the_base_is_rented_first_then_spot_and_on_demand_where_there_is_none(
    no_spot: bool,
    expected: list[str],
    plane: Plane,
    pools: Manifests,
    story: Callable[[int], dict[str, Any]],
    rented: Callable[[], list[str]],
    apply: Apply,
    kubectl: Kubectl,
    namespace: str,
) -> None:
    catalogue = catalog.read("aws")
    assert catalogue
    missing = {(name, "spot") for name in TYPES} if no_spot else set()
    karpenter.start(plane, karpenter.types(catalogue, REGION, TYPES, missing))
    rentable(pools, apply, kubectl)
    apply([story(3)])
    until("three run", lambda: running(kubectl, namespace) == 3)
    assert rented() == expected
    prices = {name: catalogue.instances[name].usd_hour or 0.0 for name in TYPES[:2]}
    labels = [each["metadata"]["labels"] for each in kubectl.list("nodes", "--selector=karpenter.sh/nodepool")]
    cheapest = min(prices, key=lambda name: prices[name])
    assert {each["node.kubernetes.io/instance-type"] for each in labels} == {cheapest}


def rentable(pools: Manifests, apply: Apply, kubectl: Kubectl) -> None:
    """Apply NodePools and wait until Karpenter rents by them: pods that come earlier get what it knows by then."""
    apply(pools)
    kubectl("wait", "--for=condition=Ready", "--timeout=240s", "nodepools", "--all")


def running(kubectl: Kubectl, namespace: str) -> int:
    """Return how many pods run."""
    return len(kubectl.list("pods", "--field-selector=status.phase=Running", namespace=namespace))


@pytest.mark.usefixtures("nodes")
def test_spot_is_rented_again_once_it_is_there(
    plane: Plane,
    pools: Manifests,
    story: Callable[[int], dict[str, Any]],
    rented: Callable[[], list[str]],
    apply: Apply,
    kubectl: Kubectl,
    namespace: str,
) -> None:
    catalogue = catalog.read("aws")
    assert catalogue
    karpenter.start(plane, karpenter.types(catalogue, REGION, TYPES, {(name, "spot") for name in TYPES}))
    rentable(pools, apply, kubectl)
    apply([story(2)])
    until("two run", lambda: running(kubectl, namespace) == 2)
    assert rented() == ["leased-base", "leased-on-demand"]
    plane.processes.stop("karpenter")
    karpenter.start(plane, karpenter.types(catalogue, REGION, TYPES))
    apply([story(3)])
    until("three run", lambda: running(kubectl, namespace) == 3)
    assert rented() == ["leased-base", "leased-on-demand", "leased-spot"]
    kubectl("delete", "nodeclaims", "--selector=karpenter.sh/nodepool=leased-on-demand", "--timeout=240s")
    until("three run again", lambda: running(kubectl, namespace) == 3)
    assert rented() == ["leased-base", "leased-spot", "leased-spot"]


@pytest.mark.usefixtures("nodes")
def test_no_more_is_rented_than_the_pool_may_have(
    plane: Plane,
    story: Callable[[int], dict[str, Any]],
    rented: Callable[[], list[str]],
    apply: Apply,
    kubectl: Kubectl,
    namespace: str,
    tmp_path: Path,
) -> None:
    def small(text: str) -> str:
        return renamed(text).replace("max: 24", "max: 3").replace("min: 1, max: 20", "min: 1, max: 2")

    catalogue = catalog.read("aws")
    assert catalogue
    karpenter.start(plane, karpenter.types(catalogue, REGION, TYPES))
    pools = node_pools(tree("full-aws", tmp_path, small))
    limits = {each["metadata"]["name"]: each["spec"]["limits"]["nodes"] for each in pools}
    wanted = sum(count for name, count in limits.items() if name.startswith("leased-")) + 2
    rentable(pools, apply, kubectl)
    apply([story(wanted)])
    until("as many as may", lambda: running(kubectl, namespace) == wanted - 2)
    refusal = "reason=FailedScheduling"
    until("a refusal", lambda: kubectl.list("events", f"--field-selector={refusal}", namespace=namespace))
    found = rented()
    assert {name: found.count(name) for name in found} == {
        name: count for name, count in limits.items() if name.startswith("leased-")
    }
