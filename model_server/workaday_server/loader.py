"""Import a predictor with its sibling modules in a namespace of its own.

`predictor.py` and the modules beside it are written as if the folder were the only one on `sys.path`. Two models may
both have a `network.py`, and a new revision must not see the old one's. So each load gets a synthetic package whose
`__path__` is the folder, and its modules get builtins whose `__import__` looks there first. That holds for imports
inside functions too, needs no lock, and leaves `sys.path` alone. Only `importlib.import_module("network")` is not
seen by it; use the import statement.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import itertools
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PREFIX = "_workaday_model_"
_numbers = itertools.count(1)


class Namespace:
    """One revision's modules. `discard` forgets them; objects made from them live on."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.package = f"{PREFIX}{re.sub(r'[^A-Za-z0-9]', '_', name)}_{next(_numbers)}"
        self.builtins = {**vars(builtins), "__import__": self._import}
        root = ModuleType(self.package)
        root.__path__ = [str(folder)]
        root.__spec__ = importlib.machinery.ModuleSpec(self.package, None, is_package=True)
        sys.modules[self.package] = root
        _finder.namespaces[self.package] = self

    def load(self, module: str) -> ModuleType:
        """Import the module of that name in the folder."""
        importlib.invalidate_caches()
        return importlib.import_module(f"{self.package}.{module}")

    def discard(self) -> None:
        """Drop the namespace's modules from `sys.modules`."""
        _finder.namespaces.pop(self.package, None)
        for name in [each for each in sys.modules if each == self.package or each.startswith(f"{self.package}.")]:
            sys.modules.pop(name, None)

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        if level or not self._has(top):
            return __import__(name, globals, locals, fromlist or (), level)
        found = __import__(f"{self.package}.{name}", globals, locals, fromlist or ("__name__",), 0)
        return found if fromlist else sys.modules[f"{self.package}.{top}"]

    def _has(self, top: str) -> bool:
        return (
            f"{self.package}.{top}" in sys.modules
            or (self.folder / f"{top}.py").is_file()
            or (self.folder / top / "__init__.py").is_file()
        )


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs a module with the namespace's builtins, from its source: a stale `.pyc` cannot answer for a new revision."""

    def __init__(self, fullname: str, path: str, namespace_builtins: dict[str, Any]) -> None:
        super().__init__(fullname, path)
        self._builtins = namespace_builtins

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._builtins
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self) -> None:
        self.namespaces: dict[str, Namespace] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(PREFIX):
            return None
        namespace = self.namespaces.get(fullname.partition(".")[0])
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if namespace and spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader) and spec.origin:
            spec.loader = _Loader(fullname, spec.origin, namespace.builtins)
            spec.cached = None
        return spec


_finder = _Finder()
sys.meta_path.insert(0, _finder)
