"""Resolve what a project means on a cloud: pure, every default in one place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from workaday.blueprint import naming
from workaday.blueprint.cloud import (
    AUTO_PROVISIONING,
    KARPENTER,
    Access,
    Budget,
    Cloud,
    Dns,
    Identity,
    Network,
    StateStore,
    System,
    WeightsPlace,
)
from workaday.blueprint.machines import SYSTEM_TYPES, system_instances
from workaday.blueprint.model import Model, Pool
from workaday.blueprint.node_groups import GIB, instance_types, node_gpu, node_groups
from workaday.blueprint.node_pools import node_pools
from workaday.blueprint.placement import Placement, place
from workaday.blueprint.values import Values
from workaday.catalog import Catalogue, read

if TYPE_CHECKING:
    from workaday.project import schema

    OnCloud = schema.Aws | schema.Gcp | schema.Azure

KUBERNETES = "1.35"
CIDR = "10.40.0.0/16"
ZONES = 3
PROVISIONERS = {"aws": KARPENTER, "gcp": "node_pools", "azure": "node_pools"}
ACCOUNT_KEYS = {"aws": "account", "gcp": "project", "azure": "subscription"}
STATE_KEY = "cluster.tfstate"
STATE_CONTAINER = "state"
# Where the zones of a region are not its first letters.
ODD_ZONES: Mapping[str, Mapping[str, str]] = {
    "aws": {"ap-northeast-1": "acd", "ca-central-1": "abd", "us-west-1": "ac"},
    "gcp": {"us-east1": "bcd", "europe-west1": "bcd"},
    "azure": {},
}
_ARN_ACCOUNT = re.compile(r"^arn:[^:]*:(?:iam|sts)::([0-9]{12}):")
_BUCKET = re.compile(r"^(?:s3|gs)://([^/]+)/?(.*?)/?$")
_BLOB = re.compile(r"^https://([a-z0-9]+)\.blob\.core\.windows\.net/([^/]+)/?(.*?)/?$")


def resolve_cloud(
    project: schema.Project, stage: str, models: Sequence[Model], pools: Sequence[Pool], values: Values
) -> Cloud | None:
    """Return what Terraform makes; None on platforms without it."""
    platform = project.platform
    if platform.kind == "local" or platform.kind == "existing":
        return None
    kind, of, catalogue = platform.kind, values.under("platform"), read(platform.kind)
    name, account = naming.cluster_name(project.name, stage), resolve_account(platform, of)
    zones = resolve_zones(platform, catalogue, of)
    provisioner = of.choose("provisioner", platform, PROVISIONERS[kind], "the default")
    placed = placements(project, platform.region, models, pools, catalogue)
    weights = naming.bucket(kind, name, "weights", account)
    return Cloud(
        kind=kind,
        name=name,
        account=account,
        region=platform.region,
        zones=zones,
        kubernetes=of.choose("kubernetes", platform, KUBERNETES, "the newest that every add-on is tested with"),
        network=resolve_network(platform, of.under("network")),
        access=resolve_access(platform, of.under("access")),
        system=(system := resolve_system(platform, catalogue, of.under("system"))),
        provisioner=provisioner,
        node_groups=tuple(
            group
            for pool in pools
            if has_groups(pool, kind, provisioner)
            for group in node_groups(pool, placed, catalogue, kind, platform.region, zones)
        ),
        gpu_limits=gpu_limits(pools, placed, catalogue, platform.region),
        node_limits=node_limits(pools, placed, catalogue, platform.region, system),
        identities=tuple(identities(project, models, weights)),
        weights_bucket=weights,
        registry=naming.registry(kind, name, account),
        dns=resolve_dns(project),
        budget=Budget(platform.budget.monthly, platform.budget.notify) if platform.budget else None,
        tags={"managed-by": "workaday", "project": project.name, "environment": stage, **(platform.tags or {})},
        deletion_protection=of.choose("deletion_protection", platform, True, "no cluster is deleted by accident"),
        state=resolve_state(kind, name, account),
        resource_group=naming.resource_group(name) if kind == "azure" else None,
        node_pools=tuple(each for pool in pools for each in node_pools(pool, models, catalogue, platform.region, zones))
        if provisioner == KARPENTER
        else (),
    )


def resolve_account(platform: OnCloud, values: Values) -> str:
    """Return the account, project or subscription; on aws that of the first administrator where none is written."""
    key = ACCOUNT_KEYS[platform.kind]
    admins = platform.access.admins if platform.access and platform.access.admins else ()
    found = next((match[1] for admin in admins if (match := _ARN_ACCOUNT.match(admin))), "")
    return values.choose(key, platform, found, "the account of the first of `access.admins`")


def resolve_zones(platform: OnCloud, catalogue: Catalogue | None, values: Values) -> tuple[str, ...]:
    """Return the zones by name: as written, or as many as asked for of the region's."""
    if isinstance(platform.zones, tuple):
        return values.choose("zones", platform, (), "")
    wanted = platform.zones or ZONES
    names = zone_names(platform.kind, platform.region, catalogue)[:wanted]
    why = f"{wanted} zones of the region" if platform.zones else f"the default: {wanted} zones of the region"
    return values.choose("zones", None, names, why)


