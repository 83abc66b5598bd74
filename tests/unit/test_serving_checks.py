"""What a cluster refuses, or takes though it is dead afterwards (C6xx): each page, and what the pages do not show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.resolve import resolve
from workaday.checks import serving
from workaday.project import ProjectError, codes, load

PAGES = [page for code in codes.codes() if code.startswith("C6") and (page := codes.page(code))]
HEAD = "version: 1\nname: shop\nplatform: {kind: aws, region: us-east-1}\nmodels:\n  - name: story\n"
TORCH = "    server: {kind: torch, predictor: models/story/predictor.py}\n"


@pytest.fixture
def found(tmp_path: Path) -> Callable[[str], ProjectError]:
    def check(text: str) -> ProjectError:
        predictor = tmp_path / "models" / "story" / "predictor.py"
        predictor.parent.mkdir(parents=True, exist_ok=True)
        predictor.write_text("class Predictor:\n    def predict(self, payload):\n        return payload\n")
        (tmp_path / "project.yaml").write_text(text)
        loaded = load(tmp_path / "project.yaml")
        return ProjectError(
            serving.check(loaded, resolve(loaded.project, read_inputs(loaded), "default")), loaded.sources
        )

    return check


def test_every_code_has_its_page() -> None:
    assert [page.code for page in PAGES] == [f"C{number}" for number in range(601, 614)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_bad_example_yields_exactly_its_code_with_a_place(page, found) -> None:
    error = found(page.bad[0].text)
    assert [each.code for each in error.diagnostics] == [page.code]
    assert error.sources
    assert error.sources.locate(error.diagnostics[0].path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_good_example_has_no_finding(page, found) -> None:
    assert found(page.good[0].text).diagnostics == ()


@pytest.mark.parametrize(
    ("model", "codes"),
    [
        ("    server: {kind: vllm, args: {model: org/name}}\n", []),
        ("    server: {kind: vllm}\n", ["C603"]),
        ("    server: {kind: container, image: a/b:1}\n    scale: {max: 2, metric: in_flight}\n", ["C601"]),
        ("    server: {kind: container, image: a/b:1}\n    scale: {max: 2, metric: cpu}\n", []),
        ("    server: {kind: container, image: a/b:1}\n    scale: {min: 0, max: 2}\n", ["C604"]),
        (TORCH + '    scale: {min: 0, max: 2, schedule: [{cron: "0 8 * * *", for: 1h, min: 1}]}\n', []),
        (TORCH + "    scale: {min: 0, max: 2}\ngateway: {host: a.example}\n", []),
        (TORCH + "    scale: {max: 2, metric: latency, target: 1s}\n", []),
        (TORCH + "    secrets: {PROTOCOL: {secret: a, key: b}}\n", ["C602"]),
        (TORCH + '    scale: {max: 2, schedule: [{cron: "*/5 * * * *", for: 1m, min: 1}]}\n', ["C605"]),
        (TORCH + "    weights: {local: models/story}\n", []),
        (TORCH + "    compute: {shm: 2Gi}\n", ["C608"]),
        (TORCH + f"    canary: {{overrides: {{env: {{A: b}}}}}}\n  - name: story-canary\n{TORCH}", ["C611"]),
    ],
)
def test_what_the_pages_do_not_show(model, codes, found) -> None:
    assert [each.code for each in found(HEAD + model).diagnostics] == codes


def test_a_default_metric_is_one_that_the_server_says(found) -> None:
    for kind in ("vllm", "huggingface", "triton", "tensorflow", "torchserve"):
        assert found(HEAD + f'    server: {{kind: {kind}}}\n    weights: {{uri: "s3://a/b"}}\n').diagnostics == ()


@pytest.mark.parametrize(
    ("partition", "count", "codes"),
    [("1g.10gb", 1, ["C202"]), ("1g.10gb", 2, []), ("2g.20gb", 1, []), ("3g.40gb+me", 1, [])],
)
def test_parts_of_a_card_have_the_memory_that_their_name_says(partition, count, codes, found) -> None:
    pools = f"{{name: gpu, accelerator: {{type: A100, share: mig, partition: {partition}}}, nodes: {{max: 4}}}}"
    text = HEAD.replace("models:", f"pools:\n  - {pools}\nmodels:").replace(
        "{kind: aws, region: us-east-1}", "{kind: existing, context: a}\nregistry: {prefix: a.example/b}"
    )
    compute = f"    compute: {{gpu: {{type: A100, memory: 15Gi, count: {count}}}}}\n"
    found_ = found(text + TORCH + compute)
    assert [each.code for each in found_.diagnostics] == codes
    if codes:
        assert found_.diagnostics[0].path == ("models", 0, "compute", "gpu", "memory")


@pytest.mark.parametrize("name", ["pools", "team", "gateway", "observability", "story-canary"])
def test_no_pipeline_and_no_model_has_the_name_of_a_shared_release(name: str, found) -> None:
    canary = "    canary: {percent: 10, overrides: {config: {a: 1}}}\n"
    pipeline = f"pipelines:\n  - {{name: {name}, steps: [{{name: a, model: story}}]}}\n"
    assert [each.code for each in found(HEAD + TORCH + canary + pipeline).diagnostics] == ["C611"]
    other = f"  - name: {name}\n" + TORCH
    assert [each.code for each in found(HEAD + TORCH + canary + other).diagnostics] == ["C611"]


def test_two_at_one_path_by_a_name(found, tmp_path: Path) -> None:
    from workaday.checks import routes

    found(HEAD + TORCH + "  - name: b\n" + TORCH + "    route: {path: /story}\n")
    loaded = load(tmp_path / "project.yaml")
    said = routes.check(loaded, resolve(loaded.project, read_inputs(loaded), "default"))
    assert [(each.code, each.path) for each in said] == [("C111", ("models", 1, "route", "path"))]
