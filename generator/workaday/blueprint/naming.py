"""What things are called in a cloud: pure, stable, within each cloud's limits.

A name that fits stands as it is. One that does not is cut and marked with a hash of the whole, so that two names which
differ stay different. Buckets and registries that share one space of names with all the world are always marked.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode

from workaday.project.limits import CLOUDS, RELEASE, Rule
from workaday.project.limits import cluster_name as cluster_name

# base32 digits: 30 bits tell a project's own names apart, 40 bits the world's
_MARK, _WORLDS_MARK = 6, 8


def resource_name(cloud: str, what: str, *parts: str) -> str:
    """Return the name of a resource, such as `("gcp", "network", "dungeon-prod", "nodes")`; see `limits.CLOUDS`.

    Raises KeyError: no such cloud, or it has no such kind of name.
    """
    return _fit("-".join(parts), CLOUDS[cloud][what])


def node_pool(cloud: str, pool: str) -> str:
    """Return a pool's name within its cluster; nodes carry the project file's name as a label."""
    return _fit(pool, CLOUDS[cloud]["node_pool"])


def identity(cloud: str, cluster: str, part: str) -> str:
    """Return the name of an IAM role (aws), service account (gcp) or managed identity (azure)."""
    return resource_name(cloud, "identity", cluster, part)


def bucket(cloud: str, cluster: str, part: str, scope: str) -> str:
    """Return the name of a bucket (aws, gcp) or storage account (azure), unique in the world.

    `scope` is what only this owner has: the account, the cloud's project, the subscription. Without one, every project
    of the same name in the world has the same bucket.
    """
    return _fit(f"{cluster}-{part}", CLOUDS[cloud]["bucket"], scope)


def registry(cloud: str, cluster: str, scope: str) -> str:
    """Return the name of the images' repository (aws, gcp), or of the registry itself (azure), unique in the world."""
    return _fit(cluster, CLOUDS[cloud]["registry"], scope if cloud == "azure" else None)


def queue(cluster: str, part: str) -> str:
    """Return the name of an SQS queue."""
    return resource_name("aws", "queue", cluster, part)


def event_rule(cluster: str, part: str) -> str:
    """Return the name of an EventBridge rule."""
    return resource_name("aws", "rule", cluster, part)


def resource_group(cluster: str) -> str:
    """Return the name of the resource group that holds an AKS cluster."""
    return resource_name("azure", "resource_group", cluster)


def node_resource_group(cluster: str) -> str:
    """Return the name of the resource group that AKS fills with nodes; left to AKS, it grows past its own limit."""
    return resource_name("azure", "node_resource_group", cluster, "nodes")


def dns_prefix(cluster: str) -> str:
    """Return the DNS prefix of an AKS cluster."""
    return resource_name("azure", "dns_prefix", cluster)


def release(*parts: str) -> str:
    """Return the name of a Helm release."""
    return _fit("-".join(parts), RELEASE)


def _fit(text: str, rule: Rule, scope: str | None = None) -> str:
    base = re.sub("-+", "" if rule.plain else "-", text)  # ECR takes no two hyphens in a row
    if scope is None and base == text and rule.least <= len(text) <= rule.most:
        return text
    digits = b32encode(hashlib.sha256(f"{text}\0{scope or ''}".encode()).digest()).decode().lower()
    mark = digits[: _MARK if scope is None else _WORLDS_MARK]
    glue = "" if rule.plain else "-"
    return base[: rule.most - len(glue) - len(mark)].rstrip("-") + glue + mark


def route(model: str) -> str:
    """Return the name of a model's HTTPRoute: KServe takes one of the model's own name for its own."""
    return f"{model}-route"
