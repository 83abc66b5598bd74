"""Render the add-ons: the order in which their charts are installed, their namespaces, and the values of each."""

from __future__ import annotations

from typing import Any

from workaday.blueprint.addons import AddOn
from workaday.blueprint.model import Blueprint
from workaday.render.addon_values import pulled, values
from workaday.render.local import as_json
from workaday.render.origins import OriginsBuilder

FOLDER = "addons"
ORDER = f"{FOLDER}/addons.json"
NAMESPACES = f"{FOLDER}/namespaces.json"
OWNER = "workaday.dev/owner"
NOT_OURS = "kube-system"  # a namespace that every cluster has

Values = dict[str, Any]


def files(blueprint: Blueprint) -> dict[str, bytes]:
    """Return what the tree has of add-ons, by path; nothing where there are none."""
    if not every(blueprint):
        return {}
    tree = {values_path(each): as_json(values(blueprint, each.pin)) for each in every(blueprint)}
    tree[NAMESPACES] = as_json(namespaces(blueprint))
    tree[ORDER] = as_json({"addons": [entry(blueprint, each) for each in every(blueprint)]})
    return tree


def every(blueprint: Blueprint) -> tuple[AddOn, ...]:
    """Return the add-ons of a project, in the order of installation."""
    return blueprint.addons.every if blueprint.addons else ()


def values_path(each: AddOn) -> str:
    """Return where an add-on's values lie: `addons/03-keda.json`."""
    return f"{FOLDER}/{each.place:02d}-{each.pin.name}.json"


def entry(blueprint: Blueprint, each: AddOn) -> Values:
    """Return an add-on as the order says it: all that it takes to install it without Workaday."""
    pin = each.pin
    source, mirror = pin.source, blueprint.mirror
    if mirror:
        source = f"oci://{mirror}/{source.partition('://')[2]}"
    return {
        "name": pin.name,
        "addon": pin.addon,
        "title": pin.title,
        "chart": pin.chart,
        "source": source,
        "version": pin.version,
        "sha256": pin.sha256,
        "namespace": pin.namespace,
        "groups": list(pin.groups),
        "kinds": list(pin.kinds),
        "values": values_path(each),
    }


def namespaces(blueprint: Blueprint) -> Values:
    """Return the namespaces that add-ons are in, but for Kubernetes' own."""
    names = dict.fromkeys(each.pin.namespace for each in every(blueprint))
    labels = {"app.kubernetes.io/managed-by": "workaday", OWNER: owner(blueprint)}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            for name in names
            if name != NOT_OURS
        ],
    }


def owner(blueprint: Blueprint) -> str:
    """Return the project and its environment, as a label can say it."""
    return f"{blueprint.name}.{blueprint.stage}"


def commands(blueprint: Blueprint) -> list[str]:
    """Return what installs the add-ons without Workaday."""
    if not every(blueprint):
        return []
    lines = [f"kubectl apply --server-side -f {NAMESPACES}"]
    for each in every(blueprint):
        said = entry(blueprint, each)
        chart = f"{said['source']}/{said['chart']}"
        if not said["source"].startswith("oci://"):
            chart = f"{said['chart']} --repo {said['source']}"
        lines.append(
            f"helm upgrade --install {said['name']} {chart} --version {said['version']}"
            f" --namespace {said['namespace']} --values {said['values']} --wait"
        )
    return lines


def contents(blueprint: Blueprint) -> list[tuple[str, str]]:
    """Return what the tree has of all this, for its README."""
    what = "the controllers beside the models: their order, versions, namespaces, and each one's values"
    return [(f"{FOLDER}/", what)] if every(blueprint) else []


def add_origins(table: OriginsBuilder, blueprint: Blueprint) -> None:
    """Say where each add-on comes from in project.yaml."""
    for each in every(blueprint):
        table.add(values_path(each), "", ("addons", each.pin.addon))


def images(blueprint: Blueprint) -> list[str]:
    """Return every image that the add-ons' pods run."""
    return [pulled(blueprint, image) for each in every(blueprint) for image in each.pin.images]
