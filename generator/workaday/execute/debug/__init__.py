"""What somebody else needs in order to see what is wrong, in one file, without credentials. Nothing is changed."""

from __future__ import annotations

import io
import platform
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.execute.debug import scrub

if TYPE_CHECKING:
    from workaday.execute.doctor import Finding
    from workaday.execute.workspace import Workspace

LARGEST_BYTES = 2 * 2**20  # of one file; of a longer log the end
LEFT_OUT = ("kubeconfig", "bin", "plan")  # credentials, programs, and Terraform's plan, which has every value in it
OURS = ("workaday", "workaday-server", "torch", "pydantic", "jinja2", "typer", "pyhelm3", "lightkube", "kserve")

Room = Callable[[], Iterator[tuple[str, str]]]


def bundle(workspace: Workspace, findings: tuple[Finding, ...], now: datetime) -> dict[str, str]:
    """Return the files of a bundle by their path in it.

    A part that cannot be read is said in `missing.txt`, and hides no other.

    Args:
        workspace: the project in one environment.
        findings: what `doctor` found.
        now: the time, with a zone.
    """
    home, found, missing = Path.home(), dict[str, str](), list[str]()
    rooms: Mapping[str, Room] = {
        "versions": lambda: versions(now),
        "project": lambda: written(workspace),
        "state": lambda: run_time(workspace),
        "doctor": lambda: doctored(findings),
        "status": lambda: status(workspace),
        "cluster": lambda: in_cluster(workspace),
    }
    for name, room in rooms.items():
        try:
            for path, said in room():
                found[path] = scrub.text(said, home)
        except Exception as error:
            missing.append(f"{name}: {type(error).__name__}: {error}")
    if missing:
        found["missing.txt"] = scrub.text("\n".join(missing) + "\n", home)
    return found


def archive(files: Mapping[str, str], folder: str, now: datetime) -> bytes:
    """Return files as one gzipped tar, all below a folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, said in sorted(files.items()):
            content = said.encode("utf-8", "replace")
            about = tarfile.TarInfo(f"{folder}/{path}")
            about.size, about.mtime = len(content), int(now.timestamp())
            tar.addfile(about, io.BytesIO(content))
    return packed.getvalue()


def versions(now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what is installed here."""
    have = {each.metadata["Name"].lower(): each.version for each in distributions() if each.metadata["Name"]}
    about = {
        "at": now.isoformat(timespec="seconds"),
        "python": sys.version,
        "system": platform.platform(),
        "packages": {each: have[each] for each in OURS if each in have},
    }
    yield "versions.json", scrub.as_json(about)


def written(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield what the user wrote, and what was made of it."""
    sources = [workspace.root / each for each in ("project.yaml", "workaday.lock")]
    sources += sorted((workspace.root / "environments").glob("*.y*ml"))
    for path in sources:
        if path.is_file():
            yield str(path.relative_to(workspace.root)), end_of(path)
    yield from below(workspace.tree, "deploy")


def run_time(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield run-time state: the local servers' state and logs, Terraform's output."""
    for path, said in below(workspace.state, "state"):
        if path.endswith((".json", ".log", "/config")) and ".tfstate" not in path:
            yield path, said


def doctored(findings: tuple[Finding, ...]) -> Iterator[tuple[str, str]]:
    """Yield what `doctor` found."""
    from dataclasses import asdict

    yield "doctor.json", scrub.as_json([asdict(each) for each in findings])


def status(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield what `status` says."""
    from dataclasses import asdict

    from workaday.execute.model_state import states_of

    yield "status.json", scrub.as_json([asdict(each) for each in states_of(workspace)])


def in_cluster(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield what the cluster has of the project; nothing on the local platform."""
    if workspace.blueprint.platform != "local":
        from workaday.execute.debug import cluster

        yield from cluster.files(workspace)


def below(folder: Path, into: str) -> Iterator[tuple[str, str]]:
    """Yield the readable files of a folder, under another name."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and inside.parts[0] not in LEFT_OUT:
            yield f"{into}/{inside.as_posix()}", end_of(path)


def end_of(path: Path) -> str:
    """Return a file's text; of a large one the end."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - LARGEST_BYTES))
        return file.read().decode("utf-8", "replace")
