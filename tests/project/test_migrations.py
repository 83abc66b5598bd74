from __future__ import annotations

import pytest

from workaday.project import ProjectError, render_text
from workaday.project.migrations import upgrade
from workaday.project.source import parse

OLD = """\
# dungeon, as it was before the first release
version: 0   # made up
name: dungeon
platform: {kind: aws, region: us-east-1}

node_groups:
  - name: gpu          # the one that matters
    instances: [g4dn.xlarge]
    min_instances: 0   # sleeps at night
    max_instances: 5   # what we can pay
    spot: true
  - {name: cpu, instances: [m7i.large], min_instances: 1, max_instances: 3, disk: 50Gi}

apis:
  - name: "story"
    server:
      kind: python     # ours
      predictor: models/story/predictor.py
    node_groups: [gpu]
    compute: {cpu: 1, mem: 4Gi}

    autoscaling:
      min_replicas: 1
      max_replicas: 4
      # one prediction fills the GPU
      target_in_flight: 1
"""

NEW = """\
# dungeon, as it was before the first release
version: 1   # made up
name: dungeon
platform: {kind: aws, region: us-east-1}

pools:
  - name: gpu          # the one that matters
    instances: [g4dn.xlarge]
    nodes: {min: 0, max: 5}   # sleeps at night
       # what we can pay
    spot: true
  - {name: cpu, instances: [m7i.large], nodes: {min: 1, max: 3}, disk: 50Gi}

models:
  - name: "story"
    server:
      kind: torch     # ours
      predictor: models/story/predictor.py
    pools: [gpu]
    compute: {cpu: 1, memory: 4Gi}

    scale:
      min: 1
      max: 4
      # one prediction fills the GPU
      target: 1
"""


def test_an_old_file_keeps_its_comments_order_and_quotes(folder):
    path = folder.write("project.yaml", OLD)
    (rewritten,) = upgrade(path)
    assert rewritten.new.decode() == NEW
    assert rewritten.old.decode() == OLD
    assert "apis is now called `models`" in rewritten.changes
    assert path.read_text() == OLD, "upgrade writes nothing itself"


def test_the_upgraded_file_is_valid(folder):
    (rewritten,) = upgrade(folder.write("project.yaml", OLD))
    loaded = folder.load(rewritten.new)
    assert loaded.project.models[0].scale.max == 4
    assert [pool.nodes.max for pool in loaded.project.pools] == [5, 3]


def test_a_current_file_stays(folder, minimal):
    assert upgrade(folder.write("project.yaml", minimal)) == []


def test_line_ends_and_byte_order_mark_stay(folder):
    raw = b"\xef\xbb\xbf" + OLD.replace("\n", "\r\n").encode()
    (rewritten,) = upgrade(folder.write("project.yaml", raw))
    assert rewritten.new == b"\xef\xbb\xbf" + NEW.replace("\n", "\r\n").encode()


def test_environments_and_overlays_are_rewritten_with_the_project(folder):
    path = folder.write("project.yaml", OLD + "overlays: [./overlays/team]\n")
    folder.write("environments/prod.yaml", "apis:\n  - {name: story, autoscaling: {min_replicas: 2}}  # busy\n")
    folder.write("overlays/team/defaults.yaml", "apis: []\n")
    texts = {each.path.name: each.new.decode() for each in upgrade(path)}
    assert texts["prod.yaml"] == "models:\n  - {name: story, scale: {min: 2}}  # busy\n"
    assert texts["defaults.yaml"] == "models: []\n"


def test_loading_an_old_file_names_the_way_out(folder):
    error = folder.error(OLD)
    text = render_text(error.diagnostics, error.sources)
    assert [found.code for found in error.diagnostics] == ["P307"]
    assert "project.yaml:2:10" in text
    assert "workaday upgrade" in text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("version: 0\napis: []\nmodels: []\n", "project.yaml:2:1"),
        ("version: 0\npools:\n  - nodes: {min: 1}\n    min_instances: 2\n", "project.yaml:3:5"),
        ("version: 0\npools:\n  - min_instances:\n      2\n", "project.yaml:3:5"),
    ],
)
def test_what_an_edit_does_not_fit_is_an_error_with_a_place(folder, text, place):
    with pytest.raises(ProjectError) as raised:
        upgrade(folder.write("project.yaml", text))
    error = raised.value
    assert [found.code for found in error.diagnostics] == ["P308"]
    assert place in render_text(error.diagnostics, error.sources)


@pytest.mark.parametrize(("text", "code"), [("version: 9\n", "P306"), ("version: -1\n", "P306")])
def test_an_unknown_version_is_not_upgraded(folder, text, code):
    with pytest.raises(ProjectError) as raised:
        upgrade(folder.write("project.yaml", text))
    assert [found.code for found in raised.value.diagnostics] == [code]


def test_an_aliased_part_is_edited_once(folder):
    text = "version: 0\napis:\n  - {name: a, compute: &c {mem: 1Gi}}\n  - {name: b, compute: *c}\n"
    (rewritten,) = upgrade(folder.write("project.yaml", text))
    models = parse(rewritten.new.decode(), "project.yaml").data["models"]
    assert [model["compute"] for model in models] == [{"memory": "1Gi"}, {"memory": "1Gi"}]
