"""A copy of a Terraform root and of the modules beside it, in which the backend is a local file."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from workaday.project.diagnostics import Diagnostic, ProjectError

# A module's source is the first that is said after its head: it must have one.
SOURCE = re.compile(
    r'^\s*module\s+"[^"]*"\s*\{(?:.*?[\s{])??source\s*=\s*"(?P<source>[^"]*)"', re.MULTILINE | re.DOTALL
)
COMMENT = re.compile(r"^[ \t]*(?:#|//)[^\n]*|^[ \t]*/\*.*?\*/", re.MULTILINE | re.DOTALL)
OVERRIDE = "workaday_offline_override.tf"
LEFT_OUT = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate", "*.tfstate.*", "*.tfplan", ".git")


def copied(root: Path, into: Path, state: Path) -> Path:
    """Copy a root with all modules that it names into a folder; returns the copy of the root.

    The copy keeps the folders' places relative to each other, and its backend is the file `state`.

    Raises ProjectError (X142): a module would have to be downloaded.
    """
    folders = closure(root)
    common = Path(os.path.commonpath([str(each) for each in folders]))
    for folder in folders:
        target = into / folder.relative_to(common)
        if not any(parent in folders for parent in folder.parents):
            shutil.copytree(folder, target, ignore=LEFT_OUT, symlinks=False, dirs_exist_ok=True)
    copy = into / root.resolve().relative_to(common)
    (copy / OVERRIDE).write_text(f'terraform {{\n  backend "local" {{\n    path = {_quoted(state)}\n  }}\n}}\n')
    return copy


def closure(root: Path) -> tuple[Path, ...]:
    """Return a root's folder and those of all modules that it leads to, resolved.

    Raises ProjectError (X142): a module would have to be downloaded; (X110): a module's folder is missing.
    """
    found: dict[Path, None] = {}
    waiting = [root.resolve()]
    while waiting:
        folder = waiting.pop()
        if folder in found:
            continue
        found[folder] = None
        for file in sorted(folder.glob("*.tf")):
            waiting += _modules_of(file)
    return tuple(found)


def _modules_of(file: Path) -> list[Path]:
    # Blanks in place of comments: positions stay.
    text = COMMENT.sub(lambda found: re.sub(r"\S", " ", found[0]), file.read_text(encoding="utf-8"))
    folders = []
    for named in SOURCE.finditer(text):
        source = named["source"]
        if not source.startswith(("./", "../")):
            raise ProjectError([_remote(file, text, named)])
        folder = (file.parent / source).resolve()
        if folder.is_dir():  # a missing one is Terraform's to report, with its own excerpt
            folders.append(folder)
    return folders


def _remote(file: Path, text: str, named: re.Match[str]) -> Diagnostic:
    start = named.start("source")
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    place = f"{file}:{text.count(chr(10), 0, start) + 1}:{column}"
    message = f"module `{named['source']}` would have to be downloaded ({place})"
    return Diagnostic(code="X142", message=message, hints=("copy it into the tree and name it by a relative path",))


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
