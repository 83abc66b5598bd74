"""The releases that a project's models share in a cluster: nodes to rent, the door to them, whose project it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workaday.blueprint.cloud import Cloud
from workaday.blueprint.gateway import CERTIFICATE, Door, Entry, Gateway, Team
from workaday.blueprint.model import Blueprint
from workaday.blueprint.observability import Observability
from workaday.blueprint.priorities import priorities
from workaday.blueprint.serving import GATEWAY
from workaday.render.origins import json_pointer
from workaday.render.quantities import cores, quantity

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """A release that all models share.

    Attributes:
        release: its name.
        chart: its chart.
        what: what it brings, in words.
        values: of the release.
        origins: a JSON pointer into the values → the key of project.yaml that it comes from.
    """

    release: str
    chart: str
    what: str
    values: Mapping[str, Any]
    origins: Mapping[str, KeyPath]

    @property
    def path(self) -> str:
        """Where its values lie in the tree."""
        return f"releases/{self.release}.json"


def shared(blueprint: Blueprint) -> list[Shared]:
    """Return what a project's models share, in the order in which it is installed."""
    found, name = [], blueprint.name
    if blueprint.cloud and (blueprint.cloud.node_pools or priorities(blueprint.cloud)):
        rented = pool_values(blueprint.cloud)
        what = "what Karpenter may rent" if blueprint.cloud.node_pools else "which node groups grow first"
        found.append(Shared("pools", "nodepools", what, rented, pool_origins(blueprint)))
    if blueprint.team:
        of_team: dict[str, KeyPath] = {"": ("team",)}
        found.append(Shared("team", "team", "whose namespace it is", team_values(name, blueprint.team), of_team))
    if blueprint.gateway:
        of_gateway: dict[str, KeyPath] = {"": ("gateway",)}
        of_gateway |= {
            json_pointer("routes", place): (*each.key, "route") for place, each in enumerate(blueprint.gateway.entries)
        }
        values = gateway_values(name, blueprint.gateway)
        found.append(Shared("gateway", "gateway", "the door to the models, and who may come in", values, of_gateway))
    if blueprint.observability:
        of_watch: dict[str, KeyPath] = {"": ("observability",), "/receiver": ("observability", "alerts")}
        watch = observability_values(blueprint.observability)
        found.append(Shared("observability", "observability", "dashboards, rules and alerts", watch, of_watch))
    return found


def observability_values(watch: Observability) -> dict[str, Any]:
    """Return what models are watched by."""
    return {
        "dashboards": watch.dashboards,
        "runbooks": watch.runbooks,
        "receiver": watch.receiver and {"kind": watch.receiver[0], "secret": watch.receiver[1]},
        "models": [
            {
                "name": each.name,
                "deployment": f"{each.name}-predictor",
                "metrics": each.ours,
                "availability": each.availability,
                "latency": each.latency and {"share": each.latency[0], "seconds": each.latency[1]},
            }
            for each in watch.models
        ],
        "prices": [{"type": each.type, "capacity": each.capacity, "usd": each.usd} for each in watch.prices],
        "bases": [{"pool": pool, "nodes": nodes} for pool, nodes in watch.bases],
        "budget": watch.budget,
        "certificate": watch.certificate and {"name": watch.certificate[0], "namespace": watch.certificate[1]},
        "monitors": [
            {"name": each.name, "namespace": each.namespace, "labels": dict(each.labels), "port": each.port}
            for each in watch.monitors
        ],
    }


def pool_origins(blueprint: Blueprint) -> dict[str, KeyPath]:
    """Return where what may be rented comes from: the pools as they are written."""
    assert blueprint.cloud is not None
    written = [pool.name for pool in blueprint.pools if not pool.derived]
    found: dict[str, KeyPath] = {"": ("pools",)}
    for place, rented in enumerate(blueprint.cloud.node_pools):
        if rented.pool in written:
            found[json_pointer("pools", place)] = ("pools", written.index(rented.pool))
    return found


def pool_values(cloud: Cloud) -> dict[str, Any]:
    """Return what Karpenter may rent, as the nodes of infra/aws/karpenter; on azure what the autoscaler grows first."""
    grown = {str(priority): list(groups) for priority, groups in priorities(cloud).items()}
    if grown:
        return {"cluster": cloud.name, "priorities": grown}
    node = f"{cloud.name}-karpenter-node"
    # without a way out, Karpenter cannot ask IAM for a profile of its own
    closed = cloud.network.nat == "none" and not cloud.network.existing
    return {
        "cluster": cloud.name,
        "role": None if closed else node,
        "instanceProfile": node if closed else None,
        "tags": dict(cloud.tags),
        "pools": [
            {
                "name": each.name,
                "capacity": each.capacity,
                "weight": each.weight,
                "limits": dict(each.limits),
                "instances": list(each.instances),
                "zones": list(each.zones),
                "disk": f"{each.disk_gib}Gi",
                "image": each.image,
                "reservation": each.reservation,
                "labels": dict(each.labels),
                "taints": [{"key": it.key, "value": it.value, "effect": it.effect} for it in each.taints],
            }
            for each in cloud.node_pools
        ],
    }


def gateway_values(project: str, gateway: Gateway) -> dict[str, Any]:
    """Return the values of the release `gateway`."""
    jwt = gateway.jwt
    return {
        "project": project,
        "gateway": {"name": GATEWAY[0], "namespace": GATEWAY[1]},
        "door": door_values(gateway.host, gateway.door) if gateway.door else {"enabled": False},
        "auth": {
            "keys": gateway.keys,
            "jwt": jwt and {"issuer": jwt.issuer, "jwks": jwt.jwks, "audiences": list(jwt.audiences)},
            "cors": list(gateway.cors),
        },
        "routes": [entry_values(each) for each in gateway.entries],
    }


def door_values(host: str, door: Door) -> dict[str, Any]:
    """Return the values of the Gateway itself."""
    acme = door.acme
    return {
        "enabled": True,
        "host": host,
        "replicas": door.replicas,
        "annotations": dict(door.annotations),
        "image": door.image,
        "drain": door.drain_seconds,
        "tls": {"issuer": door.issuer, "secret": CERTIFICATE} if door.issuer else None,
        "acme": acme and {"name": acme.name, "server": acme.server, "email": acme.email},
    }


def entry_values(entry: Entry) -> dict[str, Any]:
    """Return the values of what one route lets in."""
    rate = entry.rate
    return {
        "name": entry.route,
        "public": entry.public,
        "body": quantity(entry.body_bytes),
        "rate": rate and {"requests": rate.requests, "unit": rate.unit, "by": rate.by},
    }


def team_values(project: str, team: Team) -> dict[str, Any]:
    """Return the values of the release `team`."""
    quota = {
        "cpu": None if team.cpu_cores is None else cores(team.cpu_cores),
        "memory": None if team.memory_bytes is None else quantity(team.memory_bytes),
        "gpus": team.gpus,
        "pods": team.pods,
    }
    return {
        "project": project,
        "viewers": list(team.viewers),
        "deployers": list(team.deployers),
        "quota": {key: each for key, each in quota.items() if each is not None},
    }
