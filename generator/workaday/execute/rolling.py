"""Send releases to a cluster in order, wait for each, and undo the one that does not become ready."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workaday.execute import baking, existing, identities, keys, kube, releases
from workaday.execute.helm import Helm, HelmFailure, find_binary
from workaday.execute.refusals import helm_failed, not_ready
from workaday.execute.rollout import Standing
from workaday.execute.waiting import Waiting
from workaday.project.diagnostics import Diagnostic, ProjectError

if TYPE_CHECKING:
    from workaday.blueprint.serving import Canary
    from workaday.execute.existing import OnEvent, Place
    from workaday.execute.grading import Change
    from workaday.execute.releases import Deployed, Object, Wanted
    from workaday.execute.workspace import Workspace

PARALLEL = 4  # Helms at once: each takes a core for a while
ORPHAN_SECONDS = 30.0  # how long a Helm that outlived its Workaday is given to end
START_SECONDS = 900.0  # a new node, its driver, an image of several GB: on top of the model's own loading time


class Rolling:
    """One run over the releases of a project."""

    def __init__(self, workspace: Workspace, place: Place, on_event: OnEvent) -> None:
        self.workspace = workspace
        self.place = place
        self.on_event = on_event
        binary = find_binary(os.environ)
        self.helm = Helm(binary, place.cluster.kubeconfig, place.cluster.context, place.namespace)
        self.limit = asyncio.Semaphore(PARALLEL)
        self.waiting = Waiting(place, on_event)
        blueprint = workspace.blueprint
        self.canaries = blueprint.canaries
        self.models = {each.serving.release: blueprint.serving[each.index].release for each in blueprint.canaries}

    async def run(self, found: Sequence[Change]) -> None:
        """Make what is planned: the namespace, what models share, the models side by side, then remove what is gone.

        Raises:
            ProjectError: all that failed; what is gone from the project is removed only where nothing did.
        """
        changed = {each.key for each in found if each.action != "delete"}
        wanted = [each for each in identities.wanted_of(self.workspace) if each.name in changed]
        deployed = existing.deployed_at(self.place)
        self.make_namespace()
        self.keep_keys()
        for each in (each for each in wanted if each.shared):
            fail(await self.roll(each, deployed.get(each.name)))
        models = [self.chain(each, deployed) for each in releases.chains(wanted, deployed, self.models)]
        fail([finding for findings in await asyncio.gather(*models) for finding in findings])
        await self.remove([deployed[each.key] for each in found if each.action == "delete"])

    async def chain(self, wanted: Sequence[Wanted], deployed: Mapping[str, Deployed]) -> list[Diagnostic]:
        """Roll releases one after the other, then watch the canary among them, or of them; return what failed.

        What comes after one that failed is left as it is: no request goes to a canary that is not there.
        """
        for each in wanted:
            if found := await self.roll(each, deployed.get(each.name)):
                return found
        names = {each.name for each in wanted if baking.sends_anew(each, deployed.get(each.name))}
        canary = next((each for each in self.canaries if names & {each.serving.release, self.of(each)}), None)
        return await self.bake(canary) if canary and canary.percent else []

    async def bake(self, canary: Canary) -> list[Diagnostic]:
        """Watch a canary; where it breaks its model's promise, send no more requests to it, and return how it did."""
        broken = await baking.watch(canary, self.place, self.on_event)
        if broken is None:
            return []
        wanted = next(each for each in identities.wanted_of(self.workspace) if each.name == self.of(canary))
        again, done = await asyncio.to_thread(baking.withdrawn, self.workspace, canary, wanted)
        deployed = await asyncio.to_thread(existing.deployed_at, self.place)
        failed = await self.roll(again, deployed.get(again.name))
        return [baking.finding(canary, broken, done), *failed]

    def of(self, canary: Canary) -> str:
        """Return the release of a canary's model."""
        return self.models[canary.serving.release]

    async def remove(self, found: Sequence[Deployed]) -> None:
        """Remove releases: models side by side, then what they share.

        Raises:
            HelmFailure: one could not be removed.
        """
        await asyncio.gather(*(self.uninstall(each) for each in found if each.name not in releases.SHARED))
        for each in found:
            if each.name in releases.SHARED:
                await self.uninstall(each)

    def make_namespace(self) -> None:
        """Make the namespace as the tree has it, where there is none.

        Somebody who may only work inside of it cannot look: then it is taken to be there, and Helm will say if not.
        """
        body = json.loads((self.workspace.tree / releases.NAMESPACE).read_bytes())
        try:
            if self.place.cluster.get(kube.NAMESPACE, self.place.namespace) is not None:
                return
        except ProjectError as error:
            if error.diagnostics[0].code != "X183":
                raise
            return
        self.place.cluster.create(kube.NAMESPACE, body)

    def keep_keys(self) -> None:
        """Make the Secret of callers' keys where there is none, and say so while it holds none."""
        gateway = self.workspace.blueprint.gateway
        if gateway is None or gateway.keys is None:
            return
        if not keys.ensure(self.place, gateway.keys, self.workspace.blueprint.name):
            self.on_event(existing.Event("gateway", "no keys", said="`workaday keys add NAME` makes one"))

    async def roll(self, wanted: Wanted, deployed: Deployed | None) -> list[Diagnostic]:
        """Make a release what the tree says, and wait until it is ready; return why it did not become so.

        A release that is as the tree says already is only waited for: an earlier run was cut off there.
        """
        key, began = existing.key_of(self.workspace, wanted.name), time.monotonic()
        good = deployed.good if deployed else 0
        send = deployed is None or deployed.digest != wanted.digest or deployed.status in releases.BROKEN
        try:
            objects = await self.send(wanted, deployed) if send else deployed.objects if deployed else ()
        except HelmFailure as failure:
            finding = helm_failed(failure, key)
            if finding.code != "X182":  # nothing can be undone in a cluster that does not answer
                await self.undo(wanted, good)
            self.say(wanted, "failed", began)
            return [finding]
        patience = START_SECONDS + self.load_seconds(wanted)
        found = await self.waiting.until_ready(wanted.name, objects, patience, began)
        if found.state == "ready":
            return []
        log = await asyncio.to_thread(self.log, found)
        self.say(wanted, "failed", began, found)
        left = await self.undo(wanted, good) if send else "it is left as it is: this run did not change it"
        seconds = time.monotonic() - began
        return [not_ready(self.workspace, wanted, key, found, seconds, log, left)]

    async def send(self, wanted: Wanted, deployed: Deployed | None) -> Sequence[Object]:
        """Send a release to the cluster; return what it consists of."""
        import yaml

        async with self.limit:
            await self.mend(deployed)
            owner = releases.description(self.place.owner, wanted.digest)
            answer = await self.helm.install_or_upgrade(wanted.name, wanted.chart, wanted.values, description=owner)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return [each for each in yaml.load_all(answer.get("manifest") or "", loader) if each]

    async def mend(self, deployed: Deployed | None) -> None:
        """Make a release that an earlier run left half-done one that Helm agrees to work on."""
        end = time.monotonic() + ORPHAN_SECONDS
        while deployed and deployed.status in releases.PENDING and time.monotonic() < end:
            await asyncio.sleep(1.0)
            deployed = (await asyncio.to_thread(existing.deployed_at, self.place)).get(deployed.name)
        if deployed and deployed.status in (*releases.PENDING, "uninstalling"):
            if deployed.good:
                await self.helm.rollback(deployed.name, deployed.good)
            else:
                await self.helm.uninstall(deployed.name)

    async def undo(self, wanted: Wanted, good: int) -> str:
        """Make a release what it was before this run; return what was done."""
        async with self.limit:
            try:
                if good:
                    await self.helm.rollback(wanted.name, good)
                else:
                    await self.helm.uninstall(wanted.name)
            except HelmFailure as failure:
                return f"it could not be undone: {failure.said}"
        self.on_event(existing.Event(wanted.name, "rolled back" if good else "removed"))
        return f"it was rolled back to revision {good}" if good else "it was removed again: there was none before"

    async def uninstall(self, deployed: Deployed) -> None:
        """Remove a release, and wait until its objects are gone."""
        began = time.monotonic()
        async with self.limit:
            await self.helm.uninstall(deployed.name)
        self.on_event(existing.Event(deployed.name, "removed", time.monotonic() - began))

    def load_seconds(self, wanted: Wanted) -> float:
        """Return how long a release's model may take to load."""
        from workaday.blueprint import naming

        blueprint = self.workspace.blueprint
        models = [*blueprint.callable, *(each.model for each in blueprint.canaries)]
        return max(
            (each.load_timeout_seconds for each in models if naming.release(each.name) == wanted.name), default=0
        )

    def log(self, found: Standing) -> list[str]:
        """Return the end of the log of the container that is to blame, where there is one."""
        cause = next((each for each in found.causes if each.about.startswith("pod/")), None)
        if cause is None or not cause.container or "Image" in cause.reason:
            return []
        pod = cause.about.removeprefix("pod/")
        try:
            return self.place.cluster.log(pod, self.place.namespace, container=cause.container)
        except (ProjectError, kube.Unreachable):
            return []

    def say(self, wanted: Wanted, what: str, began: float, found: Standing | None = None) -> None:
        """Tell whoever follows what happened to a release."""
        self.on_event(existing.Event(wanted.name, what, time.monotonic() - began, found))


def fail(found: Sequence[Diagnostic]) -> None:
    """Raise what failed, if anything did."""
    if found:
        raise ProjectError(found)
