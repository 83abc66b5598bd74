"""Weights to Google's and Azure's storage: fakes on loopback that keep files as those services say they do."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from workaday.execute.clouds import gcp
from workaday.execute.weights import Place, blobs, manifest
from workaday.execute.weights.blobs import Blobs
from workaday.execute.weights.gcs import Gcs
from workaday.execute.weights.manifest import MANIFEST
from workaday.execute.weights.push import compare, push
from workaday.execute.weights.push import measure as measured
from workaday.project.diagnostics import ProjectError

STEP = 256 * 1024  # Google takes and keeps whole steps of this, but for the last
PIECE = 4 * STEP
SIZE = 5 * PIECE + 11


def measure(folder, include=()):
    """With what Google's storage asks for."""
    return measured(folder, include, md5=True)


class Heard:
    def __init__(self) -> None:
        self.sent = self.before = 0

    def moved(self, entry, size, *, before) -> None:
        if before:
            self.before += size
        else:
            self.sent += size

    def done(self, entry) -> None:
        pass


class FakeGcs:
    """Cloud Storage's JSON API with resumable sessions; `breaks` cuts the connection after so many chunks."""

    def __init__(self, api) -> None:
        self.api, self.objects, self.sessions, self.breaks, self.partly = api, {}, {}, None, 0
        api.on("GET", "/storage/v1/b/shop/o", self.list)
        api.on("POST", "/upload/storage/v1/b/shop/o", self.begin)
        api.on("PUT", "/session", self.put)

    def list(self, query, headers, body):
        items = [
            {"name": name, "size": str(len(data)), "metadata": meta}
            for name, (data, meta) in self.objects.items()
            if name.startswith(query["prefix"])
        ]
        return 200, {}, json.dumps({"items": items}).encode()

    def begin(self, query, headers, body):
        if query["uploadType"] == "media":
            self.objects[query["name"]] = body, {}
            return 200, {}, b"{}"
        number = str(len(self.sessions))
        self.sessions[number] = {"name": query["name"], "data": b"", **json.loads(body)}
        return 200, {"Location": f"{self.api.url}/session?id={number}"}, b""

    def put(self, query, headers, body):
        session = self.sessions.get(query["id"])
        if session is None:
            return 410, {}, b""
        asked = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)", headers["Content-Range"])
        size = int(asked[3])
        if body and self.breaks is not None:
            self.breaks -= 1
            if self.breaks < 0:
                session["data"] += body[: self.partly]
                return None
        if body:
            assert int(asked[1]) == len(session["data"])
            assert len(body) % STEP == 0 or int(asked[2]) == size - 1
            session["data"] += body
        if len(session["data"]) == size:
            if base64.b64encode(hashlib.md5(session["data"]).digest()).decode() != session["md5Hash"]:
                return 400, {}, b'{"error": {"message": "Provided MD5 hash does not match"}}'
            self.objects[session["name"]] = session["data"], session["metadata"]
            return 200, {}, b"{}"
        return 308, {"Range": f"bytes=0-{len(session['data']) - 1}"} if session["data"] else {}, b""


