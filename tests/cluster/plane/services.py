"""In place of kube-proxy and the cluster's DNS: Services answer at their addresses, and have names in a hosts file.

    python -m plane.services FOLDER

Every connection goes to one of the endpoints that are ready at that moment. Only TCP.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import httpx

from plane.api import Api, ApiError, Object
from plane.plane import Plane

RETRY = 0.5
PIECE = 65536
CONNECT = 2.0  # seconds until an endpoint is given up for another one
Key = tuple[str, str]  # namespace and name
Listener = tuple[str, int]  # address and port
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def hosts_file(plane: Plane) -> Path:
    """Return the file of the Services' names, in the form of /etc/hosts."""
    return plane.folder / "hosts"


def hosts(services: Iterable[Object]) -> str:
    """Return the text of a hosts file: each Service under its short and its full name."""
    lines = ["127.0.0.1 localhost"]
    for each in services:
        name = f"{each['metadata']['name']}.{each['metadata']['namespace']}"
        lines.append(f"{each['spec']['clusterIP']} {name} {name}.svc {name}.svc.cluster.local")
    return "\n".join(lines) + "\n"


def addressed(service: Object) -> bool:
    """Return whether a Service has an address of its own that TCP reaches."""
    address = service["spec"].get("clusterIP")
    return service["spec"].get("type") != "ExternalName" and address not in (None, "", "None")


def endpoints(slices: Iterable[Object], port_name: str) -> list[Listener]:
    """Return where the endpoints that are ready listen for a port of their Service, by its name there."""
    found = []
    for piece in slices:
        ports = [each["port"] for each in piece.get("ports") or [] if each.get("name", "") == port_name]
        ready = [each for each in piece.get("endpoints") or [] if each["conditions"].get("ready")]
        found += [(address, port) for each in ready for address in each["addresses"][:1] for port in ports]
    return found


class Proxy:
    """Listens for every Service."""

    def __init__(self, api: Api, names: Path) -> None:
        self.api, self.names = api, names
        self.services: dict[Key, Object] = {}
        self.listeners: dict[Listener, asyncio.Server] = {}

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the Services, for ever."""
        while True:
            try:
                self.services = {}
                for event, service in self.api.watch("/api/v1/services"):
                    asyncio.run_coroutine_threadsafe(self.on(event, service), loop).result()
            except (ApiError, httpx.HTTPError) as error:
                print(f"services: {error}", file=sys.stderr, flush=True)
            time.sleep(RETRY)

    async def on(self, event: str, service: Object) -> None:
        """Take a Service in, or leave it out."""
        meta = service["metadata"]
        key = (meta["namespace"], meta["name"])
        if event == "DELETED" or not addressed(service):
            self.services.pop(key, None)
        else:
            self.services[key] = service
        self.names.write_text(hosts(self.services.values()))  # in place: pods have this very file
        await self.listen()

    async def listen(self) -> None:
        """Open what should be listened at, close the rest."""
        wanted = {
            (service["spec"]["clusterIP"], port["port"]): (key, port.get("name", ""))
            for key, service in self.services.items()
            for port in service["spec"].get("ports", [])
            if port.get("protocol", "TCP") == "TCP"
        }
        for each in set(self.listeners) - set(wanted):
            self.listeners.pop(each).close()
        for each in set(wanted) - set(self.listeners):
            key, name = wanted[each]
            try:
                self.listeners[each] = await asyncio.start_server(self.answering(key, name), *each)
            except OSError as error:  # a process of the node has that port at every address
                print(f"{key}: {error}", file=sys.stderr, flush=True)

    def answering(self, key: Key, port_name: str) -> Answer:
        """Return what forwards a connection for a Service's port."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                there = await asyncio.to_thread(self.ready, key, port_name)
                onward = await first(random.sample(there, len(there)))
                if onward:
                    await asyncio.gather(pump(reader, onward[1]), pump(onward[0], writer))
            finally:
                writer.close()

        return answer

    def ready(self, key: Key, port_name: str) -> list[Listener]:
        """Return the endpoints of a Service that are ready now."""
        namespace, name = key
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        return endpoints(self.api.get(path, labelSelector=f"kubernetes.io/service-name={name}")["items"], port_name)


async def first(there: list[Listener]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Return a connection to the first one that takes it, or None."""
    for address, port in there:
        try:
            return await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT)
        except OSError:
            continue
    return None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, to its end."""
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except ConnectionError:
        writer.close()


async def main() -> None:
    """Stand for the proxy of the plane in a folder, until it is ended."""
    plane = Plane(Path(sys.argv[1]))
    proxy = Proxy(plane.api, hosts_file(plane))
    await asyncio.to_thread(proxy.follow, asyncio.get_running_loop())


def start(plane: Plane) -> None:
    """Start it and wait until it knows the Services.

    Raises:
        NotReady: it does not come up.
    """
    names = hosts_file(plane)
    names.touch()
    here = str(Path(__file__).resolve().parents[1])
    plane.processes.start("services", [sys.executable, "-m", "plane.services", str(plane.folder)], {"PYTHONPATH": here})
    plane.processes.ready("services", lambda: "kubernetes.default" in names.read_text())


if __name__ == "__main__":
    asyncio.run(main())
