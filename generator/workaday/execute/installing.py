"""Install a cluster's add-ons in order, wait until each one works, and take them away again, all of them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from workaday.catalog.addons import pins
from workaday.execute import addons, existing, kube, packed, releases
from workaday.execute.addons import Wanted
from workaday.execute.helm import Helm, HelmFailure, find_binary
from workaday.execute.installed import deployed_at, key_of, look
from workaday.execute.refusals import helm_failed
from workaday.execute.rollout import Standing, labels_of, name_of
from workaday.project.diagnostics import Diagnostic, ProjectError

if TYPE_CHECKING:
    from workaday.execute.existing import OnEvent, Place
    from workaday.execute.grading import Change
    from workaday.execute.releases import Deployed
    from workaday.execute.rollout import Cause
    from workaday.execute.workspace import Workspace

LOOK_SECONDS = 1.0
READY_SECONDS = 900.0  # images of several hundred MB on new nodes
HOPELESS_SECONDS = 90.0
LOST_SECONDS = 60.0
GONE_SECONDS = 900.0  # a load balancer, a disk, a node: each takes minutes
ORPHAN_SECONDS = 30.0
OWNING_GATEWAY = "gateway.envoyproxy.io/owning-gateway-name"


class Installing:
    """One run over a project's add-ons."""

    def __init__(self, workspace: Workspace, place: Place, on_event: OnEvent) -> None:
        self.workspace = workspace
        self.place = place
        self.cluster = place.cluster
        self.on_event = on_event
        self.binary = find_binary(os.environ)

    def helm(self, namespace: str) -> Helm:
        """Return Helm on a namespace."""
        return Helm(self.binary, self.cluster.kubeconfig, self.cluster.context, namespace)

    async def run(self, found: Sequence[Change]) -> None:
        """Install or change what is planned, one after the other; the next one may need what the last one brings.

        Raises:
            ProjectError: one does not work (X191), or as for a model's release; those before it are done.
        """
        sent = {each.key for each in found if each.action != "delete"}
        if not sent:
            return
        deployed = deployed_at(self.cluster)
        self.make_namespaces()
        for each in addons.wanted_of(self.workspace.tree):
            if each.name in sent:
                await self.roll(each, deployed.get(each.name))

    def make_namespaces(self) -> None:
        """Make the namespaces of the tree that are not there."""
        for body in json.loads((self.workspace.tree / addons.NAMESPACES).read_bytes())["items"]:
            if self.cluster.get(kube.NAMESPACE, name_of(body)) is None:
                self.cluster.create(kube.NAMESPACE, body)

    async def roll(self, wanted: Wanted, deployed: Deployed | None) -> None:
        """Make an add-on what the tree says, and wait until it works.

        Raises:
            ProjectError: it does not. One that worked before is made so again; a new one is left to be looked at.
        """
        began, good = time.monotonic(), deployed.good if deployed else 0
        helm = self.helm(wanted.namespace)
        send = deployed is None or deployed.digest != wanted.digest or deployed.status in releases.BROKEN
        try:
            objects = await self.send(helm, wanted, deployed) if send or deployed is None else deployed.objects
        except HelmFailure as failure:
            self.say(wanted.name, "failed", began)
            finding = helm_failed(failure, key_of(wanted))
            if finding.code != "X182" and good:
                await self.undo(helm, wanted, good)
            raise ProjectError([finding]) from None
        causes = await self.until_it_works(wanted, objects, began)
        if not causes:
            self.say(wanted.name, "ready", began)
            return
        self.say(wanted.name, "failed", began)
        left = await self.undo(helm, wanted, good) if send and good else "it is left as it is, to be looked at"
        raise ProjectError([not_working(wanted, causes, time.monotonic() - began, left)])

    async def send(self, helm: Helm, wanted: Wanted, deployed: Deployed | None) -> Sequence[Any]:
        """Send an add-on to the cluster; return what it consists of."""
        import yaml

        chart = await packed.chart_of(self.workspace, wanted, helm)
        await self.mend(helm, deployed)
        owner = releases.description(self.place.owner, wanted.digest)
        self.on_event(existing.Event(wanted.name, "sent"))
        answer = await helm.install_or_upgrade(wanted.name, chart, wanted.values, description=owner)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return [each for each in yaml.load_all(answer.get("manifest") or "", loader) if each]

    async def mend(self, helm: Helm, deployed: Deployed | None) -> None:
        """Make a release that an earlier run left half-done one that Helm agrees to work on."""
        end = time.monotonic() + ORPHAN_SECONDS
        while deployed and deployed.status in releases.PENDING and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
            deployed = (await asyncio.to_thread(deployed_at, self.cluster)).get(deployed.name)
        if deployed and deployed.status in (*releases.PENDING, "uninstalling"):
            if deployed.good:
                await helm.rollback(deployed.name, deployed.good)
            else:
                await helm.uninstall(deployed.name)

    async def undo(self, helm: Helm, wanted: Wanted, good: int) -> str:
        """Make an add-on what it was before this run; return what was done."""
        try:
            await helm.rollback(wanted.name, good)
        except HelmFailure as failure:
            return f"it could not be undone: {failure.said}"
        self.on_event(existing.Event(wanted.name, "rolled back"))
        return f"it was rolled back to revision {good}"

    async def until_it_works(self, wanted: Wanted, objects: Sequence[Any], began: float) -> Sequence[Cause]:
        """Wait for an add-on; return why it does not work, once there is no hope or patience left.

        Raises:
            kube.Unreachable: the API server has been away for too long.
        """
        answered = sent = time.monotonic()
        hopeless_since, last = 0.0, ""
        while True:
            try:
                found = await asyncio.to_thread(self.troubles, wanted, objects)
            except kube.Unreachable:
                if time.monotonic() - answered > LOST_SECONDS:
                    raise
                await asyncio.sleep(LOOK_SECONDS)
                continue
            now = answered = time.monotonic()
            if not found:
                return ()
            hopeless_since = (hopeless_since or now) if any(each.hopeless for each in found) else 0.0
            lost = hopeless_since and now - hopeless_since > HOPELESS_SECONDS
            if lost or now - sent > READY_SECONDS:
                return found
            if str(found[0]) != last:
                last = str(found[0])
                self.say(wanted.name, "waiting", began, Standing("waiting", 0, 0, tuple(found)))
            await asyncio.sleep(LOOK_SECONDS)

    def troubles(self, wanted: Wanted, objects: Sequence[Any]) -> list[Cause]:
        """Return why an add-on does not work yet."""
        return addons.troubles(wanted, objects, look(self.cluster, wanted, objects))

    def say(self, name: str, what: str, began: float, found: Standing | None = None) -> None:
        """Tell whoever follows what happened to an add-on."""
        self.on_event(existing.Event(name, what, time.monotonic() - began, found))

    async def remove(self, found: Sequence[Deployed]) -> None:
        """Remove add-ons, the last first; then their definitions, then our namespaces with the disks in them.

        Nodes that Karpenter rented and load balancers of the gateway go before those who would see to it.

        Raises:
            ProjectError: X195, something is still there; HelmFailure: one could not be removed.
        """
        names = [each.name for each in found]
        groups = {group for pin in pins() if pin.name in names for group in pin.groups}
        self.mark(groups)
        order = [pin.name for pin in reversed(pins())]
        for each in sorted(found, key=lambda it: order.index(it.name)):
            if each.name == "karpenter":
                await self.gone("nodes that Karpenter rented", self.rented)
            if each.name == "envoy-gateway":
                await self.gone("load balancers of the gateway", self.balancers)
            began = time.monotonic()
            await self.helm(each.namespace).uninstall(each.name)
            self.say(each.name, "removed", began)
        await self.remove_rest()

    async def remove_rest(self) -> None:
        """Remove marked definitions and our namespaces, also those that an earlier run left."""
        for each in self.marked(kube.DEFINITION):
            self.cluster.delete(kube.DEFINITION, each)
        await self.gone("definitions", lambda: self.marked(kube.DEFINITION))
        for each in self.marked(kube.NAMESPACE):
            self.cluster.delete(kube.NAMESPACE, each)
        await self.gone("namespaces", lambda: self.marked(kube.NAMESPACE))

    def mark(self, groups: set[str]) -> None:
        """Say on definitions that they are ours: a run that is killed after their release is gone still finds them."""
        body = {"metadata": {"labels": {addons.OWNER: addons.label(self.place.owner)}}}
        for each in self.cluster.every(kube.DEFINITION):
            if each["spec"]["group"] in groups:
                self.cluster.merge(kube.DEFINITION, name_of(each), body)

    def marked(self, kind: kube.Kind) -> list[str]:
        """Return what is ours of a kind, by name."""
        labels = {addons.OWNER: addons.label(self.place.owner)}
        return [name_of(each) for each in self.cluster.every(kind, labels=labels)]

    def rented(self) -> list[str]:
        """Return the nodes that Karpenter rented."""
        return [name_of(each) for each in self.cluster.every(kube.NODE_CLAIM)]

    def balancers(self) -> list[str]:
        """Return Services of gateways that have a load balancer."""
        found = self.cluster.every(kube.CORE_SERVICE, kube.EVERYWHERE)
        return [
            f"{each['metadata']['namespace']}/{name_of(each)}"
            for each in found
            if each["spec"].get("type") == "LoadBalancer" and OWNING_GATEWAY in labels_of(each)
        ]

    async def gone(self, what: str, ask: Callable[[], list[str]]) -> None:
        """Wait until there is nothing any more.

        Raises:
            ProjectError: X195, there still is.
        """
        end = time.monotonic() + GONE_SECONDS
        while left := await asyncio.to_thread(ask):
            if time.monotonic() > end:
                message = f"{what} are still there: {', '.join(left[:5])}"
                raise ProjectError([Diagnostic("X195", message, hints=("run `workaday destroy` again: it goes on",))])
            await asyncio.sleep(LOOK_SECONDS)


def not_working(wanted: Wanted, causes: Sequence[Cause], seconds: float, left: str) -> Diagnostic:
    """Return that an add-on does not work, and why."""
    lines = [f"{wanted.title} {wanted.version} does not work after {seconds:.0f} s"]
    lines += [f"  {each}" for each in dict.fromkeys(map(str, causes[:4]))]
    look_at = f"`kubectl --namespace {wanted.namespace} get pods,events`"
    return Diagnostic("X191", "\n".join(lines), key_of(wanted), label=causes[0].reason, hints=(look_at, left))
