"""Prices of Amazon EC2: on demand from the Price List, spot from the last seven days' history."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from workaday.catalog import Instance
from workaday.execute.prices import refused, sdk
from workaday.foresight.locked import RegionPrices

SOURCE = "AWS Price List (pricing:GetProducts), EC2 spot price history (7 days, median by time)"
PRICING_REGION = "us-east-1"  # one of the few that answer for all others
HISTORY = timedelta(days=7)
LINUX = {
    "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used",
}  # fmt: skip
PERMISSIONS = "the credentials need `pricing:GetProducts` and `ec2:DescribeSpotPriceHistory`"
DENIED = ("AccessDenied", "UnauthorizedOperation", "Expired", "InvalidClientToken", "UnrecognizedClient", "AuthFailure")


def fetch(types: Sequence[Instance], region: str, now: datetime) -> RegionPrices:
    """Return the prices of some types in a region.

    Raises:
        ProjectError: X130 without boto3, X131 without credentials or permission, X132 where AWS cannot be asked.
    """
    boto3 = sdk("boto3")
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        names = [each.machine for each in types]
        spotted = [each.machine for each in types if "spot" in each.capacities]
        return RegionPrices(
            as_of=now,
            source=SOURCE,
            on_demand=on_demand(boto3.client("pricing", region_name=PRICING_REGION), names, region),
            spot=spot(boto3.client("ec2", region_name=region), spotted, now),
        )
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise refused("X131", f"no AWS credentials: {error}", f"`aws configure`, or a profile; {PERMISSIONS}") from None
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
        denied = code.startswith(DENIED)
        hint = PERMISSIONS if denied else "try again later"
        raise refused(
            "X131" if denied else "X132", f"AWS refused {error.operation_name}: {code}: {said}", hint
        ) from None
    except BotoCoreError as error:
        raise refused("X132", f"cannot ask AWS for prices: {error}", "is there a way out to the internet?") from None


def on_demand(client: Any, names: Iterable[str], region: str) -> dict[str, float]:
    """Return the on-demand prices that a `pricing` client states; types that it does not know are left out."""
    found = {}
    for name in names:
        fields = {**LINUX, "instanceType": name, "regionCode": region}
        filters = [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in fields.items()]
        pages = client.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", Filters=filters)
        prices = [price for page in pages for product in page["PriceList"] for price in hours(json.loads(product))]
        if prices:
            found[name] = min(prices)
    return found


def hours(product: Any) -> Iterator[float]:
    """Give the prices an hour of a product of the Price List, without those of nothing."""
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            usd = float(dimension["pricePerUnit"].get("USD", 0))
            if dimension["unit"] == "Hrs" and usd > 0:
                yield usd


def spot(client: Any, names: Sequence[str], now: datetime) -> dict[str, dict[str, float]]:
    """Return each type's median spot price in each zone over the last week, as an `ec2` client tells it."""
    if not names:
        return {}
    history: dict[tuple[str, str], list[tuple[datetime, float]]] = defaultdict(list)
    pages = client.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=list(names),
        ProductDescriptions=["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
        StartTime=now - HISTORY,
        EndTime=now,
    )
    for page in pages:
        for each in page["SpotPriceHistory"]:
            place = each["InstanceType"], each["AvailabilityZone"]
            history[place].append((each["Timestamp"], float(each["SpotPrice"])))
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for (name, zone), changes in history.items():
        found[name][zone] = median(changes, now - HISTORY, now)
    return dict(found)


def median(changes: Iterable[tuple[datetime, float]], start: datetime, end: datetime) -> float:
    """Return the price that was not exceeded half of the time.

    Args:
        changes: when the price became what; one at or before `start` holds from there.
        start, end: the time that counts.
    """
    ordered = sorted(changes)
    held: list[tuple[float, timedelta]] = []
    for place, (since, price) in enumerate(ordered):
        until = ordered[place + 1][0] if place + 1 < len(ordered) else end
        held.append((price, max(timedelta(0), min(until, end) - max(since, start))))
    half = sum((span for _, span in held), timedelta(0)) / 2
    passed = timedelta(0)
    for price, span in sorted(held):
        passed += span
        if half and passed >= half:
            return price
    return ordered[-1][1]  # it became known only now
