"""From zero: the real HTTP add-on holds the first request until the model that it is for has come up.

The product's own: the model as it is rendered, by KServe, our ScaledObject with the add-on among its triggers.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from load.debian import Program
from load.prometheus import scraping
from load.release import DEPLOYMENT, MODEL, Release
from load.spot import Fleet
from plane import http_add_on
from plane.kubectl import Kubectl
from plane.plane import Plane
from plane.pods import TOLERATION, ProcessNode
from plane.processes import until
from plane.testing import Apply, Need, WaitReady

from workaday.blueprint import naming

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]


@pytest.fixture(scope="session")
def interceptor(plane: Plane, keda: None, process_node: ProcessNode, need: Need) -> str:
    """Return where requests go in."""
    need(*http_add_on.PROGRAMS)
    http_add_on.start(plane)
    return http_add_on.url(plane)


def model() -> list[dict[str, Any]]:
    """Return a deployment at zero, its Service, and what brings it up."""
    labels = {"app": "model"}
    container = {
        "name": "model",
        "image": "model",
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "ports": [{"containerPort": 8080}],
    }
    spec = {"containers": [container], "tolerations": [TOLERATION], "nodeSelector": {"workaday.dev/runtime": "process"}}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "model"},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "model"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        {
            "apiVersion": "http.keda.sh/v1alpha1",
            "kind": "HTTPScaledObject",
            "metadata": {"name": "model"},
            "spec": {
                "hosts": ["model.example"],
                "scaleTargetRef": {"name": "model", "kind": "Deployment", "service": "model", "port": 80},
                "replicas": {"min": 0, "max": 2},
            },
        },
    ]


def test_the_first_request_is_answered(
    interceptor: str,
    process_node: ProcessNode,
    apply: Apply,
    wait_ready: WaitReady,
    kubectl: Kubectl,
    namespace: str,
) -> None:
    process_node.image("model", [sys.executable, "-m", "http.server", "8080"], workdir="/srv")
    apply(model())
    until("a ScaledObject", lambda: kubectl.list("scaledobjects", namespace=namespace))
    wait_ready("scaledobject", "model")
    assert kubectl.get("deployment", "model", namespace)["status"].get("readyReplicas", 0) == 0
    answer = httpx.get(interceptor, headers={"host": "model.example"}, timeout=300, trust_env=False)
    assert answer.status_code == 200
    assert kubectl.get("deployment", "model", namespace)["status"]["readyReplicas"] == 1


@pytest.mark.usefixtures("kserve")
def test_a_rendered_model_goes_to_sleep_and_a_request_wakes_it(
    interceptor: str,
    plane: Plane,
    fleet: Fleet,
    prometheus: Program,
    kubectl: Kubectl,
    namespace: str,
    tmp_path: Path,
) -> None:
    fleet.become("aws")
    release = Release(plane, tmp_path, namespace, "aws", "{min: 0, max: 2, window: 10s, down_after: 10s}", gateway=True)
    with scraping(plane, prometheus, namespace) as scraped:
        release.install("first", scaling={"polling": 2, "prometheus": scraped.url})
        kubectl("wait", "--for=condition=Ready", "--timeout=240s", f"--namespace={namespace}", f"so/{DEPLOYMENT}")
        until("no replica", lambda: release.settled(0))
        assert len(kubectl.list("scaledobjects", namespace=namespace)) == 1, "the add-on makes none beside ours"
        rule = kubectl.get("httproute", naming.route(MODEL), namespace)["spec"]["rules"][0]
        # what a gateway makes of a request, by the rendered route
        host = rule["filters"][0]["urlRewrite"]["hostname"]
        assert rule["backendRefs"][0]["name"] == http_add_on.PROXY
        answer = httpx.post(
            f"{interceptor}/fast", json={"asked": 7}, headers={"host": host}, timeout=300, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["asked"] == 7
        assert kubectl.get("deployment", DEPLOYMENT, namespace)["status"]["readyReplicas"] == 1
        until("no replica again", lambda: release.settled(0))


def test_a_host_that_no_model_has_wakes_none(interceptor: str, namespace: str) -> None:
    answer = httpx.get(interceptor, headers={"host": f"{DEPLOYMENT}.{namespace}"}, timeout=30, trust_env=False)
    assert answer.status_code == 404, "no such model sleeps"
