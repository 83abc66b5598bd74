"""The Helm releases that a tree wants and those that a cluster has, and what leads from one to the other. Pure.

What a release was made from is written into its description, `workaday PROJECT/ENVIRONMENT DIGEST`: it is there in
`helm history` for people, and with the release's Secret for us, so that one request tells what every model runs. The
digest covers the values and the chart's files. A rollback, to which Helm gives a description of its own, stands for the
revision that it names. Releases without such a description are somebody else's, and left alone.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from workaday.execute.grading import ORDER, Change

Object = dict[str, Any]
RELEASES, CHARTS = "releases", "charts"
# Releases that models share, by name of their values' file: they come first, and go last.
SHARED = {"pools": "nodepools"}
CHART = "inference"
KIND = "helm_release"
DESCRIPTION = re.compile(r"workaday (?P<owner>\S+/\S+) (?P<digest>[0-9a-f]{16})")
ROLLED_BACK = re.compile(r"Rollback to (\d+)")
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
BROKEN = ("failed", "uninstalling", *PENDING)
CHART_CHANGED = "(chart)"


@dataclass(frozen=True)
class Wanted:
    """A release as the tree describes it.

    Attributes:
        name: Helm's name of it.
        chart: the folder of its chart, on disk.
        path: its values' file, in the tree.
        values: what that file says.
        digest: of values and chart.
    """

    name: str
    chart: Path
    path: str
    values: Mapping[str, Any]
    digest: str

    @property
    def shared(self) -> bool:
        """Whether it belongs to all models: it is installed before them."""
        return Path(self.path).stem in SHARED


@dataclass(frozen=True)
class Deployed:
    """A release as the cluster has it: its newest revision.

    Attributes:
        name: Helm's name of it.
        revision: Helm's number of it.
        status: Helm's word for it: `deployed`, `failed`, `pending-upgrade`, ...
        owner: `PROJECT/ENVIRONMENT`, or "" where it is not ours.
        digest: of what it was made from, or "".
        values: what it was given.
        objects: what it consists of.
        chart: the name of its chart.
        rolled_back_to: the revision that it repeats, or 0.
    """

    name: str
    revision: int
    status: str
    owner: str
    digest: str
    values: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[Object, ...] = ()
    chart: str = CHART
    rolled_back_to: int = 0


def wanted_of(tree: Path) -> tuple[Wanted, ...]:
    """Return the releases of a tree, in the order in which they are installed.

    Raises:
        OSError, ValueError: the tree is not as it was rendered.
    """
    found = []
    for file in sorted((tree / RELEASES).glob("*.json")):
        values = json.loads(file.read_text("utf-8"))
        chart = tree / CHARTS / SHARED.get(file.stem, CHART)
        path = file.relative_to(tree).as_posix()
        found.append(Wanted(file.stem, chart, path, values, digest_of(values, chart)))
    return tuple(sorted(found, key=lambda each: (not each.shared, each.name)))


def digest_of(values: Mapping[str, Any], chart: Path) -> str:
    """Return a digest of all that a release is made from."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{chart_digest(chart)}\n{text}".encode()).hexdigest()[:16]


@cache
def chart_digest(chart: Path) -> str:
    """Return a digest of a chart's files, by their names and contents."""
    digest = hashlib.sha256()
    for file in sorted(each for each in chart.rglob("*") if each.is_file()):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(chart).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def description(owner: str, digest: str) -> str:
    """Return what a release's description says of where it comes from."""
    return f"workaday {owner} {digest}"


def deployed_of(secrets: Iterable[Mapping[str, Any]]) -> dict[str, Deployed]:
    """Return the newest revision of each release, from the Secrets in which Helm keeps them, by name.

    A Secret that cannot be read as one of Helm's is left out.
    """
    records = [each for each in map(record_of, secrets) if each]
    by_revision = {(each["name"], each["version"]): each for each in records}
    newest: dict[str, Object] = {}
    for record in records:
        if record["version"] >= newest.get(record["name"], record)["version"]:
            newest[record["name"]] = record
    return {name: _deployed(record, by_revision) for name, record in sorted(newest.items())}


def record_of(secret: Mapping[str, Any]) -> Object | None:
    """Return what Helm keeps of a revision: JSON, packed, and encoded twice; None where it is none."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        record: Object = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
        record["name"], record["version"], record["info"]["status"]
    except (KeyError, TypeError, ValueError, OSError):
        return None
    return record


def _deployed(record: Object, by_revision: Mapping[tuple[str, int], Object]) -> Deployed:
    import yaml

    info, origin, back = record["info"], record, 0
    while rolled := ROLLED_BACK.match(origin["info"].get("description") or ""):
        back = int(rolled[1])
        earlier = by_revision.get((record["name"], back))
        if earlier is None or earlier["version"] >= origin["version"]:
            break
        origin = earlier
    said = DESCRIPTION.fullmatch(origin["info"].get("description") or "")
    # What failed says so in its description; then its labels still do not, and the revision before it does.
    previous = by_revision.get((record["name"], record["version"] - 1))
    owner = said["owner"] if said else _owner(previous)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    objects = tuple(each for each in yaml.load_all(record.get("manifest") or "", loader) if each)
    return Deployed(
        name=record["name"],
        revision=record["version"],
        status=info["status"],
        owner=owner,
        digest=said["digest"] if said else "",
        values=record.get("config") or {},
        objects=objects,
        chart=((record.get("chart") or {}).get("metadata") or {}).get("name", ""),
        rolled_back_to=back,
    )


def _owner(record: Mapping[str, Any] | None) -> str:
    said = DESCRIPTION.fullmatch(record["info"].get("description") or "") if record else None
    return said["owner"] if said else ""


def changes(
    wanted: Sequence[Wanted], deployed: Mapping[str, Deployed], unready: Mapping[str, str], owner: str
) -> tuple[Change, ...]:
    """Return what leads from what a cluster has to what a tree wants; releases that are as they should be are left out.

    Args:
        wanted: the tree's releases.
        deployed: the cluster's, by name.
        unready: why a release that is otherwise as it should be is not ready, by name.
        owner: whose releases are removed where the tree has them no longer.
    """
    found = [change for each in wanted if (change := _change(each, deployed.get(each.name), unready))]
    names = {each.name for each in wanted}
    gone = [each for each in deployed.values() if each.owner == owner and each.name not in names]
    found += [Change(address(each.name), KIND, each.chart, each.name, "delete") for each in gone]
    return tuple(sorted(found, key=lambda each: (ORDER.index(each.action), each.address)))


def _change(wanted: Wanted, deployed: Deployed | None, unready: Mapping[str, str]) -> Change | None:
    name, chart = wanted.name, wanted.chart.name
    if deployed is None:
        return Change(address(name), KIND, chart, name, "create")
    if deployed.status in BROKEN:
        return Change(address(name), KIND, chart, name, "update", changed=(f"it is {deployed.status}",))
    if deployed.digest != wanted.digest:
        differs = tuple(differences(deployed.values, wanted.values)) or (CHART_CHANGED,)
        return Change(address(name), KIND, chart, name, "update", changed=differs)
    if name in unready:
        return Change(address(name), KIND, chart, name, "update", changed=(unready[name],))
    return None


def address(release: str) -> str:
    """Return what a plan calls a release."""
    return f"release/{release}"


def differences(one: object, other: object, at: str = "") -> Iterator[str]:
    """Yield where two values differ, as dotted keys, in order; a list that differs is named as a whole."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{at}.{key}" if at else str(key))
    elif one != other:
        yield at
