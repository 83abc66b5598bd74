"""What a cloud would refuse, or what would lock people out or let everyone in (C5xx): each function is one code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from workaday.blueprint.cloud import Cloud
from workaday.catalog import read
from workaday.project.diagnostics import Diagnostic, KeyPath, Label
from workaday.project.spelling import closest

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.project import Loaded

ANYWHERE = ("0.0.0.0/0", "::/0")
KUBERNETES = ("1.33", "1.34", "1.35", "1.36")
IMAGES = {"aws": ("al2023", "bottlerocket"), "gcp": ("cos", "ubuntu"), "azure": ("ubuntu", "azurelinux")}
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# cloud → (what an administrator is there, its form, an example)
ADMINS = {
    "aws": (
        "an IAM role or user",
        r"arn:[^:]+:iam::[0-9]{12}:(role|user)/.+",
        "arn:aws:iam::111122223333:role/platform",
    ),
    "gcp": ("a member", r"(user|group|serviceAccount|principal|principalSet):.+", "group:platform@example.com"),
    "azure": ("the object id of a group", _GUID, "00000000-0000-0000-0000-000000000000"),
}
NO_BIDS = {
    "aws": "EKS takes no bid, neither its node groups nor Karpenter: spot nodes cost at most the on-demand price",
    "gcp": "gcp takes no bid: spot nodes cost what they cost",
}
_REGION_FORM = {"aws": r"[a-z]{2}(-[a-z]+)+-[0-9]", "gcp": r"[a-z]+-[a-z]+[0-9]+", "azure": r"[a-z0-9]+"}
# cards without NVIDIA's multi-instance GPU
_WHOLE = ("P4", "P100", "V100", "T4", "T4g", "M60", "A10", "A10G", "L4", "L40S")
_PARTITION = r"[12347]g\.[0-9]{1,3}gb(\+me)?"
# a cloud's own buckets; another's need keys that no identity of this one has
_OWN_BUCKETS = {"aws": "s3://", "gcp": "gs://", "azure": "https://"}


def open_endpoint(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C501: a public endpoint that the file opens to nobody, or to everybody."""
    access = cloud.access
    if access.endpoint == "public" and not access.cidrs:
        hint = "write the networks that you come from, such as `cidrs: [203.0.113.7/32]`, or `endpoint: private`"
        yield Diagnostic(
            "C501",
            "a public endpoint without `cidrs` would be open to the world",
            _access(loaded, "endpoint"),
            hints=(hint,),
        )
    for place, cidr in enumerate(access.cidrs):
        if cidr in ANYWHERE:
            yield Diagnostic(
                "C501",
                "the cluster's API is open to the world",
                ("platform", "access", "cidrs", place),
                "anyone may try to log in",
                severity="warning",
            )


