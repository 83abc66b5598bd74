"""The keys that callers show at the gateway: one Secret in the project's namespace, a caller's name to its key.

Envoy compares what a caller shows with what is in the Secret, as it is: it knows no hashes. So whoever may read Secrets
of the namespace may read keys. The Secret is no part of a Helm release: keys outlive every apply, rollback and destroy.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workaday.execute import kube
from workaday.project.diagnostics import ProjectError, mistake

if TYPE_CHECKING:
    from workaday.execute.existing import Place
    from workaday.execute.workspace import Workspace

Object = dict[str, Any]
PREFIX = "wd-"
RANDOM_BYTES = 32
# What both a Secret's keys and the names of annotations may be.
NAME = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
MADE = "keys.workaday.dev/"
SHOWN = 4


@dataclass(frozen=True)
class Key:
    """What may be told of a key.

    Attributes:
        name: the caller's.
        made: when, as ISO 8601, or None where another made it.
        ending: its last characters, enough to tell it from others.
    """

    name: str
    made: str | None
    ending: str


def secret_of(workspace: Workspace) -> str:
    """Return the name of the Secret that holds the project's keys.

    Raises:
        ProjectError: X200, callers of this project show no keys.
    """
    if workspace.blueprint.platform == "local":
        raise mistake(
            "X200", "on this machine there is no gateway, and nobody needs a key", "call the models as they are"
        )
    gateway = workspace.blueprint.gateway
    if gateway is None:
        raise mistake("X200", "this project has no gateway to show a key to", "give it `gateway: {host: ...}`")
    if gateway.keys is None:
        raise mistake("X200", "callers of this project show tokens, not keys: `gateway.auth.jwt`", "ask their issuer")
    return gateway.keys


def every(place: Place, secret: str) -> list[Key]:
    """Return the keys by name; none where there is no Secret yet. Raises as `Cluster.get` does."""
    live = place.cluster.get(kube.SECRET, secret, place.namespace) or {}
    made = (live.get("metadata") or {}).get("annotations") or {}
    return [Key(name, made.get(MADE + name), ending(each)) for name, each in sorted((live.get("data") or {}).items())]


def ending(encoded: str) -> str:
    """Return the last characters of a key of ours; of a short one, which is not ours, nothing."""
    key = base64.b64decode(encoded).decode("utf-8", "replace")
    return key[-SHOWN:] if len(key) >= 4 * SHOWN else ""


def add(place: Place, secret: str, project: str, name: str) -> str:
    """Make a caller's key and return it: it is never shown again.

    Raises:
        ProjectError: X201, the name is none or is taken; else as `Cluster.merge` does.
    """
    if not NAME.fullmatch(name):
        raise mistake("X201", f"`{name}` is no name of a key", "letters, digits, `-`, `_` and `.`, at most 63")
    ensure(place, secret, project)
    live = place.cluster.get(kube.SECRET, secret, place.namespace) or {}
    if name in (live.get("data") or {}):
        raise mistake(
            "X201", f"there is a key `{name}` already", f"`workaday keys revoke {name}` first, or another name"
        )
    key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    merge(place, secret, live, name, base64.b64encode(key.encode()).decode(), now)
    return key


def revoke(place: Place, secret: str, name: str) -> None:
    """Take a caller's key away; the gateway refuses it as soon as it hears of it.

    Raises:
        ProjectError: X202, there is no such key; else as `Cluster.merge` does.
    """
    live = place.cluster.get(kube.SECRET, secret, place.namespace) or {}
    known = sorted(live.get("data") or {})
    if name not in known:
        there = f"there are: {', '.join(known)}" if known else "there is none yet: `workaday keys add NAME`"
        raise mistake("X202", f"no key `{name}` in Secret `{secret}`", there)
    merge(place, secret, live, name, None, None)


def merge(place: Place, secret: str, live: Mapping[str, Any], name: str, key: str | None, made: str | None) -> None:
    """Set a key, or with None remove it, unless somebody changed the Secret meanwhile."""
    version = (live.get("metadata") or {}).get("resourceVersion")
    body = {"metadata": {"resourceVersion": version, "annotations": {MADE + name: made}}, "data": {name: key}}
    place.cluster.merge(kube.SECRET, secret, body, place.namespace)


def ensure(place: Place, secret: str, project: str) -> bool:
    """Make the Secret, without a key, where there is none: the gateway answers 401 with it, and 500 without.

    Returns whether it holds a key. Whoever may not look leaves it as it is: then somebody else keeps the keys.
    """
    try:
        live = place.cluster.get(kube.SECRET, secret, place.namespace)
    except ProjectError as error:
        if error.diagnostics[0].code != "X183":
            raise
        return True
    if live is not None:
        return bool(live.get("data"))
    labels = {"app.kubernetes.io/part-of": project, "app.kubernetes.io/managed-by": "workaday"}
    metadata = {"name": secret, "namespace": place.namespace, "labels": labels}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    place.cluster.create(kube.SECRET, body, place.namespace)
    return False