class FakeBlobs:
    """Blob storage: blocks that are staged, then listed; `breaks` cuts the connection after so many blocks."""

    def __init__(self, api) -> None:
        self.api, self.blobs, self.staged, self.breaks = api, {}, {}, None
        api.on("GET", "/account/weights", self.list)

    def path(self, name: str) -> None:
        for method, answer in (("GET", self.get), ("PUT", self.put), ("DELETE", self.delete)):
            self.api.on(method, f"/account/weights/{name}", lambda *said, answer=answer, name=name: answer(name, *said))

    def list(self, query, headers, body):
        found = "".join(
            f"<Blob><Name>{name}</Name><Properties><Content-Length>{len(data)}</Content-Length></Properties>"
            f"<Metadata><sha256>{sha}</sha256></Metadata></Blob>"
            for name, (data, sha) in self.blobs.items()
            if name.startswith(query["prefix"])
        )
        return 200, {}, f"<EnumerationResults><Blobs>{found}</Blobs><NextMarker/></EnumerationResults>".encode()

    def get(self, name, query, headers, body):
        names = self.staged.get(unquote(name))
        if not names:
            return 404, {}, b"<Error><Message>The specified blob does not exist.</Message></Error>"
        listed = "".join(f"<Block><Name>{each}</Name></Block>" for each in names)
        return 200, {}, f"<BlockList><UncommittedBlocks>{listed}</UncommittedBlocks></BlockList>".encode()

    def put(self, name, query, headers, body):
        assert headers["x-ms-version"] == "2023-11-03"
        name = unquote(name)
        sent = headers.get("Content-MD5", base64.b64encode(hashlib.md5(body).digest()).decode())
        if sent != base64.b64encode(hashlib.md5(body).digest()).decode():
            return 400, {}, b"<Error><Code>Md5Mismatch</Code><Message>The MD5 value does not match</Message></Error>"
        if query.get("comp") == "block":
            if self.breaks is not None:
                self.breaks -= 1
                if self.breaks < 0:
                    return None
            assert len(base64.b64decode(query["blockid"])) <= 64
            self.staged.setdefault(name, {})[query["blockid"]] = body
        elif query.get("comp") == "blocklist":
            names = [each.text for each in ElementTree.fromstring(body).iter("Latest")]
            staged = self.staged.pop(name)
            self.blobs[name] = b"".join(staged[each] for each in names), headers["x-ms-meta-sha256"]
        else:
            assert headers["x-ms-blob-type"] == "BlockBlob"
            self.blobs[name] = body, headers.get("x-ms-meta-sha256", "")
        return 201, {}, b""

    def delete(self, name, query, headers, body):
        del self.blobs[unquote(name)]
        return 202, {}, b""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(manifest, "PIECE_BYTES", PIECE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    (path / "model.safetensors").write_bytes(os.urandom(SIZE))
    (path / "config.json").write_text("{}")
    (path / "empty").touch()
    return path


@pytest.fixture
def google(api, rest, tmp_path, monkeypatch):
    monkeypatch.setattr(gcp, "STORAGE", api.url)
    return FakeGcs(api), Gcs(Place("gcp", "us-central1", "shop", "story"), rest, tmp_path / "notes")


@pytest.fixture
def azure(api, rest, monkeypatch):
    monkeypatch.setattr(blobs, "HOST", api.url + "/{account}")
    fake = FakeBlobs(api)
    for name in ("model.safetensors", "config.json", "empty", MANIFEST):
        fake.path(f"story/{name}")
    return fake, Blobs(Place("azure", "eastus", "account/weights", "story"), rest)


def whole(folder: Path) -> dict[str, bytes]:
    return {f"story/{each.name}": each.read_bytes() for each in folder.iterdir()}


def test_google_has_the_folder_and_its_list_and_is_not_sent_it_again(google, folder):
    fake, store = google
    heard = Heard()
    push(store, compare(store, measure(folder)), heard)
    found = {name: data for name, (data, _) in fake.objects.items()}
    listed = found.pop(f"story/{MANIFEST}").decode()
    assert found == whole(folder)
    assert manifest.parse(listed) == {each.path: each.sha256 for each in measure(folder)}
    assert heard.sent == sum(map(len, found.values()))
    assert compare(store, measure(folder)).send == ()
    assert list(store.notes.iterdir()) == []


def test_google_goes_on_within_a_piece_after_a_short_break(google, folder):
    fake, store = google
    fake.breaks, fake.partly = 2, STEP

    def heals(query, headers, body):
        answer = fake.put(query, headers, body)
        fake.breaks = fake.breaks if answer else None
        return answer

    fake.api.on("PUT", "/session", heals)
    heard = Heard()
    push(store, compare(store, measure(folder, ["*.safetensors"])), heard)
    assert fake.breaks is None
    assert fake.objects["story/model.safetensors"][0] == (folder / "model.safetensors").read_bytes()
    assert (heard.before, heard.sent) == (0, SIZE)


def test_google_goes_on_in_another_run(google, folder):
    fake, store = google
    fake.breaks = 3
    entries = measure(folder, ["*.safetensors"])
    with pytest.raises(ProjectError) as error:
        push(store, compare(store, entries), Heard())
    assert [each.code for each in error.value.diagnostics] == ["X164"]
    assert fake.objects == {}
    [note] = store.notes.iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    fake.breaks = None
    heard = Heard()
    push(store, compare(store, entries), heard)
    assert heard.before == 3 * PIECE
    assert heard.sent == SIZE - 3 * PIECE
    assert fake.objects["story/model.safetensors"][0] == (folder / "model.safetensors").read_bytes()


def test_google_begins_anew_where_the_session_is_gone(google, folder):
    fake, store = google
    fake.breaks = 3
    entries = measure(folder, ["*.safetensors"])
    with pytest.raises(ProjectError):
        push(store, compare(store, entries), Heard())
    fake.breaks = None
    fake.sessions["0"] = None
    heard = Heard()
    push(store, compare(store, entries), heard)
    assert (heard.before, heard.sent) == (0, SIZE)


def test_azure_has_the_folder_and_its_list_and_is_not_sent_it_again(azure, folder):
    fake, store = azure
    heard = Heard()
    push(store, compare(store, measure(folder)), heard)
    found = {name: data for name, (data, _) in fake.blobs.items()}
    listed = manifest.parse(found.pop(f"story/{MANIFEST}").decode())
    assert listed.keys() == {"config.json", "empty", "model.safetensors"}
    assert found == whole(folder)
    assert heard.sent == sum(map(len, found.values()))
    assert compare(store, measure(folder)).send == ()
    (folder / "empty").unlink()
    push(store, compare(store, measure(folder)), Heard(), prune=True)
    assert "story/empty" not in fake.blobs


def test_azure_goes_on_from_the_blocks_that_are_staged(azure, folder):
    fake, store = azure
    fake.breaks = 3
    entries = measure(folder, ["*.safetensors"])
    with pytest.raises(ProjectError) as error:
        push(store, compare(store, entries), Heard())
    assert [each.code for each in error.value.diagnostics] == ["X164"]
    assert fake.blobs == {}
    staged = sum(map(len, fake.staged["story/model.safetensors"].values()))
    assert staged
    fake.breaks = None
    heard = Heard()
    push(store, compare(store, entries), heard)
    assert (heard.before, heard.sent) == (staged, SIZE - staged)
    assert fake.blobs["story/model.safetensors"][0] == (folder / "model.safetensors").read_bytes()


def test_google_is_not_sent_to_a_session_that_ends_meanwhile(google, folder):
    fake, store = google

    def ends(query, headers, body):
        return fake.put(query, headers, body) if len(fake.sessions["0"]["data"]) < PIECE else (410, {}, b"")

    fake.api.on("PUT", "/session", ends)
    entries = measure(folder, ["*.safetensors"])
    with pytest.raises(ProjectError) as error:
        push(store, compare(store, entries), Heard())
    assert [each.code for each in error.value.diagnostics] == ["X164"]
    fake.sessions["0"] = None
    fake.api.on("PUT", "/session", fake.put)
    push(store, compare(store, entries), Heard())
    assert fake.objects["story/model.safetensors"][0] == (folder / "model.safetensors").read_bytes()


def test_google_refuses_what_was_damaged_on_the_way(google, folder):
    fake, store = google

    def damages(query, headers, body):
        return fake.put(query, headers, b"\0" + body[1:] if body else body)

    fake.api.on("PUT", "/session", damages)
    with pytest.raises(ProjectError, match="MD5 hash does not match"):
        push(store, compare(store, measure(folder, ["*.safetensors"])), Heard())
    assert fake.objects == {}
    fake.sessions["0"] = None  # what it refuses is over
    fake.api.on("PUT", "/session", fake.put)
    push(store, compare(store, measure(folder, ["*.safetensors"])), Heard())
    assert "story/model.safetensors" in fake.objects


@pytest.mark.parametrize("service", ["google", "azure"])
def test_a_file_that_is_gone_meanwhile_is_a_named_error(service, request, folder):
    _, store = request.getfixturevalue(service)
    difference = compare(store, measure(folder))
    (folder / "config.json").unlink()
    with pytest.raises(ProjectError, match=r"cannot read .*config\.json: No such file") as error:
        push(store, difference, Heard())
    assert [each.code for each in error.value.diagnostics] == ["X164"]


@pytest.mark.parametrize("service", ["google", "azure"])
def test_a_file_that_changes_meanwhile_never_becomes_part_of_a_whole(service, request, folder):
    fake, store = request.getfixturevalue(service)
    entries = measure(folder)
    difference = compare(store, entries)
    (folder / "model.safetensors").write_bytes(os.urandom(SIZE))
    with pytest.raises(ProjectError) as error:
        push(store, difference, Heard())
    assert "model.safetensors has changed meanwhile" in error.value.diagnostics[0].message
    assert f"story/{MANIFEST}" not in {**getattr(fake, "objects", {}), **getattr(fake, "blobs", {})}
