"""The catalogue: whole, dated, and honest about what it does not know."""

from __future__ import annotations

import pytest

from workaday.catalog import CLOUDS, Catalogue, family_of, parse, read


@pytest.fixture(scope="module")
def aws() -> Catalogue:
    found = read("aws")
    assert found
    return found


@pytest.fixture(scope="module", params=CLOUDS)
def cloud(request) -> Catalogue:
    found = read(request.param)
    assert found
    return found


def test_every_type_is_plausible(cloud):
    for each in cloud.instances.values():
        assert each.arch in ("x86_64", "arm64")
        assert each.vcpu >= 1
        assert each.memory_mib >= 512
        assert each.pods >= 4
        assert each.regions
        assert each.usd_hour is None or 0.001 < each.usd_hour < 500
        assert each.gpu is None or (each.gpu.count >= 1 and 0 < each.gpu.partition <= 1)
        assert (each.cloud, each.name) == (cloud.cloud, cloud.instances[each.name].name)
        assert each.capacities
        assert each.capacities <= {"on_demand", "spot", "capacity_block"}
        assert set(each.zones) <= each.regions
        assert each.network_gbps is None or each.network_gbps > 0


def test_a_name_and_a_capacity_are_one_card_on_every_cloud():
    """So that a project that moves between clouds fits on the same cards."""
    found: dict[tuple[str, int], set[int]] = {}
    for name in CLOUDS:
        catalogue = read(name)
        assert catalogue
        for each in catalogue.instances.values():
            if each.gpu and each.gpu.partition == 1:
                found.setdefault((each.gpu.name, round(each.gpu.memory_mib / 8192)), set()).add(each.gpu.memory_mib)
    assert {card: sizes for card, sizes in found.items() if len(sizes) > 1} == {}
    assert set(found["T4", 2]) == {15360}


def test_prices_are_by_region_and_unknown_where_there_is_no_source(cloud):
    assert cloud.price_regions[0] == cloud.price_region
    assert set(cloud.price_regions) <= cloud.regions
    for each in cloud.instances.values():
        assert cloud.usd_hour(each.name, cloud.price_region) == each.usd_hour
        assert cloud.usd_hour(each.name, "moon-1") is None
        assert all(price is None or 0.001 < price < 500 for price in each.usd)
    assert cloud.usd_hour("none", cloud.price_region) is None


# published list prices: cloud.google.com/compute/vm-instance-pricing, azure.microsoft.com/pricing, aws.amazon.com/ec2
@pytest.mark.parametrize(
    ("kind", "name", "region", "usd"),
    [
        ("aws", "g6.xlarge", "us-east-1", 0.8048),
        ("gcp", "e2-standard-4", "us-central1", 0.134023),
        ("gcp", "n1-standard-4+1xT4", "us-central1", 0.539999),
        ("gcp", "n1-standard-4+1xT4", "europe-west4", None),
        ("azure", "Standard_NC4as_T4_v3", "eastus", 0.526),
        ("azure", "Standard_D4s_v5", "eastus", 0.192),
    ],
)
def test_prices_are_those_of_the_lists(kind, name, region, usd):
    assert read(kind).usd_hour(name, region) == usd


def test_google_clouds_gpus_carry_the_label_that_a_node_pool_names():
    gpus = {each.machine: each.gpu for each in read("gcp").instances.values() if each.gpu}
    assert all(gpu.accelerator.startswith("nvidia-") for gpu in gpus.values())
    assert gpus["g2-standard-4"].accelerator == "nvidia-l4"
    attached = read("gcp").instances["n1-standard-8+2xT4"]
    assert (attached.machine, attached.gpu.accelerator, attached.gpu.count) == ("n1-standard-8", "nvidia-tesla-t4", 2)
    assert all(each.gpu is None or each.gpu.accelerator is None for each in read("azure").instances.values())


