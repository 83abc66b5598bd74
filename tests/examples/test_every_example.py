"""Each folder of examples/ is a valid project, on this machine and on each cloud, and complete in itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from workaday.project import load

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(each.parent.name for each in EXAMPLES.glob("*/project.yaml"))
CLOUDS = ("aws", "gcp", "azure")


@pytest.mark.parametrize("env", [None, *CLOUDS])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_valid_and_renders(name: str, env: str | None, workaday, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", ".workaday", "deploy")
    shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored)
    stage = ["--env", env] if env else []
    checked = workaday("validate", *stage, cwd=tmp_path / name)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr
    rendered = workaday("render", *stage, cwd=tmp_path / name)
    assert rendered.returncode == 0, rendered.stderr
    tree = tmp_path / name / "deploy" / (env or "default")
    assert (tree / "terraform/cluster").is_dir()
    assert any(tree.glob("charts/*")) == (env is not None)


@pytest.mark.parametrize("name", NAMES)
def test_its_readme_is_listed_and_names_no_missing_file(name: str) -> None:
    assert f"]({name}/README.md)" in (EXAMPLES / "README.md").read_text()
    text = (EXAMPLES / name / "README.md").read_text()
    assert "```" in text, "it shows what it does"
    for part in text.split("](")[1:]:
        target = part.partition(")")[0]
        if "://" not in target and not target.startswith("#"):
            assert (EXAMPLES / name / target.partition("#")[0]).exists(), target


COPIED = ("smollm2.py", "lite0.py", "lite0_weights.py", "minilm.py", "minilm_weights.py", "pictures.py")


@pytest.mark.parametrize("module", COPIED)
def test_the_copies_of_one_module_are_the_same(module: str) -> None:
    files = [*EXAMPLES.glob(f"*/models/*/{module}"), *(EXAMPLES.parent / "models").glob(f"*/{module}")]
    assert len(files) > 2
    copies = {each.read_bytes() for each in files}
    assert len(copies) == 1, "each example is complete in itself, as are the models; change all of them"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_assistant_is_vllm_on_a_cloud(cloud: str) -> None:
    file = EXAMPLES / "assistant" / "project.yaml"
    assert load(file, cloud).project.models[0].server.kind == "vllm"
    assert load(file).project.models[0].server.kind == "torch"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_dungeon_has_spot_with_fallback_a_queue_a_promise_and_a_budget(cloud: str) -> None:
    written = yaml.safe_load((EXAMPLES / "dungeon" / "environments" / f"{cloud}.yaml").read_text())
    project = load(EXAMPLES / "dungeon" / "project.yaml", cloud).project
    story, pool = project.models[0], project.pools[0]
    assert pool.accelerator.type in ("L4", "T4")
    assert (pool.spot.fallback, pool.spot.on_demand_base) == ("on_demand", 1)
    assert story.weights.uri.endswith("gpt2-xl")
    assert story.scale.metric == "queue"
    assert story.slo.p99
    assert written["platform"]["budget"]["monthly"] == 4000
