"""AWS' prices: moto for the shape of the calls, botocore's Stubber for what they answer. No cloud is asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from workaday.catalog import read
from workaday.execute.prices import aws
from workaday.project import ProjectError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FILTERS = ("operatingSystem", "tenancy", "preInstalledSw", "capacitystatus", "instanceType", "regionCode")


@pytest.fixture(autouse=True)
def no_cloud(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def product(usd: str, unit: str = "Hrs") -> str:
    """As the Price List answers: JSON in a string."""
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}, "description": "per Hour"}
    return json.dumps(
        {"product": {}, "terms": {"OnDemand": {"SKU.JRTC": {"priceDimensions": {"SKU.JRTC.6YS": dimension}}}}}
    )


def asked(name: str, region: str, token: str | None = None) -> dict[str, object]:
    values = dict(zip(FILTERS, ("Linux", "Shared", "NA", "Used", name, region), strict=True))
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in values.items()]
    return {"ServiceCode": "AmazonEC2", "Filters": filters, **({"NextToken": token} if token else {})}


def test_on_demand_prices_are_those_of_linux_in_the_region():
    client = boto3.client("pricing", region_name="us-east-1")
    with Stubber(client) as stub:
        first = {"PriceList": [product("0.0000000000")], "NextToken": "more"}
        stub.add_response("get_products", first, asked("g6.xlarge", "eu-west-1"))
        second = {"PriceList": [product("0.8922", "Hrs"), product("9.0", "Quantity")]}
        stub.add_response("get_products", second, asked("g6.xlarge", "eu-west-1", "more"))
        stub.add_response("get_products", {"PriceList": []}, asked("p9.48xlarge", "eu-west-1"))
        assert aws.on_demand(client, ["g6.xlarge", "p9.48xlarge"], "eu-west-1") == {"g6.xlarge": 0.8922}
        stub.assert_no_pending_responses()


def test_spot_prices_are_each_zones_median_of_a_week():
    client = boto3.client("ec2", region_name="us-east-1")
    history = [
        ("us-east-1a", 8, "0.90"),  # before the week: it holds from its start
        ("us-east-1a", 6, "0.30"),
        ("us-east-1a", 1, "0.50"),
        ("us-east-1b", 20, "0.40"),
    ]
    rows = [
        {
            "InstanceType": "g6.xlarge",
            "AvailabilityZone": zone,
            "SpotPrice": usd,
            "Timestamp": NOW - timedelta(days=days),
        }
        for zone, days, usd in history
    ]
    expected = {
        "InstanceTypes": ["g6.xlarge"],
        "ProductDescriptions": ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
        "StartTime": NOW - timedelta(days=7),
        "EndTime": NOW,
    }
    with Stubber(client) as stub:
        stub.add_response("describe_spot_price_history", {"SpotPriceHistory": rows}, expected)
        assert aws.spot(client, ["g6.xlarge"], NOW) == {"g6.xlarge": {"us-east-1a": 0.3, "us-east-1b": 0.4}}
    assert aws.spot(client, [], NOW) == {}


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from([0.1, 0.2, 0.3, 0.4])), min_size=1, max_size=12))
def test_the_median_is_that_of_every_hour(changes):
    start = NOW - timedelta(hours=168)
    found = aws.median([(NOW - timedelta(hours=hours), usd) for hours, usd in changes], start, NOW)
    ordered = sorted((NOW - timedelta(hours=hours), usd) for hours, usd in changes)
    hours = [
        [usd for since, usd in ordered if since <= start + timedelta(hours=hour)][-1]
        for hour in range(168)
        if ordered[0][0] <= start + timedelta(hours=hour)
    ]
    if hours:
        assert found == sorted(hours)[(len(hours) - 1) // 2]
    else:
        assert found == ordered[-1][1]


@mock_aws
def test_the_calls_have_the_shape_that_ec2_takes():
    found = aws.spot(boto3.client("ec2", region_name="us-east-1"), ["g6.xlarge", "g4dn.xlarge"], NOW)
    assert set(found) == {"g6.xlarge", "g4dn.xlarge"}
    assert all(zone.startswith("us-east-1") and usd > 0 for zones in found.values() for zone, usd in zones.items())


def test_only_what_is_rented_on_spot_is_asked_for_on_spot(monkeypatch):
    questions: list[list[str]] = []
    monkeypatch.setattr(aws, "on_demand", lambda client, names, region: dict.fromkeys(names, 1.0))
    monkeypatch.setattr(aws, "spot", lambda client, names, now: questions.append(names) or {})
    known = read("aws").instances
    found = aws.fetch([known["g6.xlarge"], known["m7i.large"]], "us-east-1", NOW)
    assert (found.as_of, found.on_demand) == (NOW, {"g6.xlarge": 1.0, "m7i.large": 1.0})
    assert questions == [["g6.xlarge", "m7i.large"]]


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not you"}}, "GetProducts")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (NoCredentialsError(), "X131", "no AWS credentials"),
        (client_error("AccessDeniedException"), "X131", "AWS refused GetProducts: AccessDeniedException: not you"),
        (client_error("ExpiredTokenException"), "X131", "ExpiredToken"),
        (client_error("ThrottlingException"), "X132", "Throttling"),
        (EndpointConnectionError(endpoint_url="https://api.pricing"), "X132", "cannot ask AWS"),
    ],
)
def test_what_aws_refuses_is_a_named_error_with_the_permissions(monkeypatch, error, code, said):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(aws, "on_demand", refuse)
    with pytest.raises(ProjectError) as refused:
        aws.fetch([read("aws").instances["g6.xlarge"]], "us-east-1", NOW)
    (finding,) = refused.value.diagnostics
    assert (finding.code, said in finding.message) == (code, True)
    assert code == "X132" or "ec2:DescribeSpotPriceHistory" in finding.hints[0]
