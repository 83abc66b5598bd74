"""Weights to S3, on moto's server: what is there already, broken connections, and the list that comes last."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from workaday.execute.weights import Place, manifest
from workaday.execute.weights.manifest import MANIFEST
from workaday.execute.weights.push import compare, measure, push
from workaday.execute.weights.s3 import S3
from workaday.project.diagnostics import ProjectError

BUCKET = "shop-weights"
PLACE = Place("aws", "us-east-1", BUCKET, "story")
PIECE = 5 * 2**20  # the least that S3 takes


class Heard:
    def __init__(self) -> None:
        self.sent = self.before = 0
        self.files: list[str] = []

    def moved(self, entry, size, *, before) -> None:
        if before:
            self.before += size
        else:
            self.sent += size

    def done(self, entry) -> None:
        self.files.append(entry.path)


class Line:
    """A wire to moto that carries so many bytes of requests, and then breaks every connection."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target, self.left = target, float("inf")
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if counted:
                    self.left -= len(data)
                    if self.left < 0:
                        break
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def moto() -> Iterator[tuple[str, int]]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def line(moto, no_account) -> Iterator[Line]:
    bucket = boto3.resource("s3", region_name="us-east-1", endpoint_url=f"http://{moto[0]}:{moto[1]}").Bucket(BUCKET)
    bucket.create()
    wire = Line(moto)
    yield wire
    wire.listener.close()
    for upload in bucket.multipart_uploads.all():
        upload.abort()
    bucket.objects.delete()
    bucket.delete()


@pytest.fixture
def store(line, monkeypatch) -> S3:
    monkeypatch.setattr(manifest, "PIECE_BYTES", PIECE)
    limits = Config(retries={"mode": "standard", "max_attempts": 1}, s3={"addressing_style": "path"})
    return S3(PLACE, boto3.client("s3", region_name="us-east-1", endpoint_url=line.url, config=limits))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    (path / "tokenizer").mkdir(parents=True)
    (path / "model.safetensors").write_bytes(os.urandom(3 * PIECE + 17))
    (path / "config.json").write_text("{}")
    (path / "empty").touch()
    (path / "tokenizer" / "vocab.json").write_text('{"a": 1}')
    (path / ".cache").mkdir()
    (path / ".cache" / "lock").touch()
    return path


def held(store: S3) -> dict[str, bytes]:
    return {path: store.client.get_object(**store._object(path))["Body"].read() for path in store.listed()}


def test_a_folder_and_its_list_arrive_and_are_not_sent_again(store, folder):
    heard = Heard()
    entries = measure(folder)
    push(store, compare(store, entries), heard)
    found = held(store)
    listed = found.pop(MANIFEST).decode()
    assert found == {
        each.relative_to(folder).as_posix(): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file() and ".cache" not in each.parts
    }
    assert listed.splitlines() == [f"{hashlib.sha256(found[path]).hexdigest()}  {path}" for path in sorted(found)]
    assert manifest.parse(listed) == {each.path: each.sha256 for each in entries}
    assert sorted(heard.files) == sorted(found)
    assert heard.sent == sum(map(len, found.values()))
    again = compare(store, measure(folder))
    assert again.send == ()
    assert len(again.there) == 4


def test_the_server_takes_what_was_pushed_and_refuses_a_part_of_it(store, folder, tmp_path):
    """The list is the one that the model server checks weights by."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from workaday_server.weights import WeightsError, load

    for each in ("config.json", "empty", "model.safetensors"):
        (folder / each).unlink()
    save_file({"a": torch.arange(6.0)}, folder / "model.safetensors")
    push(store, compare(store, measure(folder)), Heard())
    there = tmp_path / "there"
    there.mkdir()
    for path, body in held(store).items():
        (there / path).parent.mkdir(exist_ok=True)
        (there / path).write_bytes(body)
    assert load(there)["a"].tolist() == [0, 1, 2, 3, 4, 5]
    save_file({"a": torch.arange(6.0) + 1}, there / "model.safetensors")
    with pytest.raises(WeightsError, match="SHA-256"):
        load(there)


def test_a_broken_connection_is_gone_on_with_from_the_parts_that_are_there(store, folder, line):
    entries = measure(folder, ["*.safetensors"])
    line.left = 2.5 * PIECE
    with pytest.raises(ProjectError) as error:
        push(store, compare(store, entries), Heard())
    [found] = error.value.diagnostics
    assert found.code == "X164"
    assert "goes on" in found.hints[-1]
    line.left = float("inf")
    assert store.listed() == {}  # no file, and no list that says it is whole
    [upload] = store.client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    parts = store.client.list_parts(**store._object("model.safetensors"), UploadId=upload["UploadId"])["Parts"]
    assert 0 < len(parts) < 4
    heard = Heard()
    push(store, compare(store, entries), heard)
    assert heard.before == sum(each["Size"] for each in parts)
    assert heard.sent == entries[0].size - heard.before
    assert held(store)["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert "Uploads" not in store.client.list_multipart_uploads(Bucket=BUCKET)


def test_parts_of_another_content_are_not_mixed_in(store, folder, line):
    line.left = 2.5 * PIECE
    with pytest.raises(ProjectError):
        push(store, compare(store, measure(folder, ["*.safetensors"])), Heard())
    line.left = float("inf")
    (folder / "model.safetensors").write_bytes(os.urandom(3 * PIECE + 17))
    heard = Heard()
    push(store, compare(store, measure(folder, ["*.safetensors"])), heard)
    assert heard.before == 0
    assert held(store)["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert "Uploads" not in store.client.list_multipart_uploads(Bucket=BUCKET)


def test_what_changed_is_sent_and_what_is_gone_here_is_named_and_pruned_only_when_asked(store, folder):
    push(store, compare(store, measure(folder)), Heard())
    (folder / "config.json").write_text("[]")  # as long as before
    (folder / "empty").unlink()
    difference = compare(store, measure(folder))
    assert [each.path for each in difference.send] == ["config.json"]
    assert difference.extra == ("empty",)
    push(store, difference, Heard())
    assert "empty" in store.listed()
    push(store, compare(store, measure(folder)), Heard(), prune=True)
    assert "empty" not in store.listed()
    assert b"empty" not in held(store)[MANIFEST]


def test_a_bucket_that_is_not_there_is_a_named_error(store):
    store.place = Place("aws", "us-east-1", "no-such-bucket", "story")
    with pytest.raises(ProjectError) as error:
        store.listed()
    assert [each.code for each in error.value.diagnostics] == ["X151"]
