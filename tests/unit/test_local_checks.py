"""What the local platform refuses before anything starts: the text that people read."""

from __future__ import annotations

from pathlib import Path

import pytest

PREDICTOR = "class Predictor:\n    def __init__(self, config):\n        pass\n"
HEAD = "version: 1\nname: shop\nplatform: {kind: local}\nmodels:\n"
TORCH = "server: {kind: torch, predictor: p.py}"


@pytest.mark.parametrize(
    ("models", "code", "said"),
    [
        (f"  - name: a\n    {TORCH}\n    weights: {{uri: 's3://b/x'}}\n", "L102", "project.yaml:7:20"),
        (
            "  - name: a\n    server: {kind: vllm}\n    weights: {uri: 'hf://o/m', local: p.py}\n",
            "L103",
            "project.yaml:6:20",
        ),
        (f"  - name: a\n    {TORCH}\n    weights: {{local: nowhere}}\n", "L104", "no such file or folder"),
        (
            f"  - name: a\n    {TORCH}\n  - name: b\n    {TORCH}\n    route: {{path: /a}}\n",
            "L105",
            "answers at /a too",
        ),
        (
            f"  - name: a\n    {TORCH}\n"
            "pipelines:\n  - {name: b, steps: [{name: c, model: a}], route: {path: /a}}\n",
            "L105",
            "`b` answers at /a, as `a` does",
        ),
        (
            "  - name: main\n    server: {kind: torch, predictor: p.py, requirements: p.py}\n",
            "L106",
            "the shared process `main`",
        ),
    ],
)
def test_named_errors(workaday, tmp_path: Path, models: str, code: str, said: str) -> None:
    (tmp_path / "p.py").write_text(PREDICTOR)
    (tmp_path / "project.yaml").write_text(HEAD + models)
    for verb in ("validate", "render", "plan"):
        done = workaday(verb)
        assert done.returncode == 1
        assert f"error[{code}]" in done.stderr
        assert said in done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["p.py", "project.yaml"], "nothing was written"


def test_several_findings_come_at_once_in_the_order_of_the_file(workaday, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(PREDICTOR)
    models = (
        f"  - name: a\n    {TORCH}\n    weights: {{local: nowhere}}\n"
        "  - name: b\n    server: {kind: triton}\n    weights: {local: p.py}\n"
    )
    (tmp_path / "project.yaml").write_text(HEAD + models)
    said = workaday("validate").stderr
    assert said.index("L104") < said.index("L103")


def test_a_cluster_that_is_nowhere_is_said_at_the_context(workaday, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(PREDICTOR)
    platform = "{kind: existing, context: prod, kubeconfig: nowhere}\nregistry: {prefix: ghcr.io/team}"
    (tmp_path / "project.yaml").write_text(HEAD.replace("{kind: local}", platform) + f"  - name: a\n    {TORCH}\n")
    assert workaday("render").returncode == 0
    assert (tmp_path / "deploy/default/releases/a.json").is_file()
    for verb in ("plan", "apply", "status"):
        done = workaday(verb)
        assert done.returncode == 1
        assert "error[X181]: there is no kubeconfig" in done.stderr
        assert "(platform.context)" in done.stderr
