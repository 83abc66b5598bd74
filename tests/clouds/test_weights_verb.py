"""`weights push`: where a model's weights go, where they come from, and what is printed; moto stands for S3."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

from workaday.cli.run import run
from workaday.execute import sdks
from workaday.execute.weights import Place, hub, place_of
from workaday.execute.weights.manifest import MANIFEST, MOST_PIECES, PIECE_BYTES, files, measured, parse, piece_size
from workaday.execute.weights.push import measure
from workaday.project.diagnostics import ProjectError

LOCAL = "{local: weights}"


def code(error) -> str:
    [found] = error.value.diagnostics
    return found.code


@pytest.mark.parametrize(
    ("kind", "weights", "uri"),
    [
        ("aws", LOCAL, "s3://shop-weights-"),
        ("aws", '{uri: "s3://models/gpt2/xl/"}', "s3://models/gpt2/xl"),
        ("gcp", LOCAL, "gs://shop-weights-"),
        ("gcp", '{uri: "gs://models/gpt2"}', "gs://models/gpt2"),
        ("azure", LOCAL, "https://shopweights"),
        (
            "azure",
            '{uri: "https://models.blob.core.windows.net/gpt2/xl"}',
            "https://models.blob.core.windows.net/gpt2/xl",
        ),
    ],
)
def test_weights_go_where_the_models_pods_read_them(workspace, kind, weights, uri):
    opened = workspace(kind, weights=weights)
    found = place_of(opened, "story")
    assert found.uri.startswith(uri)
    if weights == LOCAL:
        assert found.prefix == "story"
        assert found.bucket.partition("/")[0] == opened.blueprint.cloud.weights_bucket


@pytest.mark.parametrize(
    ("kind", "weights", "said"),
    [
        ("aws", '{uri: "hf://openai-community/gpt2"}', "no bucket of aws"),
        ("aws", '{uri: "gs://models/gpt2"}', "no bucket of aws"),
        ("aws", "", "has no weights"),
        ("local", "", "`local` has no bucket"),
    ],
)
def test_weights_without_a_place_are_a_named_error(workspace, kind, weights, said):
    with pytest.raises(ProjectError, match=said) as error:
        place_of(workspace(kind, weights=weights), "story")
    assert code(error) == "X160"


def test_a_folder_without_weights_is_a_named_error(tmp_path):
    for source, include in ((tmp_path / "none", ()), (tmp_path, ()), (tmp_path, ("*.safetensors",))):
        with pytest.raises(ProjectError) as error:
            list(files(source, include))
        assert code(error) == "X161"
    (tmp_path / "a\nb").touch()
    with pytest.raises(ProjectError, match="line end") as error:
        list(files(tmp_path))


def test_a_list_that_came_with_the_files_is_believed(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x")
    (entry,) = measure(tmp_path)
    (tmp_path / MANIFEST).write_text(f"{entry.sha256} *./model.bin\n{'0' * 64}  elsewhere\n")
    assert measure(tmp_path) == (entry,)
    (tmp_path / "model.bin").write_bytes(b"y")
    with pytest.raises(ProjectError, match=rf"model\.bin has SHA-256 .*, not {entry.sha256}") as error:
        measure(tmp_path)
    assert code(error) == "X163"
    (tmp_path / MANIFEST).write_text("what is this\n")
    with pytest.raises(ProjectError, match="line 1") as error:
        measure(tmp_path)
    assert code(error) == "X163"


def test_a_file_alone_is_weights_too(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"x")
    assert [path for path, _ in files(tmp_path / "model.gguf")] == ["model.gguf"]


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES * MOST_PIECES, 10**12, 5 * 2**40])
def test_no_file_has_more_pieces_than_a_service_takes(size):
    assert -(-size // piece_size(size)) <= MOST_PIECES
    assert piece_size(size) % 2**20 == 0


def test_pieces_cover_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("workaday.execute.weights.manifest.PIECE_BYTES", 2**20)
    for size in (0, 1, 2**20, 2**20 + 1, 3 * 2**20):
        (tmp_path / "f").write_bytes(bytes(size))
        entry = measured("f", tmp_path / "f")
        assert sum(each.size for each in entry.pieces) == size
        assert b"".join(map(entry.read, entry.pieces)) == bytes(size)
        assert all(each.size for each in entry.pieces) or not size


@pytest.fixture
def project(workspace):
    opened = workspace("aws", weights=LOCAL)
    (opened.root / "weights").mkdir()
    (opened.root / "weights" / "model.safetensors").write_bytes(b"x" * 1000)
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=opened.blueprint.cloud.weights_bucket)
        yield opened


def test_the_verb_sends_says_so_and_does_not_send_again(project, capsys):
    file = str(project.root / "project.yaml")
    bucket = project.blueprint.cloud.weights_bucket
    assert run(["weights", "push", "story", "-f", file, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "would send" in said
    assert f"s3://{bucket}/story: 1 file (1000 bytes) to send, 0 were there" in said
    s3 = boto3.client("s3", region_name="us-east-1")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert run(["weights", "push", "story", "-f", file]) == 0
    said = capsys.readouterr().out
    assert "1 of 1" in said
    assert "1 file (1000 bytes) sent at" in said
    assert parse(s3.get_object(Bucket=bucket, Key=f"story/{MANIFEST}")["Body"].read().decode()).keys() == {
        "model.safetensors"
    }
    s3.put_object(Bucket=bucket, Key="story/old.bin", Body=b"")
    assert run(["weights", "push", "story", "-f", file]) == 0
    said = capsys.readouterr().out
    assert "0 files (0 bytes) sent, 1 were there" in said
    assert "there and not here: old.bin" in said
    assert run(["weights", "push", "story", "-f", file, "--prune", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["send"], found["there"], found["extra"], found["pruned"]) == (
        [],
        ["model.safetensors"],
        ["old.bin"],
        True,
    )
    assert "old.bin" not in str(s3.list_objects_v2(Bucket=bucket)["Contents"])


def test_the_verb_takes_another_folder_and_says_what_is_not_there(project, capsys):
    file = str(project.root / "project.yaml")
    assert run(["weights", "push", "story", "-f", file, "--from", str(project.root / "none")]) == 1
    assert "error[X161]: no weights at" in capsys.readouterr().err
    assert run(["weights", "push", "stroy", "-f", file]) == 1
    assert "did you mean `story`" in capsys.readouterr().err


def test_the_verb_asks_where_they_are_if_nobody_says(workspace, capsys):
    file = str(workspace("aws", weights='{uri: "s3://models/gpt2"}').root / "project.yaml")
    assert run(["weights", "push", "story", "-f", file]) == 1
    assert "error[X161]: where are the weights of `story` on this machine?" in capsys.readouterr().err


class FakeHub:
    """A stand-in for the huggingface_hub package."""

    def __init__(self, answer) -> None:
        self.answer, self.asked = answer, []

    def snapshot_download(self, repo, *, revision, allow_patterns):
        self.asked.append((repo, revision, allow_patterns))
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


def test_a_hub_is_fetched_from_and_then_sent(project, capsys, monkeypatch, tmp_path):
    fake = FakeHub(project.root / "weights")
    monkeypatch.setattr(hub, "sdk", lambda *_: fake)
    file = str(project.root / "project.yaml")
    assert (
        run(["weights", "push", "story", "-f", file, "--from", "hf://org/gpt2@v1", "--include", "*.safetensors"]) == 0
    )
    assert fake.asked == [("org/gpt2", "v1", ["*.safetensors"])]
    assert "1 file" in capsys.readouterr().out


def test_what_the_hub_refuses_is_a_named_error(monkeypatch):
    monkeypatch.setattr(hub, "sdk", lambda *_: FakeHub(OSError("\n401 Client Error.\nmore")))
    with pytest.raises(ProjectError, match=r"cannot fetch hf://org/x: 401 Client Error\.") as error:
        hub.fetch("hf://org/x")
    assert code(error) == "X162"
    with pytest.raises(ProjectError) as error:
        hub.fetch("hf://a/b/c")
    assert code(error) == "X162"


def test_without_the_hubs_package_it_is_a_named_error(monkeypatch):
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(sdks, "import_module", missing)
    with pytest.raises(ProjectError, match="huggingface_hub") as error:
        hub.fetch("hf://org/x")
    assert code(error) == "X130"


def test_the_hubs_own_package_takes_what_it_is_given():
    """Its real signature: a fake that takes anything would not notice a change."""
    import inspect

    import huggingface_hub

    inspect.signature(huggingface_hub.snapshot_download).bind("org/x", revision=None, allow_patterns=None)


def test_an_object_at_a_buckets_root_has_no_slash_before_it():
    assert Place("aws", "us-east-1", "b", "").key("a/b") == "a/b"
    assert Place("aws", "us-east-1", "b", "").uri == "s3://b"
