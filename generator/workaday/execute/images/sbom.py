"""Print what is in the image that this runs in, as CycloneDX: run inside of it, by its own Python and nothing else.

Python distributions by their metadata, Debian packages by dpkg's records, the project's files by their SHA-256. The
same image gives the same bytes: there is no time in it and no number drawn by chance.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

PROJECT = Path("/workaday")
SERVER = "workaday-server"
DPKG = Path("/var/lib/dpkg/status")
RELEASE = Path("/etc/os-release")


def document(name: str) -> dict[str, Any]:
    """Return the whole document of an image with a name."""
    packages = {normal(each.metadata["Name"]): each for each in distributions() if each.metadata["Name"]}
    components = [python_component(each) for _, each in sorted(packages.items())]
    components += [] if SERVER in packages else [server_component()]
    components += [*debian_components(), *file_components(PROJECT)]
    edges = [
        {"ref": purl(each), "dependsOn": sorted({purl(packages[it]) for it in needed(each) if it in packages})}
        for _, each in sorted(packages.items())
    ]
    subject = {"type": "container", "bom-ref": "image", "name": name}
    edges.append({"ref": "image", "dependsOn": sorted(each["bom-ref"] for each in components)})
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "workaday"}]},
            "component": subject,
        },
        "components": components,
        "dependencies": edges,
    }


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def purl(package: Distribution) -> str:
    """Return a distribution's address among packages."""
    return f"pkg:pypi/{normal(package.metadata['Name'])}@{quote(package.version, safe='')}"


def needed(package: Distribution) -> Iterator[str]:
    """Yield what a distribution needs, by normalized name; extras are left out."""
    for each in package.requires or ():
        name = re.match(r"[A-Za-z0-9._-]+", each)
        if name and "extra ==" not in each:
            yield normal(name[0])


def python_component(package: Distribution) -> dict[str, Any]:
    """Return a Python distribution, with its licence as it is stated."""
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package.metadata["Name"],
        "version": package.version,
        "purl": purl(package),
    }
    said = package.metadata.json
    expression, stated = said.get("license_expression"), said.get("license")
    if isinstance(expression, str):
        found["licenses"] = [{"expression": expression}]
    elif isinstance(stated, str) and "\n" not in stated and len(stated) <= 100:  # some put the whole text there
        found["licenses"] = [{"license": {"name": stated}}]
    return found


def server_component() -> dict[str, Any]:
    """Return the model server, which is copied and so has no metadata."""
    from workaday_server.version import __version__

    address = f"pkg:pypi/{SERVER}@{__version__}"
    return {
        "type": "application",
        "bom-ref": address,
        "name": SERVER,
        "version": __version__,
        "purl": address,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }


def debian_components() -> Iterator[dict[str, Any]]:
    """Yield the packages of the base, where it is Debian's or a relative's."""
    if not DPKG.exists():
        return
    system = fields(RELEASE.read_text()) if RELEASE.exists() else {}
    for paragraph in DPKG.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        found = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if not found.get("Status", "").endswith(" installed"):
            continue
        name, version, arch = found["Package"], found["Version"], found.get("Architecture", "all")
        address = f"pkg:deb/{system.get('ID', 'debian')}/{quote(name)}@{quote(version, safe='')}?arch={arch}"
        yield {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}


def fields(text: str) -> Mapping[str, str]:
    """Return the variables of a file that a shell could read."""
    return {key: value.strip('"') for key, value in re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)}


def file_components(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each file below a folder, with its SHA-256."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield {
            "type": "file",
            "bom-ref": f"file:{path}",
            "name": str(path),
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }


if __name__ == "__main__":
    json.dump(document(sys.argv[1]), sys.stdout, indent=1)
    sys.stdout.write("\n")
