"""What images are called, what the lock says of them, and where those of others are pulled from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workaday.blueprint import images
from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.model import Blueprint
from workaday.blueprint.resolve import resolve
from workaday.project import load
from workaday.project.diagnostics import ProjectError
from workaday.project.lock import LOCK_NAME
from workaday.render import render

DIGEST, OTHER = (f"sha256:{each * 64}" for each in "ab")
PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: prod}
registry: {prefix: ghcr.io/team, pull_secret: pull%(mirror)s}
models:
  - name: story
    server: {kind: torch, predictor: story/predictor.py, requirements: story/requirements.txt}
    scale: {min: 1, max: 4, headroom: 1}
  - name: chat
    server: {kind: vllm}
    weights: {uri: "oci://quay.io/team/weights:1"}
  - name: other
    server: {kind: container, image: "ghcr.io/team/other:1"}
"""


@pytest.fixture
def blueprint(tmp_path: Path):
    def make(mirror: str = "") -> Blueprint:
        (tmp_path / "project.yaml").write_text(PROJECT % {"mirror": mirror and f", mirror: {mirror}"})
        loaded = load(tmp_path / "project.yaml")
        return resolve(loaded.project, read_inputs(loaded), "default")

    (tmp_path / "story").mkdir()
    (tmp_path / "story" / "predictor.py").write_text("class Predictor: pass\n")
    (tmp_path / "story" / "requirements.txt").write_text("six\n")
    return make


def container(blueprint: Blueprint, index: int = 0):
    return blueprint.serving[index].container


def test_an_image_without_a_digest_is_named_by_its_tag(blueprint):
    found = container(blueprint())
    assert found.image == found.built
    assert found.image.startswith("ghcr.io/team/story:")


@pytest.mark.parametrize("changed", ["story/predictor.py", "story/requirements.txt", "story/data.txt"])
def test_the_tag_changes_with_what_is_in_the_image(blueprint, tmp_path, changed):
    before = container(blueprint()).built
    with (tmp_path / changed).open("a") as file:
        file.write("# more\n")
    assert container(blueprint()).built != before


def test_an_image_for_gpus_has_another_tag():
    of_cpu, of_gpu = (images.reference("r", "story", "code", None, gpu=gpu) for gpu in (False, True))
    assert of_cpu != of_gpu


def test_the_charts_take_the_digest_of_this_very_tag(blueprint, tmp_path):
    built = container(blueprint()).built
    lock = tmp_path / LOCK_NAME
    lock.write_text(images.with_images(None, {built: DIGEST}, None))
    found = blueprint()
    assert container(found).image == f"ghcr.io/team/story@{DIGEST}"
    assert container(found).built == built
    assert json.loads(render(found)["releases/story.json"])["models"][0]["image"] == f"ghcr.io/team/story@{DIGEST}"
    (tmp_path / "story" / "predictor.py").write_text("class Predictor: another = 1\n")
    changed = container(blueprint())
    assert changed.image == changed.built != built  # the digest is that of the old code


def test_a_lock_keeps_what_others_own_and_drops_what_nobody_expects():
    before = json.dumps({"prices": {"aws": {}}, "images": {"r/story:1": DIGEST, "r/story:2": DIGEST, "r/b:1": DIGEST}})
    found = json.loads(images.with_images(before, {"r/story:3": OTHER}, {"r/story:2", "r/story:3"}))
    assert found == {"prices": {"aws": {}}, "images": {"r/b:1": DIGEST, "r/story:2": DIGEST, "r/story:3": OTHER}}
    unknown = json.loads(images.with_images(before, {"r/story:3": OTHER}, None))
    assert set(unknown["images"]) == {"r/b:1", "r/story:1", "r/story:2", "r/story:3"}


@pytest.mark.parametrize("text", ["<<<<<<< HEAD", "[]", '{"images": []}', '{"images": {"r/a:1": "latest"}}'])
def test_a_lock_that_cannot_be_read_is_said(blueprint, tmp_path, text):
    (tmp_path / LOCK_NAME).write_text(text)
    with pytest.raises(ProjectError) as refused:
        blueprint()
    assert [each.code for each in refused.value.diagnostics] == ["X133"]


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("ghcr.io/team/story:1", "ghcr.io/team/story"),
        (f"localhost:5000/story:1@{DIGEST}", "localhost:5000/story"),
        ("localhost:5000/story", "localhost:5000/story"),
        ("busybox", "busybox"),
    ],
)
def test_a_repository_is_a_reference_without_tag_and_digest(image, repository):
    assert images.repository(image) == repository


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("busybox:1", "docker.io/library/busybox:1"),
        ("vllm/vllm-openai:v1", "docker.io/vllm/vllm-openai:v1"),
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("localhost/a", "localhost/a"),
        ("registry:5000/a", "registry:5000/a"),
    ],
)
def test_a_full_name_has_its_registry(image, name):
    assert images.full_name(image) == name


def test_the_list_has_every_image_that_the_tree_needs(blueprint):
    found = blueprint()
    assert sorted(render(found)["images.txt"].decode().split()) == sorted(
        [
            container(found).image,
            "ghcr.io/team/other:1",
            "quay.io/team/weights:1",
            "registry.k8s.io/pause:3.10",
            "vllm/vllm-openai-cpu:v0.24.0",
        ]
    )


def test_a_mirror_is_where_images_of_others_come_from(blueprint):
    found = blueprint("registry.local:5000/mirror")
    tree = render(found)
    pairs = [line.split() for line in tree["images.txt"].decode().splitlines()]
    at = "registry.local:5000/mirror"
    assert sorted(pairs) == sorted(
        [
            [container(found).built],
            ["ghcr.io/team/other:1"],  # below the prefix: it is ours
            ["docker.io/vllm/vllm-openai-cpu:v0.24.0", f"{at}/docker.io/vllm/vllm-openai-cpu:v0.24.0"],
            ["quay.io/team/weights:1", f"{at}/quay.io/team/weights:1"],
            ["registry.k8s.io/pause:3.10", f"{at}/registry.k8s.io/pause:3.10"],
        ]
    )
    story, chat = (json.loads(tree[f"releases/{each}.json"])["models"][0] for each in ("story", "chat"))
    assert story["headroom"]["image"] == f"{at}/registry.k8s.io/pause:3.10"
    assert chat["image"] == f"{at}/docker.io/vllm/vllm-openai-cpu:v0.24.0"
    assert chat["weights"] == f"oci://{at}/quay.io/team/weights:1"
    assert {story["pullSecret"], chat["pullSecret"]} == {"pull"}
