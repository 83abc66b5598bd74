"""Which node groups the autoscaler of AKS grows first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from workaday.blueprint import naming
from workaday.blueprint.cloud import ON_DEMAND, RESERVED, SPOT, Cloud

# What is paid for already, then what is cheap, then the rest; a further type of a pool comes after its cheaper ones.
PRIORITIES = {RESERVED: 100, SPOT: 50, ON_DEMAND: 10}
WITH_GROUPS = ("azure", "node_pools")


def priorities(cloud: Cloud) -> Mapping[int, tuple[str, ...]]:
    """Return the node groups by how early they are grown, the highest first, as patterns of their names.

    Without such a list AKS' autoscaler, whose expander is `priority`, chooses at random. GKE's goes by price of its own
    accord, and Karpenter by the weights of its NodePools.
    """
    if (cloud.kind, cloud.provisioner) != WITH_GROUPS:
        return {}
    found: dict[int, tuple[str, ...]] = {}
    earlier: Counter[tuple[str, str]] = Counter()
    for group in cloud.node_groups:
        kind = (group.pool, group.capacity)
        priority = max(1, PRIORITIES[group.capacity] - earlier[kind])
        earlier[kind] += 1
        found[priority] = (*found.get(priority, ()), f"aks-{naming.node_pool(cloud.kind, group.name)}-.*")
    return dict(sorted(found.items(), reverse=True))
