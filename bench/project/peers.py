"""The command beside nebari and copier: whole processes in turn, in one run; see README.md for the conditions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.commands import RUNS, once, write_project

HERE = Path(__file__).parent
VENV = Path(os.environ.get("WORKADAY_BENCH_PROJECT_VENV", Path.home() / ".cache/workaday/bench-project"))
BIN = VENV / "bin"


def prepare() -> None:
    """Install the peers, once, with their bytecode."""
    if (BIN / "nebari").exists() and (BIN / "copier").exists():
        return
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, VENV], check=True)
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", BIN / "python"]
    subprocess.run([*install, "-r", HERE / "requirements.txt"], check=True)


def nebari_config(folder: Path) -> Path:
    """Write the configuration that `nebari init local` writes; return its folder."""
    folder.mkdir()
    options = "--project bench --domain-name bench.example --auth-provider password --disable-prompt"
    subprocess.run([BIN / "nebari", "init", "local", *options.split()], cwd=folder, check=True, capture_output=True)
    return folder


def copier_template(tree: Path, folder: Path) -> Path:
    """Make a template of a rendered tree: every file of it, with one more line that has a variable."""
    shutil.copytree(tree, folder / "template", ignore=shutil.ignore_patterns("tree.lock"))
    for file in [each for each in (folder / "template").rglob("*") if each.is_file()]:
        raw = "{% raw %}" + file.read_text() + "{% endraw %}\n# {{ project }}\n"
        file.with_name(f"{file.name}.jinja").write_text(raw)
        file.unlink()
    (folder / "template" / "copier.yml").write_text("project: {type: str, default: bench}\n")
    return folder


def beside(label: str, ours: tuple[list[str], Path], theirs: tuple[list[str], Path], gone: list[str]) -> None:
    """Print the least time of both, and the ratio: a machine that others use only ever adds to a time."""
    bare = [sys.executable, "-c", "pass"]
    times: dict[str, list[float]] = {"ours": [], "theirs": [], "bare": []}
    for turn in range(RUNS + 1):
        for name, (command, cwd) in {"ours": ours, "theirs": theirs, "bare": (bare, ours[1])}.items():
            once(["rm", "-rf", *gone], cwd)
            if turn:
                times[name].append(once(command, cwd) * 1000)
            else:  # warms up, and would fail if one of them did nothing
                subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    own, other, start = (min(each) for each in times.values())
    print(
        f"{label:<44} {own:6.0f} ms  {other:6.0f} ms  {other / own:5.1f} times  (a bare Python start: {start:.0f} ms)"
    )


def peers(root: Path) -> None:
    """Compare with the peers; the project is one of 20 models."""
    prepare()
    ours = write_project(root / "ours", 20)
    command = str(Path(sys.executable).with_name("workaday"))
    subprocess.run([command, "render"], cwd=ours, check=True, capture_output=True)
    template = copier_template(ours / "deploy" / "default", root / "copier")
    copy = [str(BIN / "copier"), "copy", "--defaults", "--quiet", "--overwrite", "template", "out"]
    validate = [str(BIN / "nebari"), "validate", "-c", "nebari-config.yaml"]
    beside(
        "validate, beside `nebari validate`",
        ([command, "validate"], ours),
        (validate, nebari_config(root / "nebari")),
        [],
    )
    beside(
        "render, beside `copier copy`", ([command, "render"], ours), (copy, template), ["deploy", ".workaday", "out"]
    )
