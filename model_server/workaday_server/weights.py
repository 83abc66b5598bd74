"""Weights for predictors: read once, checked, mapped rather than copied, and never a program.

`load(path)` in a predictor's `load` gives a state dict. Its bytes are counted as they are read, so that `state.json`
and readiness say how far loading is. A file `SHA256SUMS` beside the weights, as `sha256sum` writes it, is checked.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday_server import progress
from workaday_server.weights_cache import WeightsError

if TYPE_CHECKING:
    import torch

CHECKSUMS = "SHA256SUMS"
CHUNK_BYTES = 8 * 2**20
SAFETENSORS = ".safetensors"
CHECKPOINTS = (".pt", ".pth", ".bin", ".ckpt")

__all__ = ["WeightsError", "load"]


def load(path: str | Path, *, device: str = "cpu") -> dict[str, torch.Tensor]:
    """Return the tensors by name of a weights file, or of every weights file in a folder.

    safetensors files are mapped into memory: their tensors share the system's pages of the file until they are
    written to. A torch checkpoint is read with `weights_only`; where a folder has both, safetensors are taken.

    Args:
        path: a file, or a folder with files or shards.
        device: where the tensors go, as torch names it.

    Raises:
        WeightsError: there are none, one has another checksum than `SHA256SUMS` says, or one is damaged or holds
            more than tensors.
    """
    files = _files(Path(path))
    _read_through(files, _checksums(files[0].parent))
    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        tensors |= _safetensors(file, device) if file.suffix == SAFETENSORS else _checkpoint(file, device)
    return tensors


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    for suffixes in ((SAFETENSORS,), CHECKPOINTS):
        if path.is_dir() and (found := sorted(each for each in path.iterdir() if each.suffix in suffixes)):
            return found
    raise WeightsError(f"no weights at {path}: a {SAFETENSORS} file, or one of {', '.join(CHECKPOINTS)}")


def _checksums(folder: Path) -> Mapping[str, str]:
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition(" ") for line in lines if line.strip())
    return {name.lstrip(" *").removeprefix("./"): digest.lower() for digest, _, name in pairs}


def _read_through(files: list[Path], wanted: Mapping[str, str]) -> None:
    """Read every byte once: it is then in memory when a tensor is first used, and its checksum is known."""
    counted = progress.current.get() or progress.Progress()
    counted.total_bytes += sum(file.stat().st_size for file in files)
    buffer = memoryview(bytearray(CHUNK_BYTES))
    for file in files:
        if wanted and file.name not in wanted:
            raise WeightsError(f"{CHECKSUMS} does not name {file.name}")
        digest = hashlib.sha256() if wanted else None
        with file.open("rb", buffering=0) as source:
            while size := source.readinto(buffer):
                if digest is not None:
                    digest.update(buffer[:size])
                counted.read_bytes += size
        if digest is not None and digest.hexdigest() != wanted[file.name]:
            raise WeightsError(
                f"{file.name} has SHA-256 {digest.hexdigest()}, not {wanted[file.name]} as in {CHECKSUMS}"
            )


def _safetensors(file: Path, device: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, torch.Tensor] = load_file(file, device=device)
    except SafetensorError as error:
        raise WeightsError(f"{file.name} is damaged: {error}") from None
    return tensors


def _checkpoint(file: Path, device: str) -> dict[str, torch.Tensor]:
    import torch

    try:
        found: Any = torch.load(file, map_location=device, weights_only=True, mmap=_is_zip(file))
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0][:120]
        raise WeightsError(
            f"{file.name} is damaged, or holds more than tensors; save its `state_dict()` as safetensors ({reason})"
        ) from None
    if not isinstance(found, dict):
        raise WeightsError(f"{file.name} holds a {type(found).__name__}, not tensors by name")
    return found


def _is_zip(file: Path) -> bool:
    with file.open("rb") as source:  # older checkpoints are bare pickles, which cannot be mapped
        return source.read(4) == b"PK\x03\x04"
