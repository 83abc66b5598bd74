from __future__ import annotations

import pytest

from workaday.project import ProjectError, diff, load
from workaday.project.environments import environments

BASE = """\
version: 1
name: dungeon
platform: {kind: aws, region: us-east-1, tags: {team: stories}}
overlays: [overlays/team]
pools:
  - {name: gpu, accelerator: L4, nodes: {min: 1, max: 4}}
  - {name: cpu, instances: [m7i.large, m6i.large]}
models:
  - name: story
    server: {kind: torch, predictor: models/story/predictor.py}
    scale: {min: 1, max: 2}
"""
OVERLAY = """\
platform: {kubernetes: "1.34", tags: {owner: platform}}
pools:
  - {name: cpu, disk: 100Gi}
observability: {dashboards: true}
"""
PROD = """\
platform: {kubernetes: "1.35"}
pools:
  - {name: cpu, instances: [m7i.xlarge]}
  - {name: gpu, nodes: {max: 24}}
  - {name: big, accelerator: {type: H100, count: 8}}
models:
  - name: story
    scale: {max: 20}
"""


@pytest.fixture
def stages(folder):
    folder.write("project.yaml", BASE)
    folder.write("overlays/team/defaults.yaml", OVERLAY)
    folder.write("environments/prod.yaml", PROD)
    folder.write("environments/dev.yaml", "pools:\n  - {name: gpu, remove: true}\n")
    return folder


def test_maps_merge_and_named_lists_merge_by_name(stages):
    project = stages.load(env="prod").project
    pools = {pool.name: pool for pool in project.pools}
    assert project.platform.kubernetes == "1.35"
    assert project.platform.tags == {"owner": "platform", "team": "stories"}
    assert project.observability.dashboards is True
    assert (pools["gpu"].nodes.min, pools["gpu"].nodes.max) == (1, 24)
    assert pools["cpu"].instances == ("m7i.xlarge",), "a list without names is replaced"
    assert pools["cpu"].disk == 100 * 2**30
    assert pools["big"].accelerator.count == 8
    assert project.models[0].scale.max == 20


def test_a_map_of_another_kind_replaces(stages):
    stages.write(
        "environments/gcp.yaml",
        "platform: {kind: gcp, project: stories-prod, region: us-central1}\n"
        "models:\n  - {name: story, server: {kind: vllm, args: {dtype: half}}, weights: {uri: 's3://b/w'}}\n",
    )
    project = stages.load(env="gcp").project
    assert project.platform.tags is None, "another cloud's tags and region are not this one's"
    assert (project.models[0].server.kind, project.models[0].server.args) == ("vllm", {"dtype": "half"})
    assert project.models[0].scale.max == 2, "the model itself merges"
    stages.write("environments/same.yaml", "platform: {kind: aws, region: us-west-2}\n")
    assert stages.load(env="same").project.platform.tags == {"owner": "platform", "team": "stories"}


def test_remove_deletes(stages):
    assert [pool.name for pool in stages.load(env="dev").project.pools] == ["cpu"]


def test_without_an_environment_the_project_file_stands(stages):
    loaded = stages.load()
    assert loaded.env is None
    assert loaded.project.platform.kubernetes == "1.34"


def test_every_file_that_was_read_is_listed(stages):
    files = [path.relative_to(stages.root).as_posix() for path in stages.load(env="prod").files]
    assert files == [
        "overlays/team/defaults.yaml",
        "project.yaml",
        "environments/prod.yaml",
        "models/story/predictor.py",
    ]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("platform", "region"), "project.yaml:3"),
        (("platform", "kubernetes"), "environments/prod.yaml:1"),
        (("platform", "tags", "owner"), "overlays/team/defaults.yaml:1"),
        (("observability", "dashboards"), "overlays/team/defaults.yaml:4"),
        (("models", 0, "scale", "min"), "project.yaml:11"),
        (("models", 0, "scale", "max"), "environments/prod.yaml:8"),
    ],
)
def test_a_value_comes_from_the_file_that_set_it_last(stages, path, place):
    span = stages.load(env="prod").sources.origin(path)
    assert f"{span.file}:{span.line}" == place


def test_items_are_found_by_name_whatever_their_place(stages):
    loaded = stages.load(env="prod")
    index = [pool.name for pool in loaded.project.pools].index("gpu")
    highest = loaded.sources.origin(("pools", index, "nodes", "max"))
    lowest = loaded.sources.origin(("pools", index, "nodes", "min"))
    assert (highest.file, highest.line) == ("environments/prod.yaml", 4)
    assert (lowest.file, lowest.line) == ("project.yaml", 6)


def test_what_no_file_sets_has_no_origin_but_a_nearest_place(stages):
    sources = stages.load().sources
    assert sources.origin(("gateway", "host")) is None
    assert sources.origin(("models", 0, "scale", "metric")) is None
    assert sources.locate(("models", 0, "scale", "metric")).line == 11


def test_a_map_is_located_where_it_is_declared_first(stages):
    sources = stages.load(env="prod").sources
    assert sources.locate(("platform",)).file == "overlays/team/defaults.yaml"
    index = [pool.name for pool in stages.load(env="prod").project.pools].index("big")
    assert sources.locate(("pools", index)).file == "environments/prod.yaml"


def test_the_difference_of_two_environments(stages):
    changes = {
        change.path: (change.old, change.new) for change in diff(stages.load(env="dev"), stages.load(env="prod"))
    }
    assert changes == {
        "platform.kubernetes": ("1.34", "1.35"),
        "pools[cpu].instances": (["m7i.large", "m6i.large"], ["m7i.xlarge"]),
        "pools[gpu]": (None, {"name": "gpu", "accelerator": "L4", "nodes": {"min": 1, "max": 24}}),
        "pools[big]": (None, {"name": "big", "accelerator": {"type": "H100", "count": 8}}),
        "models[story].scale.max": (2, 20),
    }


def test_a_change_knows_where_it_was_written(stages):
    (change,) = [c for c in diff(stages.load(), stages.load(env="prod")) if c.path == "models[story].scale.max"]
    assert (change.origin.file, change.origin.line) == ("environments/prod.yaml", 8)
    (gone,) = [c for c in diff(stages.load(), stages.load(env="dev")) if c.new is None]
    assert (gone.path, gone.origin) == ("pools[gpu]", None)


def test_an_environment_differs_from_itself_in_nothing(stages):
    assert diff(stages.load(env="prod"), stages.load(env="prod")) == []


def test_environments_are_listed(stages):
    assert environments(stages.root) == ["dev", "prod"]


@pytest.mark.parametrize("env", ["../prod", "prod.yaml", "", "environments/prod"])
def test_an_environment_is_a_name_and_no_path(stages, env):
    stages.write("prod.yaml", "name: elsewhere\n")
    with pytest.raises(ProjectError) as raised:
        load(stages.root / "project.yaml", env)
    assert [found.code for found in raised.value.diagnostics] == ["P301"]


def test_an_error_in_a_merged_item_points_into_the_file_that_wrote_it(stages):
    stages.write("environments/prod.yaml", "pools:\n  - {name: cpu, disk: lots}\n")
    error = stages.error(env="prod")
    span = error.sources.locate(error.diagnostics[0].path)
    assert (span.file, span.line, span.column) == ("environments/prod.yaml", 2, 23)
