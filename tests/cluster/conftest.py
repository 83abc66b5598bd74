"""A plane for the session, a namespace for each test, and what tests say to both; the README tells what is real."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
from load.debian import PACKAGES, Debian, Program
from load.debian import find as find_program
from load.spot import Fleet
from plane import keda as keda_
from plane import kserve as kserve_
from plane import kwok, network, programs, session
from plane.kubectl import Kubectl, KubectlError, Manifests
from plane.plane import PROGRAMS, Plane
from plane.pods import ProcessNode
from plane.testing import Apply, LeftOut, Need, WaitReady

LEFT_OUT = pytest.StashKey[dict[str, None]]()
DOWNLOADED = pytest.StashKey[dict[str, Program | str]]()


@pytest.fixture(scope="session")
def need(pytestconfig: pytest.Config) -> Need:
    """Leave a test out, loudly, where programs that it needs are not built; in CI it fails."""

    def check(*names: str) -> None:
        lacking = programs.lacking(*names)
        if lacking is not None:
            leave_out(pytestconfig, lacking)

    return check


@pytest.fixture(scope="session")
def debian(pytestconfig: pytest.Config) -> Debian:
    """Return a program of Debian's; the test is left out, loudly, where it cannot be had, and fails in CI."""

    def found(name: str) -> Program:
        had = pytestconfig.stash[DOWNLOADED][name]
        if isinstance(had, Program):
            return had
        leave_out(pytestconfig, had)

    return found


def pytest_collection_finish(session: pytest.Session) -> None:
    """Download Debian's programs that tests want while the network is the machine's: the plane's leads nowhere."""
    had = session.config.stash.setdefault(DOWNLOADED, {})
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ()) if name in PACKAGES}
    for name in wanted if not session.config.option.collectonly else ():
        try:
            had[name] = find_program(name)
        except programs.Missing as reason:
            had[name] = str(reason)


@pytest.fixture(scope="session")
def haproxy(debian: Debian) -> Program:
    """HAProxy, of Debian's package."""
    return debian("haproxy")


@pytest.fixture(scope="session")
def prometheus(debian: Debian) -> Program:
    """Prometheus, of Debian's package."""
    return debian("prometheus")


@pytest.fixture(scope="module")
def fleet(plane: Plane, process_node: ProcessNode) -> Iterator[Fleet]:
    """Three spot nodes, whose pods are processes, in three zones; `fleet.become(cloud)` makes them a cloud's."""
    made = Fleet(plane)
    yield made
    made.close()


@pytest.fixture(scope="session")
def left_out(pytestconfig: pytest.Config) -> LeftOut:
    """Leave a test out, loudly, for a reason; in CI it fails."""
    return partial(leave_out, pytestconfig)


def leave_out(config: pytest.Config, reason: str) -> NoReturn:
    """Skip a test for a reason that the summary repeats; CI leaves nothing out."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    config.stash.setdefault(LEFT_OUT, {})[reason] = None
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason in config.stash.get(LEFT_OUT, {}):
        terminalreporter.write_line(f"left out: {reason}", yellow=True, bold=True)


@pytest.fixture(scope="session")
def plane(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A real control plane with every pinned definition, in a network of its own."""
    need(*PROGRAMS)
    with session.opened(tmp_path_factory.mktemp("plane")) as opened:
        yield opened


@pytest.fixture(scope="session")
def kubectl(plane: Plane) -> Kubectl:
    """Run kubectl: `kubectl("get", "pods", "--namespace=a")`; it has `apply`, `get` and `list` for objects."""
    return plane.kubectl


@pytest.fixture(scope="session")
def nodes(plane: Plane, need: Need) -> list[str]:
    """The names of nodes that only say so (KWOK): the groups of `plane/nodes.json`, spot and on demand with GPUs."""
    need("kwok")
    return kwok.start_with_nodes(plane)


@pytest.fixture(scope="session")
def kserve(plane: Plane, nodes: list[str], need: Need) -> None:
    """The real KServe controller, and nodes for what it makes."""
    need(*kserve_.PROGRAMS)
    kserve_.start(plane)


@pytest.fixture(scope="session")
def keda(plane: Plane, nodes: list[str], need: Need) -> None:
    """The real KEDA, and nodes for what it scales."""
    need(*keda_.PROGRAMS)
    keda_.start(plane)


@pytest.fixture(scope="session")
def process_node(plane: Plane, pytestconfig: pytest.Config) -> ProcessNode:
    """A node whose pods are processes; they tolerate its taint (`plane.pods.TOLERATION`)."""
    if not network.isolated():
        leave_out(pytestconfig, f"pods as processes: {network.unavailable()}")
    node = ProcessNode(plane)
    node.start()
    return node


@pytest.fixture
def namespace(plane: Plane, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a namespace of the test's own."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:30].strip("-")
    name = f"{slug}-{secrets.token_hex(3)}"
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    plane.api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def apply(kubectl: Kubectl, namespace: str) -> Apply:
    """Apply manifests (YAML, a file, a folder, objects) in the test's namespace; `dry_run=True` only asks."""

    def do(manifests: Manifests, *arguments: str, dry_run: bool = False) -> str:
        return kubectl.apply(manifests, *arguments, namespace=namespace, dry_run=dry_run)

    return do


@pytest.fixture
def wait_ready(kubectl: Kubectl, namespace: str) -> WaitReady:
    """Wait for a condition of an object, `Ready` by default; what stands in its way is in the failure."""

    def wait(kind: str, name: str, condition: str = "Ready", patience: int = 240) -> None:
        where = f"--namespace={namespace}"
        try:
            kubectl("wait", f"--for=condition={condition}", f"--timeout={patience}s", where, f"{kind}/{name}")
        except KubectlError as error:
            pytest.fail(f"{error}\n{why(kubectl, kind, name, namespace)}", pytrace=False)

    return wait


def why(kubectl: Kubectl, kind: str, name: str, namespace: str) -> str:
    """Return an object's conditions and its namespace's events."""
    lines = [
        f"{each['type']}={each['status']} {each.get('reason', '')} {each.get('message', '')}"
        for each in kubectl.get(kind, name, namespace).get("status", {}).get("conditions", [])
    ]
    for each in kubectl.list("events", namespace=namespace):
        about = each["involvedObject"]
        lines.append(f"{about['kind']}/{about['name']}: {each.get('reason')}: {each.get('message')}")
    return "\n".join(lines)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return Path(__file__).parents[2]
