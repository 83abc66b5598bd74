"""What a node has left for models: what kubelet, the system and the daemons of every node take, by cloud. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workaday.catalog import Instance

MIB = 2**20
INFINITE = math.inf

# Karpenter takes this share off the stated memory before it has seen a node of the type (its setting
# `vmMemoryOverheadPercent`, 0.075, on AWS and Azure alike): a pod that needs more never gets its first node.
VM_OVERHEAD = 0.075
# kubelet evicts when less memory than this is free: the same on EKS, GKE and AKS (since Kubernetes 1.29).
EVICTION_MIB = 100
# EKS: nodeadm of awslabs/amazon-eks-ami; Karpenter counts the same.
EKS_MEMORY_MIB, EKS_MEMORY_MIB_PER_POD = 255, 11
# AKS, "node resource reservations": the lesser of 20 MB a pod + 50 MB and a quarter.
AKS_MEMORY_MIB, AKS_MEMORY_MIB_PER_POD, AKS_MEMORY_SHARE = 50, 20, 0.25
# GKE, "plan GKE Standard node sizes": a share of each slice of memory, up to (GiB, share).
GKE_MEMORY_STEPS = ((4, 0.25), (8, 0.20), (16, 0.10), (128, 0.06), (INFINITE, 0.02))
# What COS' kernel keeps of a Compute Engine machine, as the cluster autoscaler counts it (gce_reserved.go).
GCE_KERNEL_SHARE, GCE_KERNEL_MIB, GCE_CORRECTION, GCE_CORRECTION_MIB = 1 / 64, 16 + 64, 0.00175, 248
# kubelet's share of each slice of CPUs: (up to this many milli-CPU, hundredths of a percent). EKS and GKE: 6 percent
# of the first core, 1 of the second, half a percent of the next two, a quarter of the rest. AKS' table of 60, 100, 140,
# 180, 260, 420 and 740 milli-CPU for 1, 2, 4, 8, 16, 32 and 64 cores is 6, 4, 2, 2 and 1 percent.
CPU_STEPS = {
    "aws": ((1000, 600), (2000, 100), (4000, 50), (INFINITE, 25)),
    "gcp": ((1000, 600), (2000, 100), (4000, 50), (INFINITE, 25)),
    "azure": ((1000, 600), (2000, 400), (4000, 200), (INFINITE, 100)),
}
# GKE keeps more of machines that share a core: e2-micro, e2-small, e2-medium.
GKE_SHARED_CORE_MILLIS = 1060
# Requests of what runs on every node: network (50m), kube-proxy (100m), disk driver (30m, 120Mi), node metrics and
# logs; with room for their updates. On GPU nodes, also the device plugin and the GPU metrics.
DAEMONS_CPU_MILLIS, DAEMONS_MEMORY_MIB, DAEMONS_PODS = 300, 512, 6
GPU_DAEMONS_CPU_MILLIS, GPU_DAEMONS_MEMORY_MIB, GPU_DAEMONS_PODS = 150, 512, 3


@dataclass(frozen=True, slots=True)
class Allocatable:
    """What a node of one type has for models; `gpu_memory_bytes` is of each GPU."""

    cpu_millis: int
    memory_bytes: int
    gpus: int
    gpu_memory_bytes: int
    pods: int


@lru_cache(maxsize=2048)  # a few hundred types, judged for each model
def allocatable(instance: Instance) -> Allocatable:
    """Return what kubelet, the system and the daemons of every node leave of an instance type."""
    gpu = instance.gpu
    memory = MEMORY_LEFT_MIB[instance.cloud](instance) - EVICTION_MIB
    memory -= DAEMONS_MEMORY_MIB + (GPU_DAEMONS_MEMORY_MIB if gpu else 0)
    cpu = instance.vcpu * 1000 - kubelet_cpu_millis(instance.vcpu, instance.cloud)
    if instance.cloud == "gcp" and instance.burstable:
        cpu = instance.vcpu * 1000 - GKE_SHARED_CORE_MILLIS
    cpu -= DAEMONS_CPU_MILLIS + (GPU_DAEMONS_CPU_MILLIS if gpu else 0)
    return Allocatable(
        cpu_millis=max(0, cpu),
        memory_bytes=max(0, memory) * MIB,
        gpus=gpu.count if gpu else 0,
        gpu_memory_bytes=gpu.memory_mib * MIB if gpu else 0,
        pods=max(0, instance.pods - DAEMONS_PODS - (GPU_DAEMONS_PODS if gpu else 0)),
    )


def kubelet_cpu_millis(vcpu: int, cloud: str = "aws") -> int:
    """Return the milli-CPU that kubelet keeps back on a node, rounded up."""
    return math.ceil(sliced(vcpu * 1000, CPU_STEPS[cloud]) / 10_000)


def sliced(amount: float, steps: Sequence[tuple[float, float]]) -> float:
    """Return the sum of each slice's share of an amount; `steps` are (upper end, share)."""
    total, start = 0.0, 0.0
    for end, share in steps:
        total += max(0.0, min(amount, end) - start) * share
        start = end
    return total


def eks_memory_left_mib(instance: Instance) -> int:
    """Return the memory that Karpenter and kubelet leave on EKS, in MiB."""
    left = math.floor(instance.memory_mib * (1 - VM_OVERHEAD))
    return left - EKS_MEMORY_MIB - EKS_MEMORY_MIB_PER_POD * instance.pods


def gke_memory_left_mib(instance: Instance) -> int:
    """Return the memory that the kernel and kubelet leave on GKE, in MiB."""
    stated = instance.memory_mib
    kernel = stated * GCE_KERNEL_SHARE + GCE_KERNEL_MIB + min(stated * GCE_CORRECTION, GCE_CORRECTION_MIB)
    capacity = stated - kernel
    return math.floor(capacity - sliced(capacity / 1024, GKE_MEMORY_STEPS) * 1024)


def aks_memory_left_mib(instance: Instance) -> int:
    """Return the memory that the system and kubelet leave on AKS, in MiB."""
    left = math.floor(instance.memory_mib * (1 - VM_OVERHEAD))
    reserved = AKS_MEMORY_MIB + AKS_MEMORY_MIB_PER_POD * instance.pods
    return left - math.ceil(min(reserved, AKS_MEMORY_SHARE * instance.memory_mib))


MEMORY_LEFT_MIB: dict[str, Callable[[Instance], int]] = {
    "aws": eks_memory_left_mib,
    "gcp": gke_memory_left_mib,
    "azure": aks_memory_left_mib,
}
