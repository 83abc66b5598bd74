"""The files that a project names (C1xx): they exist, and hold the predictor's class, found without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from .diagnostics import Diagnostic, KeyPath, Label
from .parts import Parts
from .schema import Torch
from .spelling import closest

DEFAULT_CLASS = "Predictor"


def check(parts: Parts, root: Path) -> tuple[list[Diagnostic], tuple[Path, ...]]:
    """Return what is wrong with the files that `parts` names, relative to `root`, and those that were found."""
    found: list[Diagnostic] = []
    read: list[Path] = []
    for index, model in parts.models.items():
        here: KeyPath = ("models", index)
        canary = model.canary.overrides.server if model.canary else None
        for server, at in ((model.server, here), (canary, (*here, "canary", "overrides"))):
            if isinstance(server, Torch):
                found += predictor(server, at, root)
                read.append(root / server.predictor)
                if server.requirements:
                    found += named_file(server.requirements, (*at, "server", "requirements"), root)
                    read.append(root / server.requirements)
        if model.traffic and model.traffic.trace:
            found += named_file(model.traffic.trace, (*here, "traffic", "trace"), root)
            read.append(root / model.traffic.trace)
    return found, tuple(dict.fromkeys(path for path in read if path.is_file()))


def predictor(server: Torch, here: KeyPath, root: Path) -> Iterator[Diagnostic]:
    """C108, C109: a predictor's file is missing, is no Python, or has no such class."""
    path: KeyPath = (*here, "server", "predictor")
    file = root / server.predictor
    missing = _missing_file("C108", server.predictor, path, root, "the predictor")
    if missing:
        yield missing
        return
    try:
        tree = parsed(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        said = getattr(error, "msg", None) or str(error)
        yield Diagnostic("C109", f"`{server.predictor}` is not Python", path, f"line {line or 1}: {said}".lower())
        return
    except OSError as error:
        yield Diagnostic("C108", f"`{server.predictor}` cannot be read", path, (error.strerror or str(error)).lower())
        return
    wanted = server.class_ or DEFAULT_CLASS
    names = defined(tree)
    if wanted in names or "*" in names:
        return
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    guess = closest(wanted, classes) or (classes[0] if len(classes) == 1 else "")
    hint = (
        f"say `class: {guess}` beside `predictor`"
        if guess
        else f"write `class {wanted}:` with `predict(self, payload)`"
    )
    at = (Label((*here, "server", "class"), "the class it should have"),) if server.class_ else ()
    label = f"it has {', '.join(f'`{name}`' for name in classes)}" if classes else "it has no class"
    yield Diagnostic("C109", f"`{server.predictor}` has no class `{wanted}`", path, label, hints=(hint,), secondary=at)


@lru_cache(maxsize=64)
def parsed(source: bytes) -> ast.Module:
    """Return a file's syntax tree, once for all the models that share the file; raises as `ast.parse`."""
    return ast.parse(source)


def defined(tree: ast.Module) -> set[str]:
    """Return the names that a module binds at its top level, `*` where it imports everything from another."""
    names: set[str] = set()
    queue: list[ast.stmt] = list(tree.body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            queue += [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)]
            queue += [each for handler in getattr(node, "handlers", ()) for each in handler.body]
    return names


def named_file(name: str, path: KeyPath, root: Path) -> Iterator[Diagnostic]:
    """C110: a file that the project names is missing."""
    missing = _missing_file("C110", name, path, root, "the file")
    if missing:
        yield missing


def _missing_file(code: str, name: str, path: KeyPath, root: Path, what: str) -> Diagnostic | None:
    file = root / name
    try:
        if file.is_file():
            return None
        if file.is_dir():
            return Diagnostic(code, f"`{name}` is a folder", path, f"name {what} in it")
        beside = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
    except (OSError, ValueError):
        beside = []
    guess = closest(file.name, beside)
    label = (
        f"did you mean `{Path(name).with_name(guess).as_posix()}`?" if guess else "paths are relative to project.yaml"
    )
    return Diagnostic(code, f"`{name}` does not exist", path, label)
