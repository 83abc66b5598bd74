"""Prices of Compute Engine: the Cloud Billing catalogue prices cores, memory and cards, a machine is their sum."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from workaday.catalog import Instance
from workaday.execute.prices import refused, sdk
from workaday.execute.prices.http import get_json
from workaday.foresight.locked import RegionPrices

SOURCE = "Google Cloud Billing catalogue"
URL = "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus"  # Compute Engine
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
HOURS_A_MONTH = 730
# What a family's cores and memory are called; those not named here are `N2 Instance` for n2, and so on.
FAMILIES = {
    "n1": "N1 Predefined Instance", "n2d": "N2D AMD Instance", "c2": "Compute optimized", "c2d": "C2D AMD Instance",
    "t2d": "T2D AMD Instance", "t2a": "T2A Arm Instance", "c4a": "C4A Arm Instance",
}  # fmt: skip
# What a card is called, by the label that node pools name.
CARDS = {
    "nvidia-l4": "Nvidia L4 GPU", "nvidia-tesla-t4": "Nvidia Tesla T4 GPU", "nvidia-tesla-p4": "Nvidia Tesla P4 GPU",
    "nvidia-tesla-v100": "Nvidia Tesla V100 GPU", "nvidia-tesla-p100": "Nvidia Tesla P100 GPU",
    "nvidia-tesla-a100": "Nvidia Tesla A100 GPU", "nvidia-a100-80gb": "Nvidia Tesla A100 80GB GPU",
    "nvidia-h100-80gb": "Nvidia H100 80GB GPU", "nvidia-h100-mega-80gb": "Nvidia H100 80GB Mega GPU",
    "nvidia-rtx-pro-6000": "RTX 6000 96GB",
}  # fmt: skip
DISK = "SSD backed Local Storage"
# `Spot Preemptible N2 Instance Core running in Iowa`, `Nvidia L4 GPU attached to Spot Preemptible VMs running in …`
PART = re.compile(
    r"(?P<spot>Spot Preemptible )?(?P<what>.+?)(?P<too> attached to Spot Preemptible VMs)?( running)? in .+"
)


def fetch(types: Sequence[Instance], region: str, now: datetime) -> RegionPrices:
    """Return the prices of some types in a region; what is made of a part without a price is left out.

    Raises:
        ProjectError: X130 without google-auth, X131 without credentials or permission, X132 where Google cannot be
            asked.
    """
    parts = priced_parts(skus(authorized()), region)
    on_demand = {each.name: usd for each in types if (usd := price_of(each, parts, spot=False)) is not None}
    spot = {each.name: {region: usd} for each in types if (usd := price_of(each, parts, spot=True)) is not None}
    return RegionPrices(now, SOURCE, on_demand, spot)


def authorized() -> dict[str, str]:
    """Return the headers that say who asks: the application default credentials."""
    auth = sdk("google.auth")
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    headers: dict[str, str] = {}
    try:
        credentials, _ = auth.default(scopes=[SCOPE])
        credentials.refresh(Request())
        credentials.apply(headers)
    except GoogleAuthError as error:
        said = str(error).splitlines()[0]
        raise refused(
            "X131", f"no Google Cloud credentials: {said}", "`gcloud auth application-default login`"
        ) from None
    return headers


def skus(headers: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Give every article of Compute Engine, page by page."""
    token = ""
    while True:
        asked = {"pageSize": "5000", "currencyCode": "USD", **({"pageToken": token} if token else {})}
        answer = get_json(f"{URL}?{urlencode(asked)}", headers)
        yield from answer.get("skus", ())
        token = answer.get("nextPageToken", "")
        if not token:
            return


def priced_parts(articles: Iterable[Mapping[str, Any]], region: str) -> dict[tuple[str, bool], float]:
    """Return the price an hour of each part in a region, by what it is called and whether it is spot."""
    found: dict[tuple[str, bool], float] = {}
    for each in articles:
        usage = each["category"]["usageType"]
        if region not in each["serviceRegions"] or usage not in ("OnDemand", "Preemptible"):
            continue
        if part := PART.fullmatch(each["description"]):
            found[part["what"], usage == "Preemptible"] = hourly(each["pricingInfo"][0]["pricingExpression"])
    return found


def hourly(expression: Mapping[str, Any]) -> float:
    """Return the price an hour of the first tier that costs anything; storage is priced by the month."""
    for tier in expression["tieredRates"]:
        usd = float(tier["unitPrice"].get("units", 0)) + float(tier["unitPrice"].get("nanos", 0)) / 1e9
        if usd:
            return usd / HOURS_A_MONTH if expression["usageUnit"].endswith(".mo") else usd
    return 0.0


def price_of(instance: Instance, parts: Mapping[tuple[str, bool], float], *, spot: bool) -> float | None:
    """Return what a machine costs an hour: its cores, memory, cards and the disks that come with it."""
    if instance.burstable or ("spot" if spot else "on_demand") not in instance.capacities:
        return None  # machines that share a core are priced by a part of it
    family = FAMILIES.get(instance.family, f"{instance.family.upper()} Instance")
    needed = [(f"{family} Core", float(instance.vcpu)), (f"{family} Ram", instance.memory_mib / 1024)]
    if instance.gpu:
        needed.append((CARDS.get(instance.gpu.accelerator or "", ""), float(instance.gpu.count)))
    if instance.local_ssd_gb:
        needed.append((DISK, float(instance.local_ssd_gb)))
    costs = [(parts.get((what, spot)), amount) for what, amount in needed]
    known = [usd * amount for usd, amount in costs if usd is not None]
    return round(sum(known), 6) if len(known) == len(costs) else None
