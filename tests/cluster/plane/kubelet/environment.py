"""A container's environment, command and arguments, as a pod's specification says them. Pure, given the look-ups."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plane.api import Object

REFERENCE = re.compile(r"\$\$|\$\((?P<name>[A-Za-z_.-][A-Za-z0-9_.-]*)\)")
QUANTITY = re.compile(r"(?P<number>[0-9.]+)(?P<unit>[A-Za-z]*)")
UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
UNITS |= {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}

# returns the data of a ConfigMap or Secret by kind and name, or None where there is none
Lookup = Callable[[str, str], Mapping[str, str] | None]


class SpecError(Exception):
    """A pod that cannot be started as it is written; says why, as a kubelet would."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Return a text with every `$(NAME)` that is known put in, and `$$` as `$`."""

    def one(match: re.Match[str]) -> str:
        name = match["name"]
        return "$" if name is None else values.get(name, match[0])

    return REFERENCE.sub(one, text)


def environment(container: Object, pod: Object, lookup: Lookup, image: Mapping[str, str]) -> dict[str, str]:
    """Return a container's environment: its image's, `envFrom`, then `env` in its order.

    Raises:
        SpecError: a ConfigMap, a Secret or a key of one is not there.
    """
    values = dict(image)
    for each in container.get("envFrom", []):
        kind, source = ("ConfigMap", each["configMapRef"]) if "configMapRef" in each else ("Secret", each["secretRef"])
        data = data_of(kind, source, lookup)
        values |= {each.get("prefix", "") + key: value for key, value in data.items()}
    for each in container.get("env", []):
        if "valueFrom" in each:
            value = from_source(each["valueFrom"], container, pod, lookup)
        else:
            value = expand(each.get("value", ""), values)
        if value is not None:
            values[each["name"]] = value
    return values


def data_of(kind: str, source: Mapping[str, Any], lookup: Lookup) -> Mapping[str, str]:
    data = lookup(kind, source["name"])
    if data is None and not source.get("optional"):
        raise SpecError(f'{kind.lower()} "{source["name"]}" not found')
    return data or {}


def from_source(source: Mapping[str, Any], container: Object, pod: Object, lookup: Lookup) -> str | None:
    """Return what a `valueFrom` refers to; None where it is optional and absent."""
    for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if key in source:
            found = data_of(kind, source[key], lookup).get(source[key]["key"])
            if found is None and not source[key].get("optional"):
                raise SpecError(f"couldn't find key {source[key]['key']} in {kind} {source[key]['name']}")
            return found
    if "fieldRef" in source:
        return field(source["fieldRef"]["fieldPath"], pod)
    reference = source["resourceFieldRef"]
    limits, _, name = reference["resource"].partition(".")
    return resource(container, limits, name, reference.get("divisor", "1"))


def field(path: str, pod: Object) -> str:
    """Return a field of a pod: `metadata.labels['app']`, `status.podIP`."""
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        found: str = pod["metadata"].get(match[1], {}).get(match[2], "")
        return found
    value: Any = pod
    for name in path.split("."):
        value = value.get(name, {})
    return value if isinstance(value, str) else ""


def resource(container: Object, limits: str, name: str, divisor: str) -> str:
    """Return a container's limit or request in units of a divisor, rounded up."""
    quantity = container.get("resources", {}).get(limits, {}).get(name)
    if quantity is None:
        return "0"
    by = number(divisor)
    return str(math.ceil(number(quantity) / (by or 1.0) - 1e-9))


def number(quantity: str) -> float:
    """Return a Kubernetes quantity as a number."""
    match = QUANTITY.fullmatch(str(quantity))
    if not match or match["unit"] not in UNITS:
        raise SpecError(f"no quantity: {quantity}")
    return float(match["number"]) * UNITS[match["unit"]]


def command(container: Object, image: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return what to run: the container's command, references in it put in, or its image's as it is; then arguments."""
    own = [expand(each, values) for each in container.get("command") or ()]
    words = [*(own or image), *(expand(each, values) for each in container.get("args", []))]
    if not words:
        raise SpecError("no command specified")
    return words
