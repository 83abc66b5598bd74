"""Render a cloud's Terraform: two roots, the modules they use, and all values as variables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workaday.blueprint import naming
from workaday.blueprint.cloud import KARPENTER, Cloud, NodeGroup
from workaday.blueprint.machines import machine_of
from workaday.blueprint.model import Blueprint
from workaday.blueprint.resolve_cloud import ACCOUNT_KEYS
from workaday.layout import state_dir
from workaday.project.overlays import TEMPLATED
from workaday.render import charts
from workaday.render.local import as_json, from_tree
from workaday.render.origins import ORIGINS, Origins, OriginsBuilder
from workaday.render.readme import README, readme
from workaday.render.stock import Stock

BOOTSTRAP, CLUSTER = "terraform/bootstrap", "terraform/cluster"
TFVARS = "workaday.auto.tfvars.json"
ALWAYS = ("network", "cluster", "storage", "identity")
# the root's variable → where project.yaml says it; what a module refuses is shown there
VARIABLES = {
    "name": ("name",),
    "region": ("platform", "region"),
    "zones": ("platform", "zones"),
    "kubernetes": ("platform", "kubernetes"),
    "network": ("platform", "network"),
    "access": ("platform", "access"),
    "system": ("platform", "system"),
    "node_groups": ("pools",),
    "provisioner": ("platform", "provisioner"),
    "models": ("models",),
    "dns": ("gateway", "dns"),
    "budget": ("platform", "budget"),
    "tags": ("platform", "tags"),
    "deletion_protection": ("platform", "deletion_protection"),
    "account": ("platform", "account"),
    "project": ("platform", "project"),
    "subscription": ("platform", "subscription"),
}


def files(blueprint: Blueprint, stock: Stock) -> dict[str, bytes]:
    """Return the tree of a project on a cloud, by path relative to `deploy/<stage>`."""
    cloud = blueprint.cloud
    assert cloud is not None
    used = modules(cloud)
    tree = root_files(cloud, "bootstrap", used, stock) | root_files(cloud, "cluster", used, stock)
    for name in ("bootstrap", *used):
        module = stock.module(f"{cloud.kind}/{name}")
        tree |= {f"terraform/modules/{cloud.kind}/{name}/{path}": content for path, content in module.items()}
    tree[f"{BOOTSTRAP}/backend.tf"] = stock.fill(
        "terraform/bootstrap_backend.tf.j2", state_dir=from_tree(blueprint, BOOTSTRAP, state_dir(blueprint.stage))
    )
    tree[f"{BOOTSTRAP}/{TFVARS}"] = as_json(bootstrap_variables(cloud))
    tree[f"{CLUSTER}/{TFVARS}"] = as_json(cluster_variables(cloud))
    tree |= charts.releases(blueprint, stock)
    tree[ORIGINS] = origins(blueprint, cloud).to_bytes()
    tree[README] = readme(
        blueprint,
        stock,
        [
            (f"{BOOTSTRAP}/", "the Terraform root that makes the state's bucket, once"),
            (f"{CLUSTER}/", "the Terraform root of everything else"),
            (f"terraform/modules/{cloud.kind}/", "the modules behind both"),
            *charts.contents(blueprint),
        ],
        [f"(cd {root} && terraform init && terraform apply)" for root in (BOOTSTRAP, CLUSTER)]
        + charts.commands(blueprint),
    )
    return tree


def modules(cloud: Cloud) -> tuple[str, ...]:
    """Return the modules that the cluster root uses, in order; no other is in the tree."""
    wanted = {
        "node_groups": bool(cloud.node_groups),
        KARPENTER: cloud.provisioner == KARPENTER,
        "dns": cloud.dns is not None,
        "budget": cloud.budget is not None,
    }
    return (*ALWAYS, *(name for name, used in wanted.items() if used))


def root_files(cloud: Cloud, root: str, used: tuple[str, ...], stock: Stock) -> dict[str, bytes]:
    """Return a Terraform root's own files: static ones as they are, templates filled."""
    folder = f"terraform/{cloud.kind}/{root}"
    tree = {}
    for name, content in stock.templates(folder).items():
        filled = stock.fill(f"{folder}/{name}", cloud=cloud, modules=used) if name.endswith(TEMPLATED) else content
        tree[f"terraform/{root}/{name.removesuffix(TEMPLATED)}"] = filled
    return tree


