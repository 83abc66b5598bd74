"""Answers of data sources: what a formatter renders, fixtures of the right form for the rest. Nothing is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workaday.execute.offline import made_up, policy_document
from workaday.execute.offline.planning import completed, settled
from workaday.execute.offline.schema import Block

Answer = Mapping[str, Any]
Context = Mapping[str, Any]


def answer(kind: str, config: Mapping[str, Any], block: Block, context: Context) -> dict[str, Any]:
    """Return a data source's state.

    Args:
        kind: its type, such as `aws_region`.
        config: its arguments, all known.
        block: its schema.
        context: what the provider knows from its own configuration, such as `region`.

    Raises PolicyError: a policy document's statements do not fit together.
    """
    state = dict(config)
    for name, value in KNOWN.get(kind, _nothing)(config, context).items():
        if name in block.attributes and state.get(name) is None:
            state[name] = value
    seed = f"data.{kind}.{sorted((name, repr(value)) for name, value in config.items() if value is not None)}"
    answered: dict[str, Any] = settled(completed(state, None, None, block, {}), block.type, "", seed, kind)
    return answered


def _nothing(config: Mapping[str, Any], context: Context) -> Answer:
    return {}


def _region(context: Context) -> str:
    return str(context.get("region") or made_up.REGIONS["aws"])


def _zones(config: Mapping[str, Any], context: Context) -> Answer:
    region = config.get("region") or _region(context)
    names = [region + letter for letter in "abc"]
    return {
        "id": region,
        "names": names,
        "zone_ids": [f"{region}-az{number}" for number in (1, 2, 3)],
        "group_names": [region],
    }


def _caller(config: Mapping[str, Any], context: Context) -> Answer:
    return {
        "id": made_up.ACCOUNT,
        "account_id": made_up.ACCOUNT,
        "arn": f"arn:aws:iam::{made_up.ACCOUNT}:user/offline",
        "user_id": "AIDAOFFLINE",
    }


def _session(config: Mapping[str, Any], context: Context) -> Answer:
    return {"issuer_arn": config.get("arn"), "issuer_id": "AIDAOFFLINE", "issuer_name": "offline", "session_name": ""}


def _partition(config: Mapping[str, Any], context: Context) -> Answer:
    china, government = _region(context).startswith("cn-"), _region(context).startswith("us-gov-")
    partition = "aws-cn" if china else "aws-us-gov" if government else "aws"
    suffix = "amazonaws.com.cn" if china else "amazonaws.com"
    reverse = ".".join(reversed(suffix.split(".")))
    return {"id": partition, "partition": partition, "dns_suffix": suffix, "reverse_dns_prefix": reverse}


def _aws_region(config: Mapping[str, Any], context: Context) -> Answer:
    region = config.get("region") or _region(context)
    return {
        "id": region,
        "name": region,
        "region": region,
        "description": f"offline: {region}",
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def _subnets(config: Mapping[str, Any], context: Context) -> Answer:
    # Where each lies is not known here: all that were asked for by id lie where they were looked for.
    filters = {each["name"]: each["values"] for each in config.get("filter") or ()}
    return {"ids": sorted(filters.get("subnet-id") or ())}


def _policy(config: Mapping[str, Any], context: Context) -> Answer:
    indented, minified = policy_document.render(config)
    return {"id": made_up.digest(minified, 10), "json": indented, "minified_json": minified}


def _google_client(config: Mapping[str, Any], context: Context) -> Answer:
    project = context.get("project") or made_up.PROJECT
    region, zone = context.get("region") or made_up.REGIONS["google"], context.get("zone")
    return {
        "id": f"projects/{project}/regions/{region}/zones/{zone or f'{region}-a'}",
        "project": project,
        "region": region,
        "zone": zone or f"{region}-a",
        "access_token": "offline",
    }


def _google_project(config: Mapping[str, Any], context: Context) -> Answer:
    project = config.get("project_id") or context.get("project") or made_up.PROJECT
    return {"id": f"projects/{project}", "project_id": project, "number": "999999999999", "name": project}


def _google_zones(config: Mapping[str, Any], context: Context) -> Answer:
    region = config.get("region") or context.get("region") or made_up.REGIONS["google"]
    return {"id": region, "names": [f"{region}-{letter}" for letter in "abc"]}


def _azure_client(config: Mapping[str, Any], context: Context) -> Answer:
    return {
        "client_id": made_up.uuid("client"),
        "object_id": made_up.uuid("object"),
        "subscription_id": context.get("subscription_id") or made_up.SUBSCRIPTION,
        "tenant_id": context.get("tenant_id") or made_up.TENANT,
    }


def _azure_subscription(config: Mapping[str, Any], context: Context) -> Answer:
    subscription = config.get("subscription_id") or context.get("subscription_id") or made_up.SUBSCRIPTION
    return {
        "id": f"/subscriptions/{subscription}",
        "subscription_id": subscription,
        "tenant_id": made_up.TENANT,
        "display_name": "offline",
        "state": "Enabled",
    }


KNOWN: Mapping[str, Callable[[Mapping[str, Any], Context], Answer]] = {
    "aws_availability_zones": _zones,
    "aws_caller_identity": _caller,
    "aws_iam_policy_document": _policy,
    "aws_iam_session_context": _session,
    "aws_partition": _partition,
    "aws_region": _aws_region,
    "aws_subnets": _subnets,
    "azurerm_client_config": _azure_client,
    "azurerm_subscription": _azure_subscription,
    "google_client_config": _google_client,
    "google_compute_zones": _google_zones,
    "google_project": _google_project,
}
