"""Values for what only a cloud could say: made up, of the right form, the same each time for the same seed.

They stand in the states that `--against` and the tests make, and in the answers of data sources. Accounts and ids carry
`0ff11e` or are all nines where their form allows it, so that nobody takes one for a real one.
"""

from __future__ import annotations

import hashlib
from typing import Any

from workaday.execute.offline.schema import Type

ACCOUNT = "999999999999"
PROJECT = "offline-project"
SUBSCRIPTION = "0ff11e00-0000-0000-0000-000000000000"
TENANT = "0ff11e00-0000-0000-0000-000000000001"
REGIONS = {"aws": "us-east-1", "google": "us-central1", "azurerm": "eastus"}

# Prefixes of ids that other arguments are checked against, by resource type.
_AWS_IDS = {
    "aws_vpc": "vpc",
    "aws_subnet": "subnet",
    "aws_security_group": "sg",
    "aws_launch_template": "lt",
    "aws_internet_gateway": "igw",
    "aws_nat_gateway": "nat",
    "aws_eip": "eipalloc",
    "aws_route_table": "rtb",
    "aws_vpc_endpoint": "vpce",
    "aws_ec2_capacity_reservation": "cr",
    "aws_flow_log": "fl",
}


def digest(seed: str, length: int = 12) -> str:
    """Return hexadecimal digits that depend on the seed alone."""
    return hashlib.sha256(seed.encode()).hexdigest()[:length]


def value(type_: Type, name: str, seed: str, kind: str = "") -> Any:
    """Return a value of a type for an attribute's name; `kind` is the resource's or data source's type."""
    if isinstance(type_, list):
        outer, inner = type_[0], type_[1]
        if outer == "object":
            return {part: value(each, part, f"{seed}.{part}", kind) for part, each in inner.items()}
        if outer in ("list", "set") and isinstance(inner, list) and inner[0] == "object":
            return [value(inner, name, f"{seed}.0", kind)]
        return {} if outer == "map" else []
    if type_ == "string":
        return text(name, seed, kind)
    return {"number": 0, "bool": False}.get(type_)


def text(name: str, seed: str, kind: str = "") -> str:
    """Return a text for an attribute's name."""
    cloud = kind.split("_", 1)[0]
    if name == "arn" or name.endswith("_arn"):
        return f"arn:aws:offline:{REGIONS['aws']}:{ACCOUNT}:{kind.removeprefix('aws_') or name}/{digest(seed)}"
    if name == "id":
        return identity(kind, seed)
    if name in ("json", "policy") or name.endswith("_policy"):
        return '{"Version":"2012-10-17","Statement":[]}'
    if name in ("tenant_id", "subscription_id", "client_id", "principal_id", "object_id"):
        return TENANT if name == "tenant_id" else SUBSCRIPTION if name == "subscription_id" else uuid(seed)
    if name in ("account_id", "owner_id", "registry_id"):
        return ACCOUNT
    if name == "project":
        return PROJECT
    if name in ("region", "location"):
        return REGIONS.get(cloud, "offline")
    if name in ("endpoint", "url", "uri", "issuer") or name.endswith(("_url", "_uri", "_endpoint")):
        return f"https://{digest(seed)}.offline.invalid"
    return f"offline-{name.replace('_', '-')}-{digest(seed)}"


def identity(kind: str, seed: str) -> str:
    """Return an id in the form that the resource's cloud gives them."""
    cloud, _, rest = kind.partition("_")
    if kind in _AWS_IDS:
        return f"{_AWS_IDS[kind]}-0ff11e{digest(seed, 11)}"
    if cloud == "azurerm":
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/offline"
        return group if rest == "resource_group" else f"{group}/providers/Microsoft.Offline/{rest}/{digest(seed)}"
    if cloud == "google":
        return f"projects/{PROJECT}/{rest}/{digest(seed)}"
    return f"offline-{digest(seed)}"


def uuid(seed: str) -> str:
    """Return a UUID."""
    hexes = digest(seed, 26)
    return f"0ff11e{hexes[:2]}-{hexes[2:6]}-4{hexes[6:9]}-a{hexes[9:12]}-{hexes[12:24]}"
