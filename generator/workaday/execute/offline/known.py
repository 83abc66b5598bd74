"""What a provider knows without asking anyone: what its own block says, carried into each resource at plan time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workaday.execute.offline.values import is_unknown, merged_maps

# google adds this label to all that it makes unless its block says no.
ATTRIBUTION = {"goog-terraform-provisioned": "true"}


def context_of(provider: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a provider block says that its resources inherit."""
    names = ("region", "project", "zone", "subscription_id", "tenant_id", "default_labels")
    context = {name: config[name] for name in names if config.get(name) is not None}
    defaults = config.get("default_tags")
    if provider == "aws" and isinstance(defaults, list) and defaults:
        context["default_tags"] = defaults[0].get("tags")
    if provider == "google" and config.get("add_terraform_attribution_label") is not False:
        context["attribution"] = ATTRIBUTION
    return context


def known_at_plan(provider: str, config: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the computed attributes that the real provider knows at plan time, whether a resource has them or not."""
    if provider == "aws":
        tags = merged_maps([context.get("default_tags"), config.get("tags")])
        return {"tags_all": {} if tags is None else tags} | _inherited(context, "region")
    if provider == "google":
        # Clusters call their labels `resource_labels`.
        own = [config.get("labels"), config.get("resource_labels")]
        labels = merged_maps([{}, context.get("attribution"), context.get("default_labels"), *own])
        known = dict.fromkeys(("terraform_labels", "effective_labels"), labels)
        return known | _inherited(context, "project", "region", "zone")
    return {}


def _inherited(context: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: context[name] for name in names if name in context and not is_unknown(context[name])}
