"""Move a pin of the add-ons' table: fetch the chart by Helm, write its version, digest and app, say what else moves.

python tools/pin_addon.py NAME VERSION            # from its repository
python tools/pin_addon.py NAME VERSION --from DIR # a packed chart that is there already
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from workaday.catalog.addons import TABLE, parse, spelled

# What the tests run of an add-on, and the folder of its definitions.
BESIDE = {
    "cert-manager": ("", "cert-manager"),
    "envoy-gateway": ("envoy-gateway", "envoy-gateway"),
    "keda": ("keda", "keda"),
    "keda-http": ("http-add-on", "keda-http"),
    "kserve": ("kserve", "kserve"),
    "karpenter": ("karpenter", "karpenter-aws"),
    "kube-prometheus-stack": ("", "prometheus-operator"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Move the pin; returns the exit code."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("name")
    asked.add_argument("version")
    asked.add_argument("--from", dest="folder", type=Path)
    asked.add_argument("--table", type=Path, default=TABLE)
    given = asked.parse_args(arguments)
    document = json.loads(given.table.read_text("utf-8"))
    pin = next((each for each in document["pins"] if each["name"] == given.name), None)
    if pin is None:
        asked.error(f"no pin {given.name}; there are {', '.join(each['name'] for each in document['pins'])}")
    version = spelled(given.version, pin["version"])
    with tempfile.TemporaryDirectory() as scratch:
        chart = packed(pin, version, given.folder or Path(scratch), fetch=given.folder is None)
        moved(pin, version, chart)
    parse(document)
    given.table.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    for line in further(given.name, pin["app"]):
        sys.stdout.write(f"{line}\n")
    return 0


def packed(pin: dict[str, Any], version: str, folder: Path, *, fetch: bool) -> Path:
    """Return a packed chart, fetched where it is to be."""
    if fetch:
        oci = pin["source"].startswith("oci://")
        where = [f"{pin['source']}/{pin['chart']}"] if oci else [pin["chart"], "--repo", pin["source"]]
        helm = os.environ.get("WORKADAY_HELM", "helm")
        subprocess.run([helm, "pull", *where, "--version", version, "--destination", str(folder)], check=True)
    return folder / f"{pin['chart']}-{version}.tgz"


def moved(pin: dict[str, Any], version: str, chart: Path) -> None:
    """Write into a pin what its chart says."""
    with tarfile.open(chart) as archive:
        described = archive.extractfile(f"{pin['chart']}/Chart.yaml")
        assert described is not None
        said = yaml.safe_load(described.read())
    if str(said["version"]) != version:
        raise SystemExit(f"{chart} is version {said['version']}, not {version}")
    app = str(said.get("appVersion", version))
    pin["images"] = [each.replace(pin["app"], app) for each in pin["images"]]
    pin |= {"version": version, "app": app, "sha256": hashlib.sha256(chart.read_bytes()).hexdigest()}


def further(name: str, app: str) -> list[str]:
    """Return what else has to move with a pin."""
    tool, definitions = BESIDE.get(name, ("", ""))
    lines = [f"{name} is {app}; look at its images, `kubernetes` and `needs` in the table"]
    lines += [f"then tests/cluster/tools/{tool}: go get MODULE@VERSION && go mod tidy, build, run" if tool else ""]
    lines += [f"then schemas/crds/{definitions}: its definitions at that tag" if definitions else ""]
    return [*filter(None, lines), "then: pytest tests/addons"]


if __name__ == "__main__":
    sys.exit(main())
