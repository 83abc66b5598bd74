"""A pod's volumes as folders, and where its containers expect them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plane.api import Object
from plane.kubelet.environment import Lookup, SpecError, data_of, field

# returns a token for a service account of the pod's namespace
Token = Callable[[str], str]


def make(pod: Object, folder: Path, kept: Path, lookup: Lookup, token: Token) -> dict[str, Path]:
    """Write a pod's volumes; returns the folder of each.

    Args:
        pod: its specification.
        folder: of this pod alone.
        kept: claims' contents, which outlive a pod.
        lookup: returns a ConfigMap's or Secret's data.
        token: see `Token`.

    Raises:
        SpecError: something that a volume needs is not there, or its kind cannot be had here.
    """
    found = {}
    for volume in pod["spec"].get("volumes", []):
        name = volume["name"]
        place = folder / name
        if "hostPath" in volume:
            place = Path(volume["hostPath"]["path"])
        elif "persistentVolumeClaim" in volume:
            place = kept / pod["metadata"]["namespace"] / volume["persistentVolumeClaim"]["claimName"]
        place.mkdir(parents=True, exist_ok=True)
        for path, content in files(volume, pod, lookup, token).items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(content)
        found[name] = place
    return found


def files(volume: Mapping[str, Any], pod: Object, lookup: Lookup, token: Token) -> dict[str, str]:
    """Return the files of a volume by path.

    Raises:
        SpecError: see `make`.
    """
    if "configMap" in volume:
        return chosen("ConfigMap", volume["configMap"], lookup)
    if "secret" in volume:
        source = {"name": volume["secret"]["secretName"], **volume["secret"]}
        return chosen("Secret", source, lookup)
    if "downwardAPI" in volume:
        return {each["path"]: field(each["fieldRef"]["fieldPath"], pod) for each in volume["downwardAPI"]["items"]}
    if "projected" in volume:
        return projected(volume["projected"]["sources"], pod, lookup, token)
    if not {"emptyDir", "hostPath", "persistentVolumeClaim"} & set(volume):
        kind = next(key for key in volume if key != "name")
        raise SpecError(f"volume {volume['name']}: no volumes of the kind {kind} here")
    return {}


def projected(sources: list[Object], pod: Object, lookup: Lookup, token: Token) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in sources:
        if "configMap" in each:
            found |= chosen("ConfigMap", each["configMap"], lookup)
        elif "secret" in each:
            found |= chosen("Secret", each["secret"], lookup)
        elif "serviceAccountToken" in each:
            found[each["serviceAccountToken"]["path"]] = token(pod["spec"].get("serviceAccountName", "default"))
        else:
            items = each["downwardAPI"]["items"]
            found |= {item["path"]: field(item["fieldRef"]["fieldPath"], pod) for item in items}
    return found


def chosen(kind: str, source: Mapping[str, Any], lookup: Lookup) -> dict[str, str]:
    data = data_of(kind, source, lookup)
    if "items" not in source:
        return dict(data)
    try:
        return {each["path"]: data[each["key"]] for each in source["items"]}
    except KeyError as missing:
        if source.get("optional"):
            return {}
        raise SpecError(f"{kind} {source['name']} has no key {missing.args[0]}") from None


def decoded(data: Mapping[str, str]) -> dict[str, str]:
    """Return a Secret's data as text."""
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def mounts(container: Object, volumes: Mapping[str, Path]) -> dict[str, str]:
    """Return the paths at which a container sees folders and files of its volumes."""
    found = {}
    for each in container.get("volumeMounts", []):
        source = volumes[each["name"]]
        found[each["mountPath"]] = str(source / each["subPath"]) if each.get("subPath") else str(source)
    return found