def bootstrap_variables(cloud: Cloud) -> dict[str, Any]:
    """Return the bootstrap root's variables."""
    state = {"bucket": cloud.state.bucket}
    if cloud.kind == "azure":
        state = {
            "resource_group": cloud.state.resource_group or "",
            "storage_account": cloud.state.bucket,
            "container": cloud.state.container or "",
        }
    own: dict[str, Any] = _account(cloud)
    if cloud.kind == "azure":  # who reaches the state's account over the network
        own["cidrs"] = cloud.access.cidrs
    return {"name": cloud.name, "region": cloud.region, **own, "state": state, "tags": dict(cloud.tags)}


def cluster_variables(cloud: Cloud) -> dict[str, Any]:
    """Return the cluster root's variables; what is None is left to its default."""
    own: dict[str, Any] = _account(cloud)
    if cloud.kind == "azure":
        own["resource_group"] = cloud.resource_group
    if cloud.kind == "gcp":
        own |= {"gpu_limits": dict(cloud.gpu_limits), "node_limits": dict(cloud.node_limits)}
    variables: dict[str, Any] = without_none(
        {
            "name": cloud.name,
            "region": cloud.region,
            "zones": cloud.zones,
            "kubernetes": cloud.kubernetes,
            **own,
            "network": network_variable(cloud),
            "access": {
                "endpoint": cloud.access.endpoint,
                "cidrs": cloud.access.cidrs,
                "admins": cloud.access.admins,
            },
            "system": {"instance_types": cloud.system.instances, "nodes": cloud.system.nodes},
            "provisioner": cloud.provisioner,
            "node_groups": {group.name: node_group_variable(cloud, group) for group in cloud.node_groups},
            "models": {
                each.model: {
                    "namespace": each.namespace,
                    "service_account": each.service_account,
                    "weights": each.weights and asdict(each.weights),
                }
                for each in cloud.identities
            },
            "weights": {"bucket": cloud.weights_bucket},
            "registry": {"name": cloud.registry},
            "dns": cloud.dns and asdict(cloud.dns),
            "budget": cloud.budget and asdict(cloud.budget),
            "tags": dict(cloud.tags),
            "deletion_protection": cloud.deletion_protection,
        }
    )
    return variables


def network_variable(cloud: Cloud) -> dict[str, Any]:
    """Return the network: a new one, or an existing one."""
    network = cloud.network
    if network.existing:
        return {"existing": {"network": network.existing, "subnets": network.subnets}}
    return {"cidr": network.cidr, "nat": network.nat}


def node_group_variable(cloud: Cloud, group: NodeGroup) -> dict[str, Any]:
    """Return one node group."""
    return {
        "pool": group.pool,
        "pool_name": naming.node_pool(cloud.kind, group.name) if cloud.kind != "aws" else None,
        "capacity": group.capacity,
        "instance_types": tuple(machine_of(name) for name in group.instances),
        "min": group.min,
        "max": group.max,
        "zones": group.zones,
        "disk_gib": group.disk_gib,
        "gpu": group.gpu and asdict(group.gpu),
        "image": group.image,
        "placement": group.placement,
        "reservation": group.reservation and asdict(group.reservation),
        "max_price": group.max_price,
        "local_storage": group.local_storage if cloud.kind == "aws" else None,
        "labels": dict(group.labels),
        "taints": [asdict(taint) for taint in group.taints],
    }


def origins(blueprint: Blueprint, cloud: Cloud) -> Origins:
    """Return where each variable and each named resource comes from in project.yaml."""
    table = OriginsBuilder()
    table.add(BOOTSTRAP, "", ("platform",))
    table.add(CLUSTER, "", ("platform",))
    for name, key in VARIABLES.items():
        table.add(CLUSTER, f"var.{name}", key)
    for name in ("name", "region", "tags", *_account(cloud)):
        table.add(BOOTSTRAP, f"var.{name}", VARIABLES[name])
    written = [pool for pool in blueprint.pools if not pool.derived]
    places = {pool.name: index for index, pool in enumerate(written)}
    for group in cloud.node_groups:
        if group.pool in places:
            table.add(CLUSTER, f'var.node_groups["{group.name}"]', ("pools", places[group.pool]))
    for index, model in enumerate(blueprint.models):
        table.add(CLUSTER, f'var.models["{model.name}"]', ("models", index))
    charts.add_origins(table, blueprint)
    return table.build()


def _account(cloud: Cloud) -> dict[str, str]:
    return {ACCOUNT_KEYS[cloud.kind]: cloud.account}


def without_none(value: Any) -> Any:
    """Return a value without the keys that are None, at every depth."""
    if isinstance(value, dict):
        return {key: without_none(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [without_none(each) for each in value]
    return value
