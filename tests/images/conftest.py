"""Real builders and a base image of this machine's own: Debian's packages, unpacked into the cache, not installed.

No registry of images is reached. The base is a Debian root that mmdebstrap makes once; buildah builds on it in a mount
namespace of its own, in which its libraries lie over the machine's. What it has built is kept in the cache, so that
torch is installed once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from load import debian
from plane import programs

BASE = "localhost/base"
# What is worth its room in the cache: torch and what is below it.
KEPT = "localhost/torch"
TIDY = """
buildah rm --all >/dev/null  # builds that failed leave theirs
for image in $(buildah images --format "{{.Name}}:{{.Tag}}" | grep -v -e "^$1:" -e "^$2:" -e "^<none>"); do
  buildah rmi --force "$image" >/dev/null
done
buildah rmi --prune >/dev/null
"""
SUITE = "bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BASE_FILE = """\
FROM scratch
ADD base.tar /
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
"""
# `$1` is a script; what follows are its arguments. `buildah` and `podman` are functions in it, of one storage.
INSIDE = """#!/bin/sh
set -eu
export HOME={home} TMPDIR={home}/tmp STORAGE_DRIVER=overlay BUILDAH_ISOLATION=chroot
exec unshare --mount sh -euc '
  mount -t overlay none -o lowerdir={buildah}/{libraries}:{podman}/{libraries}:/{libraries} /{libraries}
  buildah() {{ {buildah}/usr/bin/buildah --root {home}/store --runroot {home}/run "$@"; }}
  podman() {{
    {podman}/usr/bin/podman --root {home}/store --runroot {home}/run --cgroup-manager cgroupfs --events-backend file \\
      --conmon {podman}/usr/bin/conmon --runtime {podman}/usr/bin/crun "$@"
  }}
  script=$1; shift
  eval "$script"
' inside "$@"
"""
# The root of a container as kubelet gives it: read-only but for /tmp, a configuration mounted over it, user 1000.
SERVE = """
container=$(buildah from "$1"); root=$(buildah mount "$container")
trap "buildah rm $container >/dev/null" EXIT
mkdir -p "$root/etc/workaday"
mount --bind "$root" "$root"; mount --bind "$2" "$root/etc/workaday"
mount --bind /proc "$root/proc"; mount --rbind /dev "$root/dev"
mount -o remount,ro,bind "$root"; mount -t tmpfs tmpfs "$root/tmp"
shift 2
environment=$(buildah inspect --format "{{range .OCIv1.Config.Env}}{{.}} {{end}}" "$container")
env -i $environment setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \\
  chroot --userspec=1000:1000 --groups= "$root" "$@" &
child=$!; trap "kill $child; wait $child; umount -l $root/dev; buildah rm $container >/dev/null" TERM
wait $child
"""


@dataclass(frozen=True)
class Buildah:
    """buildah as a user's own program, and what a test asks of what it has built."""

    bin: Path

    def inside(self, script: str, *arguments: str) -> str:
        """Run a shell script beside buildah's storage and return what it prints."""
        done = subprocess.run([self.bin / "inside", script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def configuration(self, image: str) -> dict:
        """Return an image's configuration, as the OCI writes it."""
        return json.loads(self.inside('buildah inspect --type image "$1"', image))["OCIv1"]

    def layers(self, image: str) -> list[tuple[str, str]]:
        """Return each layer that has something in it: the instruction that made it, its digest."""
        found = self.configuration(image)
        made = [each.get("created_by", "") for each in found["history"] if not each.get("empty_layer")]
        return list(zip(made, found["rootfs"]["diff_ids"], strict=True))

    def files(self, image: str) -> list[tuple[str, int, int, str]]:
        """Return each file and folder: its kind, mode, owner, path."""
        script = """
        container=$(buildah from "$1"); root=$(buildah mount "$container")
        find "$root" -xdev -printf '%y %m %U /%P\\n'; buildah rm "$container" >/dev/null
        """
        rows = (line.split(" ", 3) for line in self.inside(script, image).splitlines())
        return [(kind, int(mode, 8), int(owner), path) for kind, mode, owner, path in rows]

    @contextmanager
    def running(self, image: str, configuration: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command in an image, its root read-only, as user 1000 without a capability."""
        process = subprocess.Popen(
            [self.bin / "inside", SERVE, image, str(configuration), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="session")
def buildah() -> Iterator[Buildah]:
    """buildah with the image `localhost/base` in its storage; left out where it cannot be had, and then CI fails.

    What tests have built is removed at the end, but for torch.
    """
    try:
        made = prepared(programs.kept() / "images")
    except programs.Missing as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(f"left out: {reason}")
    made.inside(TIDY, BASE, KEPT)  # what sessions that were killed have left, gigabytes each
    yield made
    made.inside(TIDY, BASE, KEPT)


def prepared(home: Path) -> Buildah:
    """Return buildah, its programs unpacked and its base made where they are not yet there."""
    if os.geteuid():
        raise programs.Missing("images are built in a mount namespace, which takes root here")
    buildah, podman = (debian.find(name).path.parents[2] for name in ("buildah", "podman"))
    shutil.rmtree(home / "tmp", ignore_errors=True)
    for folder in (home / "tmp", home / "bin", home / ".config/containers"):
        folder.mkdir(parents=True, exist_ok=True)
    policy = {"default": [{"type": "insecureAcceptAnything"}]}
    (home / ".config/containers/policy.json").write_text(json.dumps(policy))
    (home / ".config/containers/registries.conf").write_text('[[registry]]\nlocation = "localhost"\ninsecure = true\n')
    script = INSIDE.format(home=home, buildah=buildah, podman=podman, libraries=debian.LIBRARIES)
    users = {name: f'#!/bin/sh\nexec {home}/bin/inside \'{name} "$@"\' "$@"\n' for name in ("buildah", "podman")}
    for name, text in {"inside": script, **users}.items():
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    made = Buildah(home / "bin")
    if not made.inside('buildah images --quiet --filter "reference=$1"', BASE).strip():
        make_base(made, home)
    return made


def make_base(buildah: Buildah, home: Path) -> None:
    """Make the base: a minimal Debian with Python, which trusts whom this machine trusts."""
    tar = home / "base.tar"
    if not tar.exists():
        mmdebstrap = debian.find("mmdebstrap").path
        draft = tar.with_suffix(".draft")
        packages = "python3,python3-venv,ca-certificates"
        command = [str(mmdebstrap), "--quiet", "--mode=root", "--variant=minbase", f"--include={packages}"]
        debian.run("a base image", [*command, "--format=tar", SUITE, str(draft)], home)
        draft.rename(tar)
    folder = home / "base"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(BASE_FILE)
    os.link(tar, folder / "base.tar")
    shutil.copy(CERTIFICATES, folder)
    buildah.inside('buildah build --quiet --tag "$1" "$2"', BASE, str(folder))
    shutil.rmtree(folder)
