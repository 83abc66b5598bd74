"""What a project may grow to, in the units that each cloud limits, and whether the limits allow it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workaday.blueprint.cloud import ON_DEMAND, SPOT
from workaday.blueprint.model import Blueprint
from workaday.blueprint.node_groups import capacities
from workaday.catalog import Catalogue, Instance
from workaday.execute.clouds import Offer, Quota
from workaday.execute.doctor.findings import FAILED, OK, UNKNOWN, WARNING, Finding
from workaday.foresight.cost import types_of

# AWS' classes by a family's first letter, of which these share one; then those that it does not tell.
STANDARD = frozenset("acdhimrtz")
OWN_CLASSES = {
    "dl": "dl", "hpc": "hpc", "inf": "inf", "mac": "mac", "trn": "trn", "u": "highmem", "vt": "g",
}  # fmt: skip
_FAMILY = re.compile(r"(?P<letters>[a-z]+)(?P<generation>\d*).*")
# P5 and later have a spot quota of their own, the former share one.
FIRST_P_OF_ITS_OWN = 5
# Google's limits of cores by family; those not here have none that stops a node with a GPU.
GCP_CORES = {
    "e2": "CPUS", "n1": "CPUS", "n2": "N2_CPUS", "n2d": "N2D_CPUS", "c2": "C2_CPUS", "c2d": "C2D_CPUS",
    "c3": "C3_CPUS", "t2d": "T2D_CPUS",
}  # fmt: skip
GCP_CARDS = {"nvidia-h100-80gb": "H100", "nvidia-h100-mega-80gb": "H100_MEGA"}
GPUS_EVERYWHERE = "GPUS_ALL_REGIONS"
AZURE_SPOT, AZURE_ALL = "lowPriorityCores", "cores"
UNITS = {"aws": "vCPUs", "gcp": "", "azure": "cores"}
# Where more is asked for.
DESKS = {
    "aws": "Service Quotas, Amazon EC2", "gcp": "IAM & Admin, Quotas", "azure": "Usage + quotas of the subscription",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Need:
    """What nodes ask of one limit.

    Attributes:
        key: as `Account.quotas` knows it.
        each: of one node; 0 where another type can stand in.
        least, most: with the fewest and the most nodes.
        whose: the pools.
    """

    key: str
    each: float
    least: float
    most: float
    whose: tuple[str, ...]


def needs(blueprint: Blueprint, catalogue: Catalogue, offers: Mapping[str, Offer]) -> tuple[Need, ...]:
    """Return what a project asks of each limit, all its pools together."""
    found: dict[str, Need] = {}
    for need in each_pool(blueprint, catalogue, offers):
        old = found.get(need.key, Need(need.key, 0, 0, 0, ()))
        found[need.key] = Need(
            need.key, max(old.each, need.each), old.least + need.least, old.most + need.most, (*old.whose, *need.whose)
        )
    return tuple(found.values())


def each_pool(blueprint: Blueprint, catalogue: Catalogue, offers: Mapping[str, Offer]) -> Iterator[Need]:
    """Give what the system's nodes and each pool ask of each limit; types beside the first only may be asked for."""
    cloud = blueprint.cloud
    assert cloud
    system = [catalogue.instances[each] for each in cloud.system.instances[:1] if each in catalogue.instances]
    for key, each in limits(system, ON_DEMAND, offers).items():  # one more while they are upgraded
        yield Need(key, each, cloud.system.nodes * each, (cloud.system.nodes + 1) * each, ("system",))
    for pool in blueprint.pools:
        found: dict[str, Need] = {}
        for capacity, least, most in capacities(pool):
            types = types_of(pool, capacity, blueprint, catalogue)
            first = limits(types[:1], capacity, offers)
            for key, each in limits(types, capacity, offers).items():
                old = found.get(key, Need(key, 0, 0, 0, (pool.name,)))
                found[key] = Need(
                    key,
                    max(old.each, first.get(key, 0)),
                    old.least + least * first.get(key, 0),
                    max(min(old.most + most * each, pool.nodes_max * each), old.most),
                    (pool.name,),
                )
        yield from found.values()


def limits(types: Sequence[Instance], capacity: str, offers: Mapping[str, Offer]) -> dict[str, float]:
    """Return the limits that nodes of some types count against, and the most that one node counts."""
    found: dict[str, float] = {}
    for instance in types:
        for key, amount in counted(instance, capacity, offers.get(instance.name)):
            found[key] = max(found.get(key, 0), amount)
    return found


def counted(instance: Instance, capacity: str, offer: Offer | None) -> Iterator[tuple[str, float]]:
    """Give the limits that a node counts against, and how much of each."""
    spot = capacity == SPOT
    if instance.cloud == "aws":
        yield f"{aws_class(instance.family, spot=spot)}/{'spot' if spot else 'ondemand'}", instance.vcpu
    elif instance.cloud == "azure":
        yield AZURE_SPOT if spot else AZURE_ALL, instance.vcpu
        if not spot and offer and offer.family:
            yield offer.family, instance.vcpu
    else:
        if instance.gpu and instance.gpu.accelerator:
            yield ("PREEMPTIBLE_" if spot else "") + gcp_card(instance.gpu.accelerator), instance.gpu.count
            yield GPUS_EVERYWHERE, instance.gpu.count
        if not spot and instance.family in GCP_CORES:
            yield GCP_CORES[instance.family], instance.vcpu


def aws_class(family: str, *, spot: bool) -> str:
    """Return the class that EC2 limits a family by, in lower case: `g` of `g6`, `standard` of `m7i`."""
    letters, generation = _FAMILY.fullmatch(family).group("letters", "generation")  # type: ignore[union-attr]
    if letters == "p" and spot and int(generation or 0) >= FIRST_P_OF_ITS_OWN:
        return f"p{generation}"
    if letters in OWN_CLASSES:
        return OWN_CLASSES[letters]
    return "standard" if letters[0] in STANDARD else letters[0]


def gcp_card(accelerator: str) -> str:
    """Return the metric that limits a card: `NVIDIA_L4_GPUS`, `NVIDIA_A100_80GB_GPUS`."""
    name = accelerator.removeprefix("nvidia-").removeprefix("tesla-").upper().replace("-", "_")
    return f"NVIDIA_{GCP_CARDS.get(accelerator, name)}_GPUS"


def judged(
    wanted: Iterable[Need], quotas: Mapping[str, Quota], cloud: str, region: str
) -> Iterator[Finding]:  # fmt: skip
    """Give a finding for each limit that a project counts against."""
    for need in wanted:
        quota = quotas.get(need.key)
        unit = UNITS[cloud] or ("GPUs" if "GPUS" in need.key else "cores")
        asks = f"{need.most:g}" if need.least == need.most else f"{need.least:g} to {need.most:g}"
        whose = ", ".join(dict.fromkeys(need.whose))
        if quota is None:
            fix = f"look for it at {DESKS[cloud]}, in {region}"
            said = f"{asks} {unit} for {whose}; the cloud lists no such limit"
            yield Finding(f"quota {need.key}", UNKNOWN, said, fix)
            continue
        used = f", {quota.used:g} in use" if quota.used else ""
        said = f"{asks} {unit} for {whose}; the limit is {quota.limit:g}{used}: {quota.name}"
        state = FAILED if quota.limit < max(need.least, need.each) else WARNING if quota.limit < need.most else OK
        title = f"`{quota.name}`" + (f" ({quota.code})" if quota.code != quota.name else "")
        fix = "" if state == OK else f"ask for {need.most:g} or more: {DESKS[cloud]}, {title}, in {region}"
        yield Finding(f"quota {quota.code}", state, said, fix)
