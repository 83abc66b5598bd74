"""A pool becomes node groups: base, spot and fallback, each with the labels and taints that charts rely on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.blueprint.cloud import NodeGroup
from workaday.blueprint.model import Pool, Reservation, Spot
from workaday.blueprint.node_groups import node_groups
from workaday.catalog import Catalogue, read

ZONES = ("us-east-1a", "us-east-1b")
POOL = Pool(
    name="gpu",
    gpu_type="L4",
    gpu_count=1,
    share="none",
    instances=(),
    nodes_min=1,
    nodes_max=10,
    spot=Spot(on_demand_base=2, fallback="on_demand", max_price=None),
    reservation=None,
    disk_bytes=200 * 2**30,
    derived=False,
)


def aws() -> Catalogue:
    catalogue = read("aws")
    assert catalogue
    return catalogue


def groups(pool: Pool, cloud: str = "aws") -> dict[str, NodeGroup]:
    return {each.name: each for each in node_groups(pool, (), aws(), cloud, "us-east-1", ZONES)}


def test_base_and_fallback_are_one_group_beside_spot() -> None:
    found = groups(POOL)
    assert {name: (each.capacity, each.min, each.max) for name, each in found.items()} == {
        "gpu-spot": ("spot", 0, 8),
        "gpu-on-demand": ("on-demand", 2, 10),
    }


def test_without_fallback_only_the_base_is_on_demand() -> None:
    pool = replace(POOL, spot=Spot(1, "none", None))
    assert {name: (each.min, each.max) for name, each in groups(pool).items()} == {
        "gpu-spot": (0, 9),
        "gpu-on-demand": (1, 1),
    }
    assert list(groups(replace(POOL, spot=Spot(0, "none", None)))) == ["gpu-spot"]


def test_spot_nodes_are_labelled_and_tainted_as_the_cloud_demands() -> None:
    azure = groups(POOL, "azure")["gpu-spot"]
    key = "kubernetes.azure.com/scalesetpriority"
    assert azure.labels == {"workaday.dev/pool": "gpu", "workaday.dev/capacity": "spot", key: "spot"}
    assert [(each.key, each.value, each.effect) for each in azure.taints] == [
        ("nvidia.com/gpu", "present", "NoSchedule"),
        (key, "spot", "NoSchedule"),
    ]
    assert [each.key for each in groups(POOL)["gpu-on-demand"].taints] == ["nvidia.com/gpu"]


def test_a_spot_group_has_several_types_of_one_gpu_the_cheapest_first() -> None:
    types = groups(POOL)["gpu-spot"].instances
    assert types[0] == "g6.xlarge"
    assert len(types) >= 3
    known = [aws().instances[each] for each in types]
    assert {(each.gpu.name, each.gpu.count) for each in known if each.gpu} == {("L4", 1)}
    prices = [each.usd_hour for each in known if each.usd_hour]
    assert prices == sorted(prices)


def test_where_a_group_has_one_type_spot_is_spread_over_several_groups() -> None:
    found = groups(POOL, "gcp")
    assert list(found) == ["gpu-spot", "gpu-spot-2", "gpu-spot-3", "gpu-on-demand"]
    assert all(len(each.instances) == 1 for each in found.values())
    assert len({each.instances for each in found.values() if each.capacity == "spot"}) == 3


def test_written_types_stand_as_written() -> None:
    pool = replace(POOL, instances=("g5.xlarge", "g6.xlarge"), gpu_type=None, gpu_count=0)
    found = groups(pool)["gpu-spot"]
    assert found.instances == ("g5.xlarge", "g6.xlarge")
    assert found.gpu is not None
    assert (found.gpu.type, found.gpu.count) == ("A10G", 1)


def test_a_nodes_own_disks_are_used_where_they_hold_what_the_pool_asks_for() -> None:
    def uses(types: str, gib: int) -> bool:
        pool = replace(POOL, instances=tuple(types.split()), gpu_type=None, gpu_count=0, disk_bytes=gib * 2**30)
        return groups(pool)["gpu-spot"].local_storage

    assert uses("g6.xlarge g5.xlarge", 200)
    assert not uses("g6.xlarge g5.xlarge", 300)  # 250 GB each
    assert not uses("g6.xlarge m7i.xlarge", 100)  # one has none
    assert not uses("g6.xlarge unheard.of", 100)


def test_a_plain_pool_has_neither_gpu_nor_taint() -> None:
    found = groups(replace(POOL, gpu_type=None, gpu_count=0, spot=None, instances=("m7i.xlarge",)))
    assert list(found) == ["gpu-on-demand"]
    assert found["gpu-on-demand"].gpu is None
    assert found["gpu-on-demand"].taints == ()


def test_a_reservation_comes_first_and_spot_beside_it_keeps_its_own_base() -> None:
    pool = replace(POOL, reservation=Reservation("cr-1", block=False))
    assert {name: (each.min, each.max) for name, each in groups(pool).items()} == {
        "gpu-reserved": (1, 10),
        "gpu-spot": (0, 8),
        "gpu-on-demand": (2, 10),
    }
    assert list(groups(replace(pool, spot=None))) == ["gpu-reserved"]


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
@given(
    least=st.integers(0, 50),
    more=st.integers(1, 50),
    base=st.integers(0, 100),
    fallback=st.sampled_from(["on_demand", "none"]),
)
def test_groups_hold_what_the_pool_says(cloud: str, least: int, more: int, base: int, fallback: str) -> None:
    most = least + more
    base = min(base, most)
    pool = replace(POOL, nodes_min=least, nodes_max=most, spot=Spot(base, fallback, None))
    found = list(groups(pool, cloud).values())
    assert len({each.name for each in found}) == len(found)
    assert all(0 <= each.min <= each.max <= most for each in found)
    assert sum(each.min for each in found) == max(least, base)
    on_demand = [each for each in found if each.capacity == "on-demand"]
    assert sum(each.min for each in on_demand) == base
    assert sum(each.max for each in on_demand) == (base if fallback == "none" else most)
