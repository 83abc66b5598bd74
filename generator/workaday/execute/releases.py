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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from workaday.execute.grading import ORDER, Change

Object = dict[str, Any]
Values = Mapping[str, Any]
RELEASES, CHARTS, NAMESPACE = "releases", "charts", "namespace.json"
# Releases that models share, by name of their values' file: they come first, and go last.
SHARED = {"pools": "nodepools", "team": "team", "gateway": "gateway", "observability": "observability"}
CHART = "inference"
KIND = "helm_release"
DESCRIPTION = re.compile(r"workaday (?P<owner>\S+/\S+) (?P<digest>[0-9a-f]{16})")
ROLLED_BACK = re.compile(r"Rollback to (\d+)")
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
GZIP = b"\x1f\x8b"
BROKEN = ("failed", "uninstalling", *PENDING)
CHART_CHANGED = "(chart)"
ONLY_MODEL = "models[0]."


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
        good: the revision that Helm deployed last, or 0.
        version: its chart's.
        namespace: where it is.
    """

    name: str
    revision: int
    status: str
    owner: str
    digest: str
    values: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[Object, ...] = ()
    chart: str = CHART
    good: int = 0
    version: str = ""
    namespace: str = ""


def wanted_of(tree: Path, completed: Callable[[Values], Values] = lambda values: values) -> tuple[Wanted, ...]:
    """Return the releases of a tree, in the order in which they are installed.

    Args:
        tree: as it was rendered.
        completed: adds to a release's values what is not known when they are rendered.

    Raises:
        OSError, ValueError: the tree is not as it was rendered.
    """
    found = []
    for file in sorted((tree / RELEASES).glob("*.json")):
        values = completed(json.loads(file.read_text("utf-8")))
        chart = tree / CHARTS / SHARED.get(file.stem, CHART)
        path = file.relative_to(tree).as_posix()
        found.append(Wanted(file.stem, chart, path, values, digest_of(values, chart)))
    return tuple(sorted(found, key=lambda each: (rank(Path(each.path).stem), each.name)))


def rank(release: str) -> int:
    """Return a release's place in the order: those that models share as `SHARED` has them, then the models."""
    return list(SHARED).index(release) if release in SHARED else len(SHARED)


def chains(
    wanted: Sequence[Wanted], deployed: Mapping[str, Deployed], canaries: Mapping[str, str]
) -> tuple[tuple[Wanted, ...], ...]:
    """Return models' releases in chains: those of one are sent one after the other, chains side by side.

    A canary comes before its model, whose route sends requests to it; only where there is no such model yet after it,
    for it uses its service account.

    Args:
        wanted: the releases to send.
        deployed: the cluster's, by name.
        canaries: a canary's release → its model's.
    """
    by_name = {each.name: each for each in wanted if not each.shared}
    found: list[tuple[Wanted, ...]] = []
    for name, one in by_name.items():
        canary = next((by_name.get(each) for each, model in canaries.items() if model == name), None)
        if canary is not None:
            found.append((canary, one) if name in deployed else (one, canary))
        elif canaries.get(name) not in by_name:
            found.append((one,))
    return tuple(found)


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
    revisions = revisions_of(secrets)
    return {name: _deployed(revisions[name]) for name in sorted(revisions)}


def earlier(secrets: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the Secrets that tell what releases were rolled back to, where they are not among these."""
    missing = []
    for name, revisions in revisions_of(secrets).items():
        origin = _origin(revisions)
        if (to := _rolled_back(origin)) and to not in revisions:
            missing.append(f"sh.helm.release.v1.{name}.v{to}")
    return missing


def revisions_of(secrets: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, Object]]:
    """Return Helm's records by release and revision."""
    found: dict[str, dict[int, Object]] = {}
    for record in filter(None, map(record_of, secrets)):
        found.setdefault(record["name"], {})[record["version"]] = record
    return found


def record_of(secret: Mapping[str, Any]) -> Object | None:
    """Return what Helm keeps of a revision: JSON, packed, and encoded twice; None where it is none."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        record: Object = json.loads(gzip.decompress(packed) if packed[:2] == GZIP else packed)
        record["name"], record["version"], record["info"]["status"]
    except (KeyError, TypeError, ValueError, OSError):
        return None
    return record


def _deployed(revisions: Mapping[int, Object]) -> Deployed:
    import yaml

    record = revisions[max(revisions)]
    said = DESCRIPTION.fullmatch(_description(_origin(revisions)))
    good = max((number for number, each in revisions.items() if each["info"]["status"] == "deployed"), default=0)
    # The description of what failed tells how; the one before it, whose it was.
    owners = [DESCRIPTION.fullmatch(_description(revisions[number])) for number in sorted(revisions, reverse=True)]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    chart = (record.get("chart") or {}).get("metadata") or {}
    return Deployed(
        name=record["name"],
        revision=record["version"],
        status=record["info"]["status"],
        owner=next((each["owner"] for each in owners if each), ""),
        digest=said["digest"] if said else "",
        values=record.get("config") or {},
        objects=tuple(each for each in yaml.load_all(record.get("manifest") or "", loader) if each),
        chart=chart.get("name", ""),
        good=good,
        version=chart.get("version", ""),
        namespace=record.get("namespace", ""),
    )


def _origin(revisions: Mapping[int, Object]) -> Object:
    """Return the record that the newest one repeats, after however many rollbacks; itself where it is none."""
    record = revisions[max(revisions)]
    while 0 < (to := _rolled_back(record)) < record["version"] and to in revisions:
        record = revisions[to]
    return record


def _rolled_back(record: Mapping[str, Any]) -> int:
    said = ROLLED_BACK.match(_description(record))
    return int(said[1]) if said else 0


def _description(record: Mapping[str, Any]) -> str:
    return record["info"].get("description") or ""


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
        keys = differences(deployed.values, wanted.values)
        differs = tuple(each.removeprefix(ONLY_MODEL) for each in keys) or (CHART_CHANGED,)
        return Change(address(name), KIND, chart, name, "update", changed=differs)
    if name in unready:
        return Change(address(name), KIND, chart, name, "update", changed=(unready[name],))
    return None


def project_of(values: Mapping[str, Any]) -> str:
    """Return the project that a release's values name, or ""."""
    models = values.get("models")
    return str(models[0].get("project", "")) if models else str(values.get("project", ""))


def address(release: str) -> str:
    """Return what a plan calls a release."""
    return f"release/{release}"


def differences(one: object, other: object, at: str = "") -> Iterator[str]:
    """Yield where two values differ, as dotted keys, in order; a list of another length is named as a whole."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (each, its) in enumerate(zip(one, other, strict=True)):
            yield from differences(each, its, f"{at}[{index}]")
    elif one != other:
        yield at
