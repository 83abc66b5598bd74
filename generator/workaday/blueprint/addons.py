"""Which controllers a cluster gets beside the models, in which version: what `addons` says, and what nobody wrote.

On a cloud everything that the project needs is installed, unless it is `existing`. In a cluster that is there already
nothing is, unless it is written: a controller works for the whole cluster, whose owner may be somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workaday.blueprint.cloud import KARPENTER
from workaday.catalog.addons import Pin, pins, spelled

if TYPE_CHECKING:
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.model import Model, Pool
    from workaday.blueprint.serving import Serving
    from workaday.project import schema

RETENTION_DAYS = 15
# What is beside the main chart of its add-on, and has versions of its own; definitions move with what reads them.
BESIDE = ("keda-http", "dcgm-exporter")


@dataclass(frozen=True, slots=True)
class AddOn:
    """A chart of somebody else's that is installed.

    Attributes:
        pin: which, with the version that the project says.
        pinned: whether that version is the one of our table.
        place: its place in the order, which its values' file is named by.
    """

    pin: Pin
    pinned: bool
    place: int


@dataclass(frozen=True, slots=True)
class AddOns:
    """All that are installed, and what their values are made of.

    Attributes:
        every: in the order of installation.
        charts: a folder of charts, relative to project.yaml, or None: they are fetched.
        retention_days: how long Prometheus keeps samples.
        dashboards: whether Grafana shows them.
    """

    every: tuple[AddOn, ...] = ()
    charts: str | None = None
    retention_days: float = RETENTION_DAYS
    dashboards: bool = False


def resolve_addons(
    project: schema.Project,
    models: Sequence[Model],
    pools: Sequence[Pool],
    serving: Sequence[Serving],
    cloud: Cloud | None,
) -> AddOns:
    """Return what is installed beside the models.

    Args:
        project: as written.
        models, pools, serving: resolved.
        cloud: what Terraform makes, or None in a cluster that is there already.
    """
    written = {key: getattr(project.addons, key, None) for key in dict.fromkeys(pin.addon for pin in pins())}
    wanted = needed(project, serving, cloud) if cloud else {key for key, each in written.items() if each is not None}
    true = conditions(models, pools, serving, project.platform.kind)
    found = []
    for place, pin in enumerate(pins()):
        said = written.get(pin.addon)
        if pin.addon not in wanted or (said and said.existing) or (pin.when and pin.when not in true):
            continue
        chosen = pin
        version = spelled(said.version, pin.version) if said and said.version else pin.version
        if version != pin.version and pin.name not in BESIDE:
            chosen = other(pin, version)
        found.append(AddOn(chosen, chosen is pin, place))
    metrics = written.get("metrics")
    retention = metrics.retention / 86400 if metrics and metrics.retention else RETENTION_DAYS
    folder = project.addons.charts if project.addons else None
    shown = project.observability
    return AddOns(tuple(found), folder, retention, shown is not None and shown.dashboards is not False)


def other(pin: Pin, version: str) -> Pin:
    """Return a pin in a version that is not the table's: its digest and its images are then not known."""
    images = tuple(each.replace(pin.app, version) for each in pin.images)
    return replace(pin, version=version, app=version, sha256=None, images=images)


def needed(project: schema.Project, serving: Sequence[Serving], cloud: Cloud) -> set[str]:
    """Return the add-ons that a project on a cloud needs, by their key."""
    found = {"cert_manager", "metrics", "keda", "kserve", "gpu"}
    if project.gateway is not None or any(each.route for each in serving):
        found.add("gateway")
    if cloud.provisioner == KARPENTER:
        found.add("karpenter")
    if cloud.kind == "aws" and cloud.dns:  # elsewhere Terraform writes the record, to an address that it keeps
        found.add("dns")
    return found


def conditions(models: Sequence[Model], pools: Sequence[Pool], serving: Sequence[Serving], platform: str) -> set[str]:
    """Return which conditions of pins hold: `at_zero`, `gpus`, `device_plugin`, `gpu_operator`."""
    found = set()
    if any(each.scaling.wake for each in serving):
        found.add("at_zero")
    if not any(each.compute.gpu_count for each in models):
        return found
    if any(pool.driver == "operator" for pool in pools):
        return found | {"gpu_operator"}  # brings a device plugin and an exporter of its own
    found.add("gpus")
    if platform != "gcp":  # whose nodes have one
        found.add("device_plugin")
    return found
