"""The folder that an image is built from: the Dockerfile, the pins, the server, and a model's files by their own paths.

What is in it is the same on every machine, times and modes included: so the layers are, and builders find them again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.blueprint.inputs import code_files, local_weights
from workaday.project.diagnostics import Diagnostic, ProjectError
from workaday.resources import bundle

if TYPE_CHECKING:
    from workaday.execute.images import Wanted
    from workaday.execute.workspace import Workspace

PINS = "requirements/server.txt"
MODEL_PINS = "requirements/model.txt"
EPOCH = 315532800  # 1980: the earliest that a zip can say
# A requirement that names one version: its name, and the version.
PINNED = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*={2,3}\s*([^\s;#\\]+)", re.MULTILINE)


def write(workspace: Workspace, image: Wanted, folder: Path) -> list[Diagnostic]:
    """Write the folder that an image is built from; returns warnings.

    Raises:
        ProjectError: X172, the model's requirements want another version of what the server has.
    """
    check(workspace, image)
    for path, content in contents(workspace, image).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for each in [*folder.rglob("*"), folder]:
        each.chmod(0o755 if each.is_dir() else 0o644)
        os.utime(each, (EPOCH, EPOCH))
    return list(left_out(workspace, image))


def contents(workspace: Workspace, image: Wanted) -> dict[str, bytes]:
    """Return every file of the folder, by its path in it."""
    source = bundle()
    found = {name: (source / "model_server" / name).read_bytes() for name in ("Dockerfile", ".dockerignore")}
    found["sbom.py"] = Path(__file__).with_name("sbom.py").read_bytes()
    for name in (PINS, "requirements/uv.txt"):
        found[name] = (source / name).read_bytes()
    found[MODEL_PINS] = b"\n".join((workspace.root / each).read_bytes() for each in image.requirements)
    server = source / "model_server" / "workaday_server"
    for each in sorted(server.rglob("*")):
        if each.is_file() and "__pycache__" not in each.parts:
            found[f"server/{each.relative_to(server.parent).as_posix()}"] = each.read_bytes()
    for predictor in predictors(image):
        file = workspace.root / predictor
        for each in code_files(file, workspace.root, local_weights(workspace.loaded))[0]:
            place = Path(predictor).parent / each.relative_to(file.parent)
            found[f"project/{place.as_posix()}"] = each.read_bytes()
    return found


def predictors(image: Wanted) -> tuple[str, ...]:
    """Return the predictors of an image, each once."""
    return tuple(dict.fromkeys(each.predictor for each in image.models))


def left_out(workspace: Workspace, image: Wanted) -> Iterator[Diagnostic]:
    """X175: files beside a predictor that are too large to be code, and so are not in the image."""
    weights = local_weights(workspace.loaded)
    large = [it for each in predictors(image) for it in code_files(workspace.root / each, workspace.root, weights)[1]]
    for each in dict.fromkeys(large):
        name = each.relative_to(workspace.root).as_posix()
        yield Diagnostic(
            "X175",
            f"{name} ({each.stat().st_size / 2**20:.1f} MiB) is not in the image of `{image.owner}`",
            image.path,
            hints=("what is larger than 1 MiB belongs to the weights: `weights.uri`, `workaday weights push`",),
            severity="warning",
        )


def check(workspace: Workspace, image: Wanted) -> None:
    """Compare the versions that a model's requirements name with those of the server.

    Raises:
        ProjectError: X172, one is another: torch and what the server needs are in layers that all models share.
    """
    server = pins((bundle() / PINS).read_text())
    found = [
        Diagnostic(
            "X172",
            f"{requirements} wants {name} {version}, and the server's is {server[name]}",
            image.path,
            hints=(f"leave `{name}` out of {requirements}: the image has it; or write a range that it is in",),
        )
        for requirements in image.requirements
        for name, version in pins((workspace.root / requirements).read_text("utf-8", errors="replace")).items()
        if name in server and server[name].partition("+")[0] != version.partition("+")[0]
    ]
    if found:
        raise ProjectError(found, workspace.loaded.sources)


def pins(text: str) -> Mapping[str, str]:
    """Return the versions that a requirements file pins, by normalized name; where there are several, the first."""
    found: dict[str, str] = {}
    for name, version in PINNED.findall(text):
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return found
