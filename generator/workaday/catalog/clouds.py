"""What each cloud charges and does beside its instance types: fees, NAT, notice of a spot node's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# All read on this day.
AS_OF = "2026-11-24"


@dataclass(frozen=True, slots=True)
class Terms:
    """One cloud's terms; prices are list prices in US dollars.

    Attributes:
        cluster: what its managed Kubernetes is called.
        cluster_usd_hour: for a cluster on standard terms (EKS within standard support, AKS' Standard tier).
        nat_usd_hour: for a NAT gateway, with the public address it needs; on gcp for each machine that uses it.
        nat_most_usd_hour: the most that a gateway costs, however many machines use it.
        nat_regions: where that holds; none is everywhere.
        spot_notice_seconds: from the notice of a spot node's end to that end.
        usable_notice_seconds: of these, what a pod can use.
    """

    cluster: str
    cluster_usd_hour: float
    nat_usd_hour: float
    nat_most_usd_hour: float
    nat_regions: tuple[str, ...]
    spot_notice_seconds: float
    usable_notice_seconds: float


# Sources: aws.amazon.com/eks/pricing, aws.amazon.com/vpc/pricing (NAT 0.045, address 0.005);
# cloud.google.com/kubernetes-engine/pricing (a monthly credit of 74.40 for one zonal cluster is not counted),
# cloud.google.com/nat/pricing (0.0014 a machine up to 0.044, address 0.005), cloud.google.com/kubernetes-engine/docs/
# concepts/spot-vms (30 seconds, the last 15 for the system's pods); azure.microsoft.com/pricing/details/
# kubernetes-service and /azure-nat-gateway (0.045, address 0.005), learn.microsoft.com/azure/aks/spot-node-pool.
TERMS: Mapping[str, Terms] = {
    "aws": Terms("eks", 0.10, 0.05, 0.05, ("us-east-1", "us-east-2", "us-west-2"), 120.0, 120.0),
    "gcp": Terms("gke", 0.10, 0.0014, 0.049, (), 30.0, 15.0),
    "azure": Terms("aks", 0.10, 0.05, 0.05, (), 30.0, 30.0),
}

# From this version on GKE's node pools give spot nodes 120 seconds, 15 of them to the system; infra/gcp asks for them.
GKE_LONG_NOTICE, GKE_LONG_USABLE_SECONDS = (1, 35), 105.0


def usable_notice(cloud: str, kubernetes: str, provisioner: str) -> float:
    """Return the seconds that a pod on a spot node has from its notice on.

    Args:
        cloud: one of `TERMS`.
        kubernetes: the cluster's version, such as `1.35`.
        provisioner: who adds nodes; auto-provisioned ones of GKE have the short notice on any version.
    """
    version = tuple(int(part) for part in kubernetes.split(".")[:2])
    if cloud == "gcp" and provisioner == "node_pools" and version >= GKE_LONG_NOTICE:
        return GKE_LONG_USABLE_SECONDS
    return TERMS[cloud].usable_notice_seconds
