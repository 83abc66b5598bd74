"""A pin is moved by its chart: version, digest and images follow, and what was packed otherwise is refused."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from workaday.catalog.addons import TABLE

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("pin_addon", ROOT / "tools" / "pin_addon.py")
assert spec is not None
assert spec.loader is not None
pin_addon = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pin_addon)


def pack(folder: Path, chart: str, version: str, said: str) -> Path:
    path = folder / f"{chart}-{version}.tgz"
    content = f"name: {chart}\nversion: {said}\nappVersion: {said}\n".encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(f"{chart}/Chart.yaml")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return Path(shutil.copy(TABLE, tmp_path / "addons.json"))


def test_version_digest_and_images_follow_the_chart(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = pack(tmp_path, "kserve-resources", "v0.21.0", "v0.21.0")
    assert pin_addon.main(["kserve", "0.21.0", "--from", str(tmp_path), "--table", str(table)]) == 0
    pin = next(each for each in json.loads(table.read_text())["pins"] if each["name"] == "kserve")
    assert (pin["version"], pin["app"]) == ("v0.21.0", "v0.21.0")
    assert pin["sha256"] == hashlib.sha256(chart.read_bytes()).hexdigest()
    assert "docker.io/kserve/kserve-controller:v0.21.0" in pin["images"]
    said = capsys.readouterr().out
    assert "tests/cluster/tools/kserve" in said
    assert "schemas/crds/kserve" in said


def test_a_chart_that_says_another_version_is_refused(tmp_path: Path, table: Path) -> None:
    pack(tmp_path, "kserve-resources", "v0.21.0", "v0.20.0")
    before = table.read_text()
    with pytest.raises(SystemExit, match=r"is version v0\.20\.0, not v0\.21\.0"):
        pin_addon.main(["kserve", "v0.21.0", "--from", str(tmp_path), "--table", str(table)])
    assert table.read_text() == before
