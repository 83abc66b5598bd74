"""The predictors' weights helper, and that nothing of a request is ever unpickled."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from workaday_server import progress
from workaday_server.weights import WeightsError, load

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}
GATED = "import pathlib, time\nfrom workaday_server import progress, weights\nGATE = pathlib.Path(__file__).with_name('open')\nclass Predictor:\n    def __init__(self, config):\n        pass\n    async def load(self, path):\n        self.weights = weights.load(path)\n        while not GATE.exists():\n            time.sleep(0.01)\n    def predict(self, payload):\n        return sorted(self.weights)\n"


class Bomb:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple:
        return Path.touch, (self.file,)


def checksums(folder: Path, **changed: str) -> None:
    lines = [
        f"{changed.get(each.stem) or hashlib.sha256(each.read_bytes()).hexdigest()}  ./{each.name}"
        for each in folder.iterdir()
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")


def test_shards_of_a_folder_checked_and_counted(tmp_path) -> None:
    for name, tensor in TENSORS.items():
        save_file({name: tensor}, tmp_path / f"{name}.safetensors")
    size = sum(each.stat().st_size for each in tmp_path.iterdir())
    checksums(tmp_path)
    counted = progress.Progress()
    token = progress.current.set(counted)
    loaded = load(tmp_path)
    progress.current.reset(token)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in TENSORS.items())
    assert counted.record() == {"read_bytes": size, "total_bytes": size}


def test_safetensors_are_mapped_not_copied(tmp_path) -> None:
    save_file({"a": torch.ones(2_000_000)}, tmp_path / "w.safetensors")
    tensor = load(tmp_path / "w.safetensors")["a"]
    address = tensor.data_ptr()
    regions = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    bounds = [(*(int(each, 16) for each in region[0].split("-")), region[-1]) for region in regions]
    assert [name for low, high, name in bounds if low <= address < high] == [str(tmp_path / "w.safetensors")]


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_of_tensors(tmp_path, zipped: bool) -> None:
    torch.save(TENSORS, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    loaded = load(tmp_path)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_with_a_program_in_it_is_refused_and_not_run(tmp_path, zipped: bool) -> None:
    torch.save({"a": Bomb(tmp_path / "ran")}, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="more than tensors"):
        load(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_wrong_weights_are_named(tmp_path) -> None:
    with pytest.raises(WeightsError, match="no weights at"):
        load(tmp_path)
    save_file(TENSORS, tmp_path / "w.safetensors")
    checksums(tmp_path, w="0" * 64)
    with pytest.raises(WeightsError, match=r"w\.safetensors has SHA-256 .* not 0000"):
        load(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  other\n")
    with pytest.raises(WeightsError, match=r"does not name w\.safetensors"):
        load(tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    os.truncate(tmp_path / "w.safetensors", 40)
    with pytest.raises(WeightsError, match="damaged"):
        load(tmp_path)
    (tmp_path / "w.safetensors").unlink()
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as made:
        made.writestr("x", "y")
    with pytest.raises(WeightsError, match="damaged"):
        load(tmp_path)
    torch.save([1], tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="a list, not tensors"):
        load(tmp_path)


def test_loading_says_how_far_it_is(server) -> None:
    (server.folder / "w").mkdir()
    save_file({"a": torch.ones(1000)}, server.folder / "w" / "w.safetensors")
    size = (server.folder / "w" / "w.safetensors").stat().st_size
    server.model("a", GATED, weights="w")
    server.start(ready=False)
    server.until(lambda: (server.state()["models"]["a"]["progress"] or {}).get("read_bytes") == size)
    counted = {"read_bytes": size, "total_bytes": size}
    assert server.get("/v2/models/a/ready").json() == {
        "name": "a",
        "ready": False,
        "state": "loading",
        "progress": counted,
    }
    assert server.get("/v2/health/ready").json() == {
        "ready": False,
        "models": {"a": {"state": "loading", "progress": counted}},
    }
    (server.folder / "a-1" / "open").touch()
    assert server.wait_state("a", "ready")["progress"] is None
    assert server.post("/a", 1).json() == ["a"]
    assert server.get("/v2/health/ready").json() == {"ready": True}


def test_nothing_of_a_request_is_unpickled(server) -> None:
    server.model(
        "a",
        "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return type(payload).__name__\n",
    )
    server.start()
    bomb = pickle.dumps(Bomb(server.folder / "ran"))
    for kind in (
        "application/x-pickle",
        "application/octet-stream",
        "application/x-numpy",
        "application/json",
        "text/plain",
    ):
        for path in ("/a", "/v1/models/a:predict", "/v2/models/a/infer"):
            assert server.post(path, bomb, headers={"content-type": kind}).status_code in (200, 400)
    assert server.post("/a", bomb, headers={"content-type": "application/x-pickle"}).text == "bytes"
    assert not (server.folder / "ran").exists()
