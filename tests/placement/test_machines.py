"""What a pool's nodes are made of, on each cloud: cheapest first, had as asked, and alike where that matters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.blueprint.machines import SPOT_TYPES, instances_of, of_one_shape, shape, system_instances, zones_with
from workaday.blueprint.model import Compute, Limits, Model, Pool, Rollout, Scale, Spot
from workaday.blueprint.nodes import MIB, allocatable, kubelet_cpu_millis
from workaday.catalog import CLOUDS, Catalogue, read

GIB = 2**30
SPOT = Spot(0, "on_demand", None)
PLAIN = Pool("a", None, 0, "none", (), 0, 4, None, None, 100 * GIB, False)
HOME = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}


def of(cloud: str) -> Catalogue:
    found = read(cloud)
    assert found
    return found


def gpus(name: str, count: int = 1, **changes) -> Pool:
    return replace(PLAIN, gpu_type=name, gpu_count=count, **changes)


def model(compute: Compute) -> Model:
    return Model(
        name="story", kind="torch", predictor="p.py", class_name="Predictor", config={}, weights=None, env={},
        requirements=None, compute=compute, pools=("a",), scale=Scale(1, 1, "in_flight", 1.0, 60.0, 300.0, 0, ()),
        rollout=Rollout(1, 0), limits=Limits(1, 64, 60.0, 2**20), batching=None, route="/story", process="main",
        load_timeout_seconds=600.0, revision="",
    )  # fmt: skip


def names(*args, **kwargs) -> list[str]:
    return [each.name for each in instances_of(*args, **kwargs)]


@pytest.mark.parametrize(
    ("cloud", "pool", "first"),
    [
        ("aws", gpus("L4"), ["g6.xlarge", "g6.2xlarge"]),
        ("gcp", gpus("L4"), ["g2-standard-4", "g2-standard-8"]),
        ("gcp", gpus("T4"), ["n1-standard-4+1xT4", "n1-highmem-4+1xT4"]),
        ("azure", gpus("T4"), ["Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3"]),
        ("azure", gpus("A10"), ["Standard_NV36ads_A10_v5", "Standard_NV36adms_A10_v5"]),
    ],
)
def test_an_accelerator_is_every_type_with_it_the_cheapest_first(cloud, pool, first):
    assert names(pool, of(cloud), HOME[cloud])[:2] == first


@given(st.sampled_from(CLOUDS), st.data())
def test_whatever_is_asked_for_is_offered_had_so_and_in_order(cloud, data):
    catalogue = of(cloud)
    gpu = data.draw(st.sampled_from(catalogue.gpu_names))
    region = data.draw(st.sampled_from(sorted(catalogue.regions)))
    spot = data.draw(st.booleans())
    pool = gpus(gpu, data.draw(st.sampled_from([1, 2, 4, 8])), spot=SPOT if spot else None)
    found = instances_of(pool, catalogue, region)
    for each in found:
        assert each.gpu
        assert (each.gpu.name, each.gpu.count, each.gpu.partition) == (gpu, pool.gpu_count, 1)
        assert region in each.regions
        assert ("spot" if spot else "on_demand") in each.capacities
    assert list(found) == sorted(found, key=lambda each: catalogue.order(each, region))
    alike = instances_of(pool, catalogue, region, same_shape=True)
    assert alike[:1] == found[:1]
    for each in alike:
        assert each.gpu == alike[0].gpu
        assert each.vcpu >= alike[0].vcpu
        assert each.memory_mib >= alike[0].memory_mib
        assert spot or shape(each) == shape(alike[0])


@pytest.mark.parametrize("cloud", CLOUDS)
def test_spot_has_three_types_of_one_shape_where_there_are_as_many(cloud):
    catalogue = of(cloud)
    plain = replace(PLAIN, spot=SPOT)
    compute = Compute(3, 8 * GIB, None, None, 0, None)
    found = instances_of(plain, catalogue, HOME[cloud], models=[model(compute)], same_shape=True)
    assert len(found) >= SPOT_TYPES
    assert len({shape(each) for each in found}) == 1 or cloud != "aws"
    assert len(names(gpus("T4", spot=SPOT), catalogue, HOME[cloud], same_shape=True)) == SPOT_TYPES


def test_a_type_without_room_for_a_model_of_the_pool_is_left_out():
    large = Compute(6, 24 * GIB, None, "L4", 1, None)
    assert names(gpus("L4"), of("aws"), "us-east-1", models=[model(large)])[0] == "g6.2xlarge"


def test_a_part_of_a_card_is_taken_where_the_models_are_known_to_fit():
    small = Compute(1, 4 * GIB, None, "A10", 1, 3 * GIB)
    assert names(gpus("A10"), of("azure"), "eastus", models=[model(small)])[0] == "Standard_NV6ads_A10_v5"


def test_types_that_a_pool_names_keep_their_order():
    pool = replace(PLAIN, instances=("m7i.2xlarge", "m7i.xlarge", "x99.large"))
    assert names(pool, of("aws"), "us-east-1", same_shape=True) == ["m7i.2xlarge", "m7i.xlarge"]


def test_what_is_not_rented_on_demand_is_no_on_demand_node():
    assert names(gpus("H100"), of("gcp"), "us-central1") == []
    assert names(gpus("H100", spot=SPOT), of("gcp"), "us-central1") == ["a3-highgpu-1g"]
    assert names(gpus("H100", spot=SPOT), of("gcp"), "us-central1", capacity="on_demand") == []


def test_the_order_is_that_of_the_region_where_its_prices_are_known():
    catalogue = of("azure")
    for region in ("westeurope", "japaneast"):
        found = instances_of(replace(PLAIN), catalogue, region)
        prices = [price for each in found if (price := catalogue.usd_hour(each.name, region)) is not None]
        assert prices == sorted(prices)


def test_nothing_of_one_shape_is_nothing():
    assert of_one_shape((), 3) == ()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_region_has_a_type_for_the_system_pool(cloud):
    catalogue = of(cloud)
    assert {region for region in catalogue.regions if not system_instances(catalogue, region)} == set()
    assert system_instances(catalogue, HOME[cloud])[0] == system_instances(catalogue, None)[0]


def test_zones_without_the_type_are_left_out_where_they_are_known():
    t4 = of("gcp").instances["n1-standard-4+1xT4"]
    zones = ("us-central1-a", "us-central1-b", "us-central1-d")
    assert zones_with(t4, "us-central1", zones) == zones[:2]
    assert zones_with(of("gcp").instances["a3-highgpu-8g"], "us-central1", zones) == zones
    assert zones_with(of("aws").instances["g6.xlarge"], "us-east-1", ("us-east-1a",)) == ("us-east-1a",)


# learn.microsoft.com/azure/aks/node-resource-reservations
@pytest.mark.parametrize(
    ("vcpu", "millis"), [(1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740)]
)  # fmt: skip
def test_aks_keeps_back_what_its_table_says(vcpu, millis):
    assert kubelet_cpu_millis(vcpu, "azure") == millis


def test_memory_by_hand_on_google_cloud_and_azure():
    # 16384 less 256 + 80 + 28.672 for the kernel; 25 % of 4Gi, 20 % of 4Gi, 10 % of the remaining 7827.328Mi for
    # kubelet; 100 for eviction; 512 for daemons
    left = 16384 - 256 - 80 - 28.672
    assert (
        allocatable(of("gcp").instances["e2-standard-4"]).memory_bytes
        == (int(left - 1024 - 819.2 - (left - 8192) * 0.1) - 100 - 512) * MIB
    )
    # 16384 less 7.5 %; 20 x 110 + 50 for kubelet; 100 for eviction; 512 for daemons
    assert allocatable(of("azure").instances["Standard_D4s_v5"]).memory_bytes == (15155 - 2250 - 100 - 512) * MIB


def test_machines_that_share_a_core_leave_little_on_google_cloud():
    assert allocatable(of("gcp").instances["e2-medium"]).cpu_millis == 2000 - 1060 - 300


GCP = "version: 1\nname: shop\nplatform: {kind: gcp, region: us-central1, project: shop-prod}\n"
STORY = "models:\n  - {name: story, server: {kind: torch, predictor: models/story/predictor.py}, compute: {gpu: %s}}\n"


def test_node_groups_ask_for_machines_in_the_zones_that_have_them(project):
    """us-east1 has T4 in two of its three zones."""
    pool = "pools:\n  - {name: gpu, accelerator: T4, nodes: {max: 4}, spot: true}\n"
    _, blueprint = project(GCP.replace("us-central1", "us-east1") + pool + STORY % "T4")
    groups = blueprint.cloud.node_groups
    assert [group.instances for group in groups] == [
        ("n1-standard-4+1xT4",), ("n1-highmem-4+1xT4",), ("n1-standard-8+1xT4",), ("n1-standard-4+1xT4",)
    ]  # fmt: skip
    assert {group.gpu.type for group in groups} == {"nvidia-tesla-t4"}
    assert blueprint.cloud.zones == ("us-east1-b", "us-east1-c", "us-east1-d")
    assert {group.zones for group in groups} == {("us-east1-c", "us-east1-d")}
    from workaday.blueprint.machines import machine_of

    assert [machine_of(group.instances[0]) for group in groups[:2]] == ["n1-standard-4", "n1-highmem-4"]


def test_a_group_has_only_what_is_rented_so(project):
    pool = "pools:\n  - {name: gpu, accelerator: H100, nodes: {max: 4}, spot: {fallback: none}}\n"
    _, blueprint = project(GCP + pool + STORY % "H100")
    assert [(group.capacity, group.instances) for group in blueprint.cloud.node_groups] == [
        ("spot", ("a3-highgpu-1g",))
    ]


def test_zones_that_a_pool_names_are_kept(project):
    pool = "pools:\n  - {name: gpu, accelerator: T4, nodes: {max: 4}, zones: [us-east1-b]}\n"
    _, blueprint = project(GCP.replace("us-central1", "us-east1") + pool + STORY % "T4")
    assert {group.zones for group in blueprint.cloud.node_groups} == {("us-east1-b",)}


def test_an_auto_provisioner_stops_where_the_pools_do(project):
    """Two e2-standard-4 for controllers, 4 of g2-standard-4, 4 of e2-standard-8; what is reserved has its own pool."""
    pools = """pools:
  - {name: gpu, accelerator: L4, nodes: {max: 4}, spot: true, disk: 200Gi}
  - {name: cpu, instances: [e2-standard-8], nodes: {max: 3}, disk: 50Gi}
  - {name: kept, instances: [e2-standard-8], nodes: {max: 1}, reservation: kept}
"""
    _, blueprint = project(
        GCP.replace("shop-prod}", "shop-prod, provisioner: auto_provisioning}") + pools + STORY % "L4"
    )
    assert [group.name for group in blueprint.cloud.node_groups] == ["kept-reserved"]
    assert blueprint.cloud.gpu_limits == {"nvidia-l4": 4}
    assert blueprint.cloud.node_limits == {
        "cpu": 2 * 4 + 4 * 4 + 4 * 8, "memory_gib": 2 * 16 + 4 * 16 + 4 * 32, "disk_gib": 200
    }  # fmt: skip


@pytest.mark.parametrize(
    ("region", "expected"), [("us-central1", "e2-standard-4"), ("asia-southeast3", "n4-standard-4")]
)
def test_controllers_run_on_what_the_region_has(project, region, expected):
    plain = "models:\n  - {name: story, server: {kind: torch, predictor: models/story/predictor.py}}\n"
    _, blueprint = project(GCP.replace("us-central1", region) + plain)
    assert blueprint.cloud.system.instances == (expected,)
