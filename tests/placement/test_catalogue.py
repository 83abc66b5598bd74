"""The catalogue: whole, dated, and honest about what it does not know."""

from __future__ import annotations

import pytest

from workaday.catalog import CLOUDS, Catalogue, parse, read


@pytest.fixture(scope="module")
def aws() -> Catalogue:
    found = read("aws")
    assert found
    return found


def test_every_type_is_plausible(aws):
    for each in aws.instances.values():
        assert each.arch in ("x86_64", "arm64")
        assert each.vcpu >= 1
        assert each.memory_mib >= 512
        assert each.pods >= 4
        assert each.regions
        assert each.usd_hour is None or 0.001 < each.usd_hour < 500
        assert each.gpu is None or (each.gpu.count >= 1 and 0 < each.gpu.partition <= 1)


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


@pytest.mark.parametrize("cloud", ["gcp", "azure", "local", "existing", "../aws", ""])
def test_what_has_no_catalogue_is_none_and_no_crash(cloud):
    assert read(cloud) is None


def test_it_is_read_once():
    assert all(read(cloud) is read(cloud) for cloud in CLOUDS)


def test_data_of_another_shape_is_refused():
    with pytest.raises(KeyError):
        parse({"cloud": "aws"})
