"""A cloud of the Blueprint: what Terraform makes there, every name and default explicit. Frozen, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workaday.blueprint.model import Reservation

if TYPE_CHECKING:
    from workaday.blueprint.node_pools import NodePool

POOL_LABEL = "workaday.dev/pool"
CAPACITY_LABEL = "workaday.dev/capacity"
ON_DEMAND, SPOT, RESERVED = "on-demand", "spot", "reserved"
# who adds nodes, where it is not a node group's own autoscaler
KARPENTER, AUTO_PROVISIONING = "karpenter", "auto_provisioning"


@dataclass(frozen=True, slots=True)
class Network:
    """A new network by `cidr` and `nat` (`single`, `per_zone`, `none`), or an existing one by name and subnets."""

    cidr: str | None
    nat: str
    existing: str | None
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """Who reaches the cluster's API; `via` is how a private endpoint is reached."""

    endpoint: str
    cidrs: tuple[str, ...]
    admins: tuple[str, ...]
    via: str | None


@dataclass(frozen=True, slots=True)
class System:
    """The pool where controllers run; never spot."""

    instances: tuple[str, ...]
    nodes: int


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint, its effect in Kubernetes' spelling."""

    key: str
    value: str
    effect: str = "NoSchedule"


@dataclass(frozen=True, slots=True)
class NodeGpu:
    """The GPUs of each node of a group.

    Attributes:
        type: the cloud's own label: `nvidia-l4` on gcp, `L4` elsewhere.
        share, clients, partition: see `Pool`.
        driver: `cloud` or `operator`.
    """

    type: str
    count: int
    share: str
    clients: int | None
    partition: str | None
    driver: str


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Nodes of one pool, one shape and one capacity type.

    Attributes:
        name: unique in the cluster: `gpu-spot`; a second type of the same shape is `gpu-spot-2`.
        pool: the pool that it is part of.
        capacity: `on-demand`, `spot` or `reserved`.
        instances: the types, the cheapest first; one only where the cloud's node groups have one.
        zones: never empty.
        local_storage: every type has disks of its own that hold what the pool asks for.
    """

    name: str
    pool: str
    capacity: str
    instances: tuple[str, ...]
    min: int
    max: int
    zones: tuple[str, ...]
    disk_gib: int
    gpu: NodeGpu | None
    image: str
    placement: str | None
    reservation: Reservation | None
    max_price: float | None
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    local_storage: bool = False


@dataclass(frozen=True, slots=True)
class WeightsPlace:
    """A folder of a bucket (azure: of a container)."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a model's pods are to the cloud: their service account, and the weights that they alone may read."""

    model: str
    namespace: str
    service_account: str
    weights: WeightsPlace | None


@dataclass(frozen=True, slots=True)
class Dns:
    """The zone that holds the gateway's name."""

    zone: str
    host: str


@dataclass(frozen=True, slots=True)
class Budget:
    """An alarm on cost: US dollars a month, and who is told at 50, 80 and 100 percent."""

    monthly_usd: float
    notify: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StateStore:
    """Where Terraform's state is kept: a bucket, or on azure a container of a storage account."""

    bucket: str
    key: str
    resource_group: str | None = None
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cluster on a cloud.

    Attributes:
        kind: `aws`, `gcp` or `azure`.
        name: the cluster's name, and the prefix of every other name.
        account: the account (aws), project (gcp) or subscription (azure) that holds it.
        zones: by name, never empty.
        provisioner: `karpenter`, `node_groups` (aws), `node_pools`, `auto_provisioning` (gcp, azure).
        weights_bucket: the bucket that we make for weights; azure: a storage account.
        registry: the image registry that we make.
        resource_group: azure's; None elsewhere.
        node_pools: what Karpenter may rent (aws); none with another provisioner.
        gpu_limits: the most GPUs of each type that an auto-provisioner may add, by the cloud's label.
        node_limits: for an auto-provisioner: the most CPUs (`cpu`) and memory (`memory_gib`) of all nodes together, the
            system's included, and the largest disk of any pool (`disk_gib`).
    """

    kind: str
    name: str
    account: str
    region: str
    zones: tuple[str, ...]
    kubernetes: str
    network: Network
    access: Access
    system: System
    provisioner: str
    node_groups: tuple[NodeGroup, ...]
    gpu_limits: Mapping[str, int]
    node_limits: Mapping[str, int]
    identities: tuple[Identity, ...]
    weights_bucket: str
    registry: str
    dns: Dns | None
    budget: Budget | None
    tags: Mapping[str, str]
    deletion_protection: bool
    state: StateStore
    resource_group: str | None
    node_pools: tuple[NodePool, ...] = ()
