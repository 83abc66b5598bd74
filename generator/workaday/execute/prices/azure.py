"""Prices of Azure's virtual machines, from the Retail Prices API, which asks for no credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from workaday.catalog import Instance
from workaday.execute.prices.http import get_json
from workaday.foresight.locked import RegionPrices

SOURCE = "Azure Retail Prices API"
URL = "https://prices.azure.com/api/retail/prices"
AT_ONCE = 15  # names in one question: the filter is part of the URL


def fetch(types: Sequence[Instance], region: str, now: datetime) -> RegionPrices:
    """Return the prices of some types in a region.

    Raises:
        ProjectError: X132 where Azure cannot be asked.
    """
    names = [each.machine for each in types]
    on_demand: dict[str, float] = {}
    spot: dict[str, dict[str, float]] = {}
    for start in range(0, len(names), AT_ONCE):
        for item in items(names[start : start + AT_ONCE], region):
            name, usd = item["armSkuName"], float(item["retailPrice"])
            kind = kind_of(item)
            if kind == "on_demand":
                on_demand[name] = usd
            elif kind == "spot":
                spot[name] = {region: usd}
    return RegionPrices(now, SOURCE, on_demand, spot)


def items(names: Iterable[str], region: str) -> Iterator[Mapping[str, Any]]:
    """Give every price of some sizes in a region, page by page."""
    sizes = " or ".join(f"armSkuName eq '{name}'" for name in names)
    wanted = f"serviceName eq 'Virtual Machines' and armRegionName eq '{region}' and priceType eq 'Consumption'"
    page: str | None = f"{URL}?{urlencode({'$filter': f'{wanted} and ({sizes})', 'currencyCode': 'USD'})}"
    while page:
        answer = get_json(page)
        yield from answer["Items"]
        page = answer.get("NextPageLink")


def kind_of(item: Mapping[str, Any]) -> str | None:
    """Return whether a price is `on_demand` or `spot` for Linux by the hour; None is another."""
    if item["unitOfMeasure"] != "1 Hour" or item["productName"].endswith("Windows") or not item["retailPrice"]:
        return None
    if "Cloud Services" in item["productName"] or "Low Priority" in item["skuName"]:
        return None
    return "spot" if item["skuName"].endswith("Spot") else "on_demand"