def zone_names(cloud: str, region: str, catalogue: Catalogue | None) -> tuple[str, ...]:
    """Return a region's zones: as the catalogue knows them, else those that the cloud's custom names."""
    known: Mapping[str, tuple[str, ...]] = getattr(catalogue, "zones", {})
    if known.get(region):
        return known[region]
    if cloud == "azure":
        return ("1", "2", "3")
    between = "-" if cloud == "gcp" else ""
    return tuple(f"{region}{between}{letter}" for letter in ODD_ZONES[cloud].get(region, "abc"))


def resolve_network(platform: OnCloud, values: Values) -> Network:
    """Return the network: a new one, or the existing one."""
    given = platform.network
    if given and given.vpc:
        return Network(None, "none", given.vpc, given.subnets or ())
    return Network(
        cidr=values.choose("cidr", given, CIDR, "the default"),
        nat=values.choose("nat", given, "single", "the default: one way out is cheaper, a zone's failure can take it"),
        existing=None,
        subnets=(),
    )


def resolve_access(platform: OnCloud, values: Values) -> Access:
    """Return who reaches the cluster's API."""
    given = platform.access
    cidrs = (given and given.cidrs) or ()
    private = ("private", "no `access.cidrs` are written")
    return Access(
        endpoint=values.choose("endpoint", given, *(("public", "for `access.cidrs`") if cidrs else private)),
        cidrs=cidrs,
        admins=(given and given.admins) or (),
        via=given.via if given else None,
    )


def resolve_system(platform: OnCloud, catalogue: Catalogue | None, values: Values) -> System:
    """Return the pool where controllers run: of the types that suit it, the first that the region has."""
    given = platform.system
    offered = [each.name for each in system_instances(catalogue, platform.region)] if catalogue else []
    usual = (offered or SYSTEM_TYPES[platform.kind])[:1]
    return System(
        instances=values.choose("instances", given, tuple(usual), "room for every controller, and a spare"),
        nodes=values.choose("nodes", given, 2, "one may go"),
    )


def resolve_dns(project: schema.Project) -> Dns | None:
    """Return the zone that holds the gateway's name, or None."""
    gateway = project.gateway
    return Dns(gateway.dns.zone, gateway.host) if gateway and gateway.dns else None


def resolve_state(cloud: str, name: str, account: str) -> StateStore:
    """Return where Terraform's state is kept."""
    bucket = naming.bucket(cloud, name, "state", account)
    if cloud == "azure":
        return StateStore(
            bucket, STATE_KEY, naming.resource_name("azure", "resource_group", name, "state"), STATE_CONTAINER
        )
    return StateStore(bucket, STATE_KEY)


def placements(
    project: schema.Project, region: str, models: Sequence[Model], pools: Sequence[Pool], catalogue: Catalogue | None
) -> list[Placement]:
    """Return every model on each of its pools."""
    return [
        placed
        for model, written in zip(models, project.models, strict=True)
        for placed in place(model, pools, catalogue, region=region, named=written.pools is not None)
    ]


def has_groups(pool: Pool, cloud: str, provisioner: str) -> bool:
    """Return whether a pool's nodes are in groups of ours; GKE's auto-provisioner takes none from a reservation."""
    if provisioner == AUTO_PROVISIONING and cloud == "gcp":
        return pool.reservation is not None
    return provisioner not in (KARPENTER, AUTO_PROVISIONING)


def gpu_limits(
    pools: Sequence[Pool], placed: Sequence[Placement], catalogue: Catalogue | None, region: str
) -> dict[str, int]:
    """Return the most GPUs of each type that all pools together may have, by the cloud's own label."""
    found: dict[str, int] = {}
    for pool in pools:
        gpu = node_gpu(pool, instance_types(pool, placed, catalogue, region), catalogue)
        if gpu:
            found[gpu.type] = found.get(gpu.type, 0) + gpu.count * pool.nodes_max
    return found


def node_limits(
    pools: Sequence[Pool], placed: Sequence[Placement], catalogue: Catalogue | None, region: str, system: System
) -> dict[str, int]:
    """Return the CPUs and memory (GiB) of the system's nodes and of every pool at its most, each on its first type.

    Beside them the largest disk (GiB) of any pool.
    """
    most = [(system.instances, system.nodes)]
    most += [(instance_types(pool, placed, catalogue, region), pool.nodes_max) for pool in pools]
    known = catalogue.instances if catalogue else {}
    machines = [(known[types[0]], nodes) for types, nodes in most if types and types[0] in known]
    return {
        "cpu": sum(machine.vcpu * nodes for machine, nodes in machines),
        "memory_gib": sum(math.ceil(machine.memory_mib / 1024) * nodes for machine, nodes in machines),
        "disk_gib": max((math.ceil(pool.disk_bytes / GIB) for pool in pools), default=0),
    }


def identities(project: schema.Project, models: Sequence[Model], bucket: str) -> Iterator[Identity]:
    """Yield each model's identity: it reads its own weights, wherever the file says they are, and nothing else."""
    namespace = project.namespace or project.name
    for model, written in zip(models, project.models, strict=True):
        weights = None
        if written.weights:
            uri = written.weights.uri
            weights = weights_place(uri) if uri else WeightsPlace(bucket, model.name)
        yield Identity(model.name, namespace, model.name, weights)


def weights_place(uri: str) -> WeightsPlace | None:
    """Return the bucket and folder of an address, or None where no bucket's rights are needed to read it."""
    if found := _BUCKET.match(uri):
        return WeightsPlace(found[1], found[2])
    if found := _BLOB.match(uri):
        return WeightsPlace(f"{found[1]}/{found[2]}", found[3])
    return None
