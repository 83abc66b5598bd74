"""The Blueprint: defaults, their reasons, and revisions that change exactly when what is served does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from workaday.blueprint.inputs import code_digest, read_inputs
from workaday.blueprint.model import Blueprint
from workaday.blueprint.resolve import resolve
from workaday.project import load
from workaday.render.local import server_entry

CODE = "class Predictor:\n    example = {'text': 'hi'}\n\n    def __init__(self, config):\n        pass\n"


def blueprint(folder: Path, **changes: Any) -> Blueprint:
    (folder / "models").mkdir(exist_ok=True)
    code = folder / "models" / "predictor.py"
    if not code.exists():
        code.write_text(CODE)
    model = {"name": "story", "server": {"kind": "torch", "predictor": "models/predictor.py"}} | changes.pop(
        "model", {}
    )
    project = {"version": 1, "name": "shop", "platform": {"kind": "local"}, "models": [model]} | changes
    (folder / "project.yaml").write_text(yaml.safe_dump(project))
    loaded = load(folder / "project.yaml")
    return resolve(loaded.project, read_inputs(loaded), "default")


def test_the_shortest_project_has_every_default(tmp_path: Path) -> None:
    found = blueprint(tmp_path)
    model = found.models[0]
    assert found.namespace == "shop"
    assert model.route == "/story"
    assert (model.limits.concurrency, model.limits.queue, model.limits.timeout_seconds) == (1, 64, 60.0)
    assert (model.scale.min, model.scale.max, model.scale.metric, model.scale.target) == (1, 1, "in_flight", 0.6)
    assert model.example == {"text": "hi"}
    assert [process.port for process in found.processes] == [8080]


def test_batching_sets_the_concurrency_and_the_target(tmp_path: Path) -> None:
    found = blueprint(tmp_path, model={"batching": {"max_size": 8}})
    assert found.models[0].limits.concurrency == 8
    assert found.models[0].scale.target == 4.8
    assert found.values["models", 0, "scale", "target"].because == "0.6 of `limits.concurrency` 8"


def test_generation_sets_the_concurrency_and_reaches_the_server(tmp_path: Path) -> None:
    found = blueprint(tmp_path, model={"generation": {"kv_cache": "2Gi"}})
    (model,) = found.models
    assert model.limits.concurrency == 16
    assert found.values["models", 0, "limits", "concurrency"].because == "`generation.max_batch` 16"
    wanted = {"kv_cache_bytes": 2 * 2**30, "max_batch": 16, "prefill_tokens": None}
    entry = server_entry(model, lambda path: path)
    assert entry["generation"] == wanted
    assert "generation" not in server_entry(blueprint(tmp_path).models[0], lambda path: path)
    assert model.revision != blueprint(tmp_path, model={"generation": {}}).models[0].revision


def test_what_is_written_has_no_derivation(tmp_path: Path) -> None:
    found = blueprint(tmp_path, model={"limits": {"queue": 3}})
    assert found.values["models", 0, "limits", "queue"].value == 3
    assert found.values["models", 0, "limits", "queue"].because is None


def test_a_model_with_requirements_has_its_own_environment_process_and_port(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    alone = {"server": {"kind": "torch", "predictor": "models/predictor.py", "requirements": "requirements.txt"}}
    both = [{"name": "a", "server": {"kind": "torch", "predictor": "models/predictor.py"}}, {"name": "b"} | alone]
    found = blueprint(tmp_path, models=both)
    assert [(each.name, each.port, each.environment) for each in found.processes] == [
        ("main", 8080, "base"),
        ("b", 8081, "b"),
    ]
    assert [each.name for each in found.environments] == ["base", "b"]
    before = found.environments[1].fingerprint
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    assert blueprint(tmp_path, models=both).environments[1].fingerprint != before


def test_a_project_of_isolated_models_only_has_no_main_process(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    server = {"kind": "torch", "predictor": "models/predictor.py", "requirements": "requirements.txt"}
    assert [each.name for each in blueprint(tmp_path, model={"server": server}).processes] == ["story"]


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"x": 1}},
        {"env": {"A": "b"}},
        {"limits": {"queue": 1}},
        {"batching": {"max_size": 2}},
        {"route": {"path": "/x"}},
    ],
)
def test_the_revision_changes_with_what_is_served(tmp_path: Path, change: dict[str, Any]) -> None:
    assert blueprint(tmp_path).models[0].revision != blueprint(tmp_path, model=change).models[0].revision


def test_the_revision_changes_with_the_code_and_what_it_may_import(tmp_path: Path) -> None:
    first = blueprint(tmp_path).models[0].revision
    (tmp_path / "models" / "helper.py").write_text("X = 1\n")
    second = blueprint(tmp_path).models[0].revision
    (tmp_path / "models" / "helper.py").write_text("X = 2\n")
    assert len({first, second, blueprint(tmp_path).models[0].revision}) == 3


@pytest.mark.parametrize("change", [{"scale": {"max": 9}}, {"compute": {"cpu": 2}}, {"slo": {"p99": "1s"}}])
def test_the_revision_stays_where_the_server_would_not_notice(tmp_path: Path, change: dict[str, Any]) -> None:
    assert blueprint(tmp_path).models[0].revision == blueprint(tmp_path, model=change).models[0].revision


def test_pools_are_derived_from_what_the_models_ask_for(tmp_path: Path) -> None:
    found = blueprint(
        tmp_path,
        platform={"kind": "aws", "region": "us-east-1"},
        model={"compute": {"gpu": {"type": "L4", "count": 1}}, "scale": {"max": 5}},
    )
    assert [(pool.name, pool.gpu_type, pool.gpu_count, pool.nodes_max, pool.derived) for pool in found.pools] == [
        ("gpu-l4", "L4", 1, 6, True)  # one more while a revision rolls
    ]
    assert found.models[0].pools == ("gpu-l4",)


@pytest.mark.parametrize(
    ("file", "noticed"),
    [
        ("models/a/labels.txt", True),
        ("models/a/below/table.csv", True),
        ("models/a/helper.py", True),
        ("models/a/.notes", False),
        ("models/a/__pycache__/helper.pyc", False),
        ("models/a/weights/small.json", False),
        ("models/b/labels.txt", False),
        ("deploy/default/process.py", False),
    ],
)
def test_a_change_beside_a_predictor_is_noticed(tmp_path: Path, file: str, noticed: bool) -> None:
    predictor, weights = tmp_path / "models/a/predictor.py", {tmp_path / "models/a/weights"}
    for each in (predictor, tmp_path / file):
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_text("one")
    before = code_digest(predictor, tmp_path, weights)
    (tmp_path / file).write_text("two")
    assert (code_digest(predictor, tmp_path, weights) != before) is noticed


def test_beside_a_predictor_only_modest_data_counts(tmp_path: Path) -> None:
    predictor = tmp_path / "own/predictor.py"
    predictor.parent.mkdir()
    predictor.write_text("")
    before = code_digest(predictor, tmp_path)
    (tmp_path / "own/large.bin").write_bytes(bytes(2**20 + 1))
    assert code_digest(predictor, tmp_path) == before
    assert code_digest(predictor, predictor.parent) == before
    (tmp_path / "own/notes.txt").write_text("beside project.yaml")
    assert code_digest(predictor, predictor.parent) == before


def test_a_predictor_beside_the_project_file_does_not_see_the_tree(tmp_path: Path) -> None:
    predictor = tmp_path / "predictor.py"
    predictor.write_text("")
    before = code_digest(predictor, tmp_path)
    for file in ("deploy/default/terraform/modules/local/process.py", "project.yaml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x")
    assert code_digest(predictor, tmp_path) == before
    (tmp_path / "helper.py").write_text("")
    assert code_digest(predictor, tmp_path) != before


def test_how_long_loading_may_take_is_the_project_file_s_to_say(tmp_path: Path) -> None:
    assert blueprint(tmp_path).models[0].load_timeout_seconds == 600
    assert blueprint(tmp_path, model={"limits": {"startup_timeout": "20m"}}).models[0].load_timeout_seconds == 1200