def test_a_part_of_an_a10_is_a_gpu_of_its_own_on_azure():
    parts = {
        each.name: (each.gpu.count, each.gpu.memory_mib)
        for each in read("azure").instances.values()
        if each.gpu and each.gpu.partition < 1
    }
    assert parts == {
        "Standard_NV6ads_A10_v5": (1, 4096),
        "Standard_NV12ads_A10_v5": (1, 8192),
        "Standard_NV18ads_A10_v5": (1, 12288),
    }


def test_what_is_had_only_on_spot_or_never():
    assert read("gcp").instances["a3-highgpu-1g"].capacities == {"spot"}
    assert read("azure").instances["Standard_B4s_v2"].capacities == {"on_demand"}
    assert "capacity_block" in read("aws").instances["p5.48xlarge"].capacities


def test_zones_are_known_for_some_and_said_to_be_unknown_for_others():
    gcp, aws = read("gcp"), read("aws")
    assert gcp.instances["g2-standard-4"].zones_in("us-central1") == ("us-central1-a", "us-central1-b", "us-central1-c")
    assert gcp.instances["a3-highgpu-8g"].zones_in("us-central1") is None
    assert set(aws.instances["g6.xlarge"].zones_in("us-east-1")) <= {f"use1-az{number}" for number in range(1, 7)}
    assert gcp.zones["europe-west1"] == ("europe-west1-b", "europe-west1-c", "europe-west1-d")
    assert aws.zones["us-east-1"][:3] == ("us-east-1a", "us-east-1b", "us-east-1c")


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("m7i-flex.large", "m7i-flex"),
        ("p6-b200.48xlarge", "p6-b200"),
        ("n2d-highmem-4", "n2d"),
        ("a2-ultragpu-1g", "a2"),
        ("e2-medium", "e2"),
        ("n1-standard-4+1xT4", "n1"),
        ("Standard_NC4as_T4_v3", "Standard_NCas_T4_v3"),
        ("Standard_D16s_v5", "Standard_Ds_v5"),
    ],
)
def test_a_family_is_a_name_without_its_size(name, family):
    assert family_of(name) == family


# amazon-eks-ami publishes these as eni-max-pods
@pytest.mark.parametrize(
    ("name", "pods"), [("m5.large", 29), ("m7i.xlarge", 58), ("g6.xlarge", 58), ("p5.48xlarge", 100), ("t3.micro", 4)]
)
def test_pods_are_what_the_network_interfaces_have_addresses_for(aws, name, pods):
    assert aws.instances[name].pods == pods


def test_gpu_memory_is_what_the_card_has_and_not_what_it_is_sold_with(aws):
    assert aws.instances["g6.xlarge"].gpu.memory_mib == 22888


def test_a_part_of_a_card_counts_as_one_gpu_with_its_share_of_the_memory(aws):
    whole, part = aws.instances["g6.xlarge"].gpu, aws.instances["g6f.2xlarge"].gpu
    assert (part.name, part.count, part.partition) == ("L4", 1, 0.25)
    assert part.memory_mib == whole.memory_mib * part.partition


def test_a_price_without_a_source_is_unknown(aws):
    assert aws.instances["p5e.48xlarge"].usd_hour is None


def test_a_region_without_a_family_is_known_as_such(aws):
    assert "eu-west-1" in aws.regions
    assert "eu-west-1" in aws.instances["g5.xlarge"].regions
    assert "eu-west-1" not in aws.instances["g6.xlarge"].regions


def test_the_data_says_when_and_where_it_held(aws):
    assert (aws.cloud, aws.price_region) == ("aws", "us-east-1")
    assert aws.facts_as_of >= "2026-10-27"
    assert aws.prices_as_of >= "2026-07-20"
    assert "g6" in aws.families
    assert {"L4", "A10G", "H100"} <= set(aws.gpu_names)


@pytest.mark.parametrize("cloud", ["local", "existing", "../aws", ""])
def test_what_has_no_catalogue_is_none_and_no_crash(cloud):
    assert read(cloud) is None


def test_it_is_read_once():
    assert all(read(cloud) is read(cloud) for cloud in CLOUDS)


def test_data_of_another_shape_is_refused():
    with pytest.raises(KeyError):
        parse({"cloud": "aws"})
