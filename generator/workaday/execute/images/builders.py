"""The programs that build images, buildah, podman and docker: the one adapter over all three."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workaday.project.diagnostics import Diagnostic, ProjectError, mistake

# The first that can be used is taken: those that need no daemon come first.
BUILDERS = ("buildah", "podman", "docker")
TAIL = 12  # lines of a builder that are shown when it fails
SBOM = "sbom.cdx.json"
PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")
# How uv says that a model's requirements and the server's cannot be had together.
UNSOLVABLE = "No solution found when resolving dependencies"
# What repeats the whole instruction, and what wraps it.
NOISE = ("Error: building at STEP", "error building at STEP", "subprocess exited with status", "exit status ")
NO_BUILDER_HINTS = (
    "install one: `apt-get install buildah` or podman, or https://docs.docker.com/engine/install",
    "or build elsewhere: `--context FOLDER` writes what any builder takes",
)


@dataclass(frozen=True)
class Builder:
    """A program that builds images.

    Attributes:
        name: one of `BUILDERS`.
        binary: its path.
        log: the file that takes its words; it begins anew with each `find`.
    """

    name: str
    binary: str
    log: Path

    def build(self, context: Path, tags: Sequence[str], arguments: Mapping[str, str], platform: str | None) -> None:
        """Build an image from a folder.

        Raises:
            ProjectError: X171, it fails; X172, the model's requirements and the server's cannot be had together.
        """
        tagged = [each for tag in tags for each in ("--tag", tag)]
        self._run(*self._build(context, arguments, platform), "--target", "image", *tagged, str(context))

    def inventory(self, context: Path, arguments: Mapping[str, str], platform: str | None, into: Path) -> None:
        """Write the list of what is in an image that was just built.

        Raises:
            ProjectError: X171, it fails.
        """
        with tempfile.TemporaryDirectory() as folder:
            output = ("--target", "sbom", "--output", f"type=local,dest={folder}")
            self._run(*self._build(context, arguments, platform), *output, str(context))
            into.write_bytes((Path(folder) / SBOM).read_bytes())

    def push(self, reference: str) -> str:
        """Push an image and return its digest in the registry.

        Raises:
            ProjectError: X173, the registry does not take it.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "digest"
            named = () if self.name == "docker" else ("--digestfile", str(file))
            try:
                said = self._run("push", *named, reference)
            except ProjectError as failed:
                hints = (
                    f"`{self.name} login {reference.partition('/')[0]}` says who you are",
                    f"all of it: {self.log}",
                )
                raise mistake("X173", failed.diagnostics[0].message, *hints) from None
            found = file.read_text().strip() if named else (PUSHED.findall(said) or [""])[-1]
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", found):
            raise mistake("X173", f"{self.name} pushed {reference} and does not say its digest", f"see {self.log}")
        return found

    def _build(self, context: Path, arguments: Mapping[str, str], platform: str | None) -> list[str]:
        own = {"buildah": ("--layers", "--format=oci"), "podman": ("--layers", "--format=oci")}.get(self.name, ())
        given = [each for key, value in arguments.items() for each in ("--build-arg", f"{key}={value}")]
        wanted = ("--platform", platform) if platform else ()
        return ["build", *own, *wanted, "--file", str(context / "Dockerfile"), *given]

    def _run(self, *arguments: str) -> str:
        command = [self.binary, *arguments]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a+", encoding="utf-8", errors="replace") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            begun = log.tell()
            environment = {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False, env=environment)
            log.seek(begun)
            said = log.read()
        if done.returncode:
            raise failure(self, arguments[0], said)
        return said


def failure(builder: Builder, verb: str, said: str) -> ProjectError:
    """Return why a builder failed, in its own last words."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(NOISE)]
    if UNSOLVABLE in said:
        place = next(index for index, line in enumerate(lines) if UNSOLVABLE in line)
        words = " ".join(
            line.strip(" ╰─▶│×") for line in lines[place + 1 : place + 6] if not line.startswith(("Error", "["))
        )
        hint = "all models share the server's packages: give the model's requirements ranges that those are in"
        return mistake("X172", f"the model's requirements and the server's cannot be had together: {words}", hint)
    tail = "".join(f"\n    {line[:300]}" for line in lines[-TAIL:])
    message = f"`{builder.name} {verb}` failed:{tail}"
    return ProjectError([Diagnostic("X171", message, hints=(f"all of it: {builder.log}",))])


def find(name: str | None, log: Path) -> Builder:
    """Return the builder with a name, or the first of all that can be used.

    Raises:
        ProjectError: X170, there is none.
    """
    if name is not None and name not in BUILDERS:
        raise mistake("X170", f"`{name}` is no builder that is known", f"there are: {', '.join(BUILDERS)}")
    reasons = []
    for each in (name,) if name else BUILDERS:
        binary = shutil.which(each)
        if binary is None:
            continue
        if each == "docker" and (why := no_daemon(binary)):
            reasons.append(why)
            continue
        log.unlink(missing_ok=True)
        return Builder(each, binary, log)
    what = "; ".join(reasons) or f"no {name or ', podman or docker'.join(('buildah', ''))} on PATH"
    raise mistake("X170", what, *NO_BUILDER_HINTS)


def no_daemon(docker: str) -> str:
    """Return why docker cannot build, or nothing where it can."""
    command = [docker, "version", "--format", "{{.Server.Version}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return f"docker has no daemon: {(done.stderr.strip().splitlines() or ['no word'])[-1]}"
