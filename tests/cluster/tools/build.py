"""Build the programs of the control plane from their pinned Go modules, once a version, outside the tree.

    python tests/cluster/tools/build.py [TOOL ...]      # all, in the order in which they are worth having
    python tests/cluster/tools/build.py --list          # what is built and what is not

A tool is a folder beside this file: `go.mod` and `go.sum` pin it, `tools.go` imports the packages to build, each with
the name of its program behind it, and names the module's files that are kept beside them. A folder with a `build.sh`
builds itself. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plane.programs import FLAGS, Tool, go_version, tools

WITHOUT_GO = 3


class BuildError(Exception):
    """A tool that cannot be built; says which."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock, so that two sessions do not build the same thing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(tool: Tool, go: str, parallel: int) -> None:
    """Make what a tool lacks.

    Raises:
        BuildError: the compiler, or a download, failed.
    """
    folder = tool.place(go)
    with alone(folder.with_suffix(".lock")):
        for name in tool.missing(go):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                made = Path(scratch) / "made"
                if name in tool.data:
                    copy(tool, name, made)
                else:
                    print(f"{tool.name}: building {name} {tool.version()}", flush=True)
                    compile_(tool, name, made, parallel)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                made.rename(folder / name)  # whole or not at all


def compile_(tool: Tool, name: str, made: Path, parallel: int) -> None:
    command = ["go", "build", *FLAGS, "-p", str(parallel), "-ldflags", tool.linking(), "-o", str(made)]
    if subprocess.run([*command, tool.programs[name]], cwd=tool.folder, check=False).returncode:
        raise BuildError(f"{tool.name}: {name} did not build (go says why above)")


def copy(tool: Tool, path: str, made: Path) -> None:
    command = ["go", "list", "-m", "-f", "{{.Dir}}", tool.module]
    found = subprocess.run(command, cwd=tool.folder, stdout=subprocess.PIPE, text=True, check=False)
    source = Path(found.stdout.strip()) / path
    if found.returncode or not source.is_dir():
        raise BuildError(f"{tool.name}: no {path} in {tool.module}")
    made.mkdir()
    for each in sorted(source.rglob("*")):
        target = made / each.relative_to(source)
        if each.is_dir():
            target.mkdir(exist_ok=True)  # Go's module cache is read-only, which is not copied
        else:
            shutil.copyfile(each, target)


def build_itself(tool: Tool) -> None:
    if subprocess.run([tool.folder / "build.sh"], stdout=subprocess.DEVNULL, check=False).returncode:
        raise BuildError(f"{tool.name}: did not build (its build.sh says why above)")


def state(tool: Tool, go: str) -> str:
    if not tool.programs:
        return "builds itself"
    missing = tool.missing(go)
    return f"lacks {', '.join(missing)}" if missing else f"built in {tool.place(go)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the tools named, or all; returns the exit status."""
    every = tools()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"of {', '.join(every)} (all)")
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1, help="packages compiled at once")
    parser.add_argument("--list", action="store_true", help="say what is built, build nothing")
    parser.add_argument("--may-lack-go", action="store_true", help="no failure where Go is missing (ignored in CI)")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.tools) - set(every)):
        parser.error(f"no tool {', '.join(unknown)}; there are {', '.join(every)}")
    chosen = [every[name] for name in asked.tools or every]
    go = go_version()
    if go is None:
        names = ", ".join(tool.name for tool in chosen)
        print(f"left out: {names}: no `go` on this machine; install Go 1.26 or later", file=sys.stderr)
        return 0 if asked.may_lack_go and not os.environ.get("CI") else WITHOUT_GO
    for tool in chosen:
        start = time.monotonic()
        try:
            if not asked.list:
                build(tool, go, asked.parallel) if tool.programs else build_itself(tool)
        except BuildError as error:
            print(error, file=sys.stderr)
            return 1
        took = "" if asked.list else f" ({time.monotonic() - start:.0f} s)"
        print(f"{tool.name}: {state(tool, go)}{took}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
