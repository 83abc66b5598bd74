"""Run a command in a file system of its own: the machine's, with other folders and files where it expects them.

    python contain.py '{"mounts": {"/etc/workaday": "/tmp/volume"}, "workdir": "/"}' COMMAND ARGUMENT...

With `"mortal": true` it dies with the thread that started it, even where that one had no time to end it. What it writes
outside of the mounts and /tmp is gone when it ends. Standard library only; it becomes the command.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import stat
import sys
from pathlib import Path

NEW_MOUNTS = 0x20000  # CLONE_NEWNS of <linux/sched.h>; below, MS_BIND, MS_REC, MS_PRIVATE of <linux/mount.h>
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000
SHARED = ("/proc", "/dev", "/sys", "/tmp")
SCRATCH = "/mnt"


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    """Mount, as mount(2).

    Raises:
        OSError: it is refused.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def others() -> list[str]:
    """Return where else file systems are mounted: an overlay shows only the one of its lower folder."""
    places = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    taken = ("/", SCRATCH, *SHARED)
    return sorted(
        {each for each in places if each not in taken and not each.startswith(tuple(f"{it}/" for it in taken[1:]))}
    )


def enter(mounts: dict[str, str]) -> None:
    """Make a root with mounts in it, and enter it."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no mount namespace")
    mount("none", "/", "", RECURSIVE | PRIVATE)
    beside = others()
    mount("none", SCRATCH, "tmpfs")  # seen by this process alone, gone with it
    upper, work, merged = (f"{SCRATCH}/{name}" for name in ("upper", "work", "merged"))
    for each in (upper, work, merged):
        Path(each).mkdir()
    mount("overlay", merged, "overlay", 0, f"lowerdir=/,upperdir={upper},workdir={work}")
    for path in (*SHARED, *beside):
        mount(path, merged + path, "", BIND | RECURSIVE)
    sources = {target: os.open(source, os.O_PATH) for target, source in sorted(mounts.items())}
    os.chroot(merged)  # before the mounts: a link on the way to one, such as /var/run, must not lead out
    os.chdir("/")
    for target, source in sources.items():
        bind(source, Path(target))


def bind(source: int, target: Path) -> None:
    """Mount what a descriptor is of at a path, which is made where it is not there."""
    if stat.S_ISDIR(os.fstat(source).st_mode):
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(f"/proc/self/fd/{source}", str(target), "", BIND)
    os.close(source)


def main() -> None:
    """Become the command of the arguments."""
    settings, command = json.loads(sys.argv[1]), sys.argv[2:]
    if settings.get("mortal"):
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
    enter(settings["mounts"])
    os.chdir(settings.get("workdir") or "/")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {(error.strerror or 'cannot be run').lower()}")


if __name__ == "__main__":
    main()
