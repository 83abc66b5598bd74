from __future__ import annotations

from pathlib import Path

import pytest

from workaday.project import Diagnostic, ProjectError, load, render_text, to_json
from workaday.project.source import parse

FULL = Path(__file__).parents[1] / "golden" / "project" / "full" / "project.yaml"


def test_the_design_file_loads_with_nothing_lost():
    project = load(FULL).project
    story = project.models[0]
    assert project.platform.kind == "aws"
    assert (story.compute.gpu.memory, story.limits.timeout, story.batching.max_wait) == (14 * 2**30, 60.0, 0.005)
    assert project.pipelines[0].steps[1].when == 'category.label != "book"'
    assert project.pools[0].spot.on_demand_base == 1
    assert project.addons.cert_manager.existing


def test_the_shortest_file_leaves_everything_else_open(folder, minimal):
    (model,) = folder.load(minimal).project.models
    assert (model.scale, model.compute, model.limits, model.route) == (None, None, None, None)


@pytest.mark.parametrize(
    ("written", "meant"), [("true", {}), ("false", None), ("{on_demand_base: 2}", {"on_demand_base": 2})]
)
def test_spot_in_short(folder, replaced, written, meant):
    pool = f"pools: [{{name: gpu, accelerator: L4, spot: {written}}}]\n"
    project = folder.load(replaced({"{kind: local}": "{kind: aws, region: us-east-1}"}) + pool).project
    spot = project.pools[0].spot
    assert (spot and spot.model_dump(exclude_none=True)) == meant


def test_a_project_cannot_be_changed(folder, minimal):
    from pydantic import ValidationError

    project = folder.load(minimal).project
    with pytest.raises(ValidationError, match="frozen"):
        project.name = "castle"


def test_json_has_positions_and_related_places(folder, minimal):
    error = folder.error(minimal + "    scale: {min: 8, max: 4}\n")
    (found,) = to_json(error.diagnostics, error.sources)
    assert found["key"] == "models[0].scale.min"
    assert found["position"] == {"file": "project.yaml", "line": 7, "column": 18, "end_column": 19}
    assert found["related"][0]["position"]["column"] == 26
    assert found["severity"] == "error"


def test_colour_changes_no_word(folder, minimal):
    import re

    error = folder.error(minimal + "    scale: {min: 8, max: 4}\nnme: x\n")
    coloured = render_text(error.diagnostics, error.sources, color=True)
    plain = render_text(error.diagnostics, error.sources)
    assert "\033[" in coloured
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == plain


def test_a_finding_without_a_file_is_printed_without_an_excerpt():
    error = ProjectError([Diagnostic("P301", "there is no environment `x`", label="did you mean `y`?")])
    assert (
        render_text(error.diagnostics, error.sources)
        == "error[P301]: there is no environment `x`\n  did you mean `y`?\n"
    )


def test_the_same_finding_is_told_once():
    found = Diagnostic("P201", "unknown key `x`")
    assert ProjectError([found, found]).diagnostics == (found,)


def test_a_credential_is_in_no_output(folder, minimal):
    secret = "hf_" + "a" * 30
    error = folder.error(minimal + f"    config: {{a: {secret}, b: {secret}}}\n    env: {{X: {secret}, DEBUG: no}}\n")
    assert len(error.diagnostics) == 4
    assert secret not in render_text(error.diagnostics, error.sources)
    assert secret not in str(to_json(error.diagnostics, error.sources))
    assert secret not in str(error)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0x10", 16),
        ("0o10", 8),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2026-11-24", "2026-11-24"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("~", None),
        ("off", False),
        ("1.30", 1.3),
        ('"1.30"', "1.30"),
    ],
)
def test_plain_values(text, value):
    assert parse(f"a: {text}\n", "x.yaml").data == {"a": value}


def test_merge_keys_are_taken_in_and_own_keys_win():
    document = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "x.yaml")
    assert document.data["b"] == {"x": 1, "y": 3}
    _, key, node = document.find(("b", "x"))
    assert document.span(key, node, "value").line == 1


def test_fifty_thousand_levels_are_refused_and_do_not_end_the_process():
    with pytest.raises(ProjectError) as raised:
        parse("[" * 50_000, "x.yaml")
    assert [found.code for found in raised.value.diagnostics] == ["P110"]


def test_importing_the_package_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, workaday.project; print(sorted({'pydantic', 'yaml', 'difflib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