def no_admins(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C502: nobody may administer the cluster once it is made."""
    what, form, example = ADMINS[cloud.kind]
    if not cloud.access.admins:
        hint = f"`access: {{admins: [{example}]}}`"
        yield Diagnostic(
            "C502", "nobody may administer the cluster", _access(loaded, "admins"), "no `admins`", hints=(hint,)
        )
    for place, admin in enumerate(cloud.access.admins):
        if not re.fullmatch(form, admin):
            path: KeyPath = ("platform", "access", "admins", place)
            yield Diagnostic("C502", f"`{admin}` is not {what}", path, f"for example `{example}`")


def unreachable_endpoint(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C503: a private endpoint, and no word of how it is reached."""
    if cloud.access.endpoint == "private" and not cloud.access.via:
        yield Diagnostic(
            "C503",
            "a private endpoint is reached from inside its network only: `apply` would lock itself out",
            _access(loaded, "endpoint"),
            hints=(
                "say how you reach it: `via: vpn`, `peering`, `bastion` or `runner`",
                "or open it to the networks that you come from: `cidrs: [203.0.113.7/32]`",
            ),
        )


def untested_kubernetes(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C504: a Kubernetes version that the add-ons are not tested with."""
    if cloud.kubernetes not in KUBERNETES:
        yield Diagnostic(
            "C504",
            f"Kubernetes {cloud.kubernetes} is not one that the add-ons are tested with",
            ("platform", "kubernetes"),
            f"from {KUBERNETES[0]} to {KUBERNETES[-1]}",
        )


def unknown_region(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C505: a region that the cloud does not have."""
    catalogue = read(cloud.kind)
    if catalogue is None or cloud.region in catalogue.regions:
        return
    guess = closest(cloud.region, sorted(catalogue.regions))
    label = f"did you mean `{guess}`?" if guess else ""
    if _may_be_new(cloud, catalogue.regions):
        message = (
            f"the catalogue of {catalogue.facts_as_of} does not have `{cloud.region}`: what it offers is not checked"
        )
        yield Diagnostic("C505", message, ("platform", "region"), label, severity="warning")
    else:
        yield Diagnostic("C505", f"{cloud.kind} has no region `{cloud.region}`", ("platform", "region"), label)


def _may_be_new(cloud: Cloud, known: Iterable[str]) -> bool:
    """Return whether a region is well-formed and no misspelling: a further number in a place, or a new place."""
    place = cloud.region.rstrip("0123456789")
    well_formed = re.fullmatch(_REGION_FORM[cloud.kind], cloud.region)
    sibling = any(each.rstrip("0123456789") == place for each in known)
    return bool(well_formed) and (sibling or not closest(cloud.region, known))


def foreign_image(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C506: a node image of another cloud."""
    for index, pool in enumerate(loaded.project.pools):
        if pool.image and pool.image not in IMAGES[cloud.kind]:
            choices = " or ".join(f"`{each}`" for each in IMAGES[cloud.kind])
            path: KeyPath = ("pools", index, "image")
            yield Diagnostic("C506", f"{cloud.kind} has no node image `{pool.image}`", path, choices)


def impossible_share(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C507: GPUs that are to be shared without saying how, said without being shared, or that cannot be shared so."""
    for index, pool in enumerate(loaded.project.pools):
        given = pool.accelerator
        if not given:
            continue
        path: KeyPath = ("pools", index, "accelerator")
        if given.share == "mig" and given.type in _WHOLE:
            hint = "`share: time_slicing` shares any card; A100, H100 and later ones can be split"
            yield Diagnostic("C507", f"a card of type {given.type} cannot be split", (*path, "share"), hints=(hint,))
        elif given.share == "mig" and not given.partition:
            yield Diagnostic(
                "C507", "`mig` needs the size of each part", (*path, "share"), "such as `partition: 1g.10gb`"
            )
        elif given.partition and not re.fullmatch(_PARTITION, given.partition):
            message = f"`{given.partition}` is no part of a card"
            yield Diagnostic("C507", message, (*path, "partition"), "one to seven sevenths: `1g.10gb`, `3g.40gb`")
        for key, share in (("partition", "mig"), ("clients", "time_slicing")):
            if getattr(given, key) and given.share != share:
                label = Label((*path, "share"), "the way of sharing") if given.share else None
                yield Diagnostic(
                    "C507",
                    f"`{key}` is for `share: {share}`",
                    (*path, key),
                    "nothing reads it",
                    secondary=(label,) if label else (),
                )


def reservation_elsewhere(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C508: a capacity block over several zones, or on a cloud that has none; a most for spot where there is none."""
    for index, pool in enumerate(loaded.project.pools):
        path: KeyPath = ("pools", index)
        if pool.reservation and pool.reservation.block:
            if cloud.kind != "aws":
                yield Diagnostic("C508", f"{cloud.kind} has no capacity blocks", (*path, "reservation", "block"))
            elif len(pool.zones or cloud.zones) != 1:
                yield Diagnostic(
                    "C508",
                    "a capacity block lies in one zone",
                    (*path, "zones") if pool.zones else (*path, "reservation"),
                    "name it: `zones: [...]`",
                )
        if pool.spot and pool.spot.max_price and cloud.kind != "azure":
            yield Diagnostic(
                "C508",
                NO_BIDS[cloud.kind],
                (*path, "spot", "max_price"),
                "remove it",
            )


def one_zone(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C509: a control plane in one zone, which EKS does not make."""
    if cloud.kind != "aws":
        return
    if cloud.network.existing:
        if len(cloud.network.subnets) < 2:
            path: KeyPath = ("platform", "network", "subnets")
            label = f"only {len(cloud.network.subnets)} here"
            yield Diagnostic("C509", "EKS wants subnets in at least two zones", path, label)
    elif len(cloud.zones) < 2:
        hint = "a pool can still be held to one: `pools[].zones`"
        yield Diagnostic("C509", "EKS wants at least two zones", ("platform", "zones"), "only one here", hints=(hint,))


def unknown_account(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C510: no account to make names unique by, and to refuse any other."""
    if not cloud.account and cloud.access.admins:
        yield Diagnostic(
            "C510",
            "which account is this for? `admins` do not say it",
            ("platform", "kind"),
            hints=('set `platform.account: "111122223333"`',),
        )


def foreign_weights(cloud: Cloud, loaded: Loaded) -> Iterator[Diagnostic]:
    """C511: weights in another cloud's bucket."""
    for index, model in enumerate(loaded.project.models):
        uri = model.weights.uri if model.weights else None
        if uri and uri.startswith(("s3://", "gs://")) and not uri.startswith(_OWN_BUCKETS[cloud.kind]):
            yield Diagnostic(
                "C511",
                f"`{model.name}` reads its weights from another cloud: no identity of {cloud.kind} opens that bucket",
                ("models", index, "weights", "uri"),
                hints=("copy them: `workaday weights push` fills this project's own bucket",),
                severity="warning",
            )


def _access(loaded: Loaded, key: str) -> KeyPath:
    """Return the deepest key of `access.KEY` that the file has."""
    given = getattr(loaded.project.platform, "access", None)
    if given is None:
        return ("platform", "kind")
    return ("platform", "access", key) if getattr(given, key) else ("platform", "access")


RULES: tuple[Callable[[Cloud, Loaded], Iterator[Diagnostic]], ...] = (
    open_endpoint,
    no_admins,
    unreachable_endpoint,
    untested_kubernetes,
    unknown_region,
    foreign_image,
    impossible_share,
    reservation_elsewhere,
    one_zone,
    unknown_account,
    foreign_weights,
)


def check(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """Return what the rules find; nothing on platforms without Terraform."""
    return [found for rule in RULES for found in rule(blueprint.cloud, loaded)] if blueprint.cloud else []
