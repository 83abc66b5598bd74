"""The plain command lines that skip Typer mean what Typer reads in them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workaday.cli import tree
from workaday.cli.direct import direct
from workaday.cli.run import through_typer

WORDS = ["-f", "--file", "-e", "--env", "--format", "--check", "--diff", "text", "json", "prod", "a/b.yaml", "a b"]
ODD = ["--", "-h", "--help", "-ex", "--env=x", "", "-", "--fil", "ünïcode", "0"]


@pytest.fixture
def calls(monkeypatch) -> list[object]:
    """What reached the verbs, instead of running them."""
    found: list[object] = []
    for verb in ("validate", "render"):
        monkeypatch.setattr(tree, verb, lambda *given, verb=verb, **named: found.append((verb, given, named)) or 0)
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=st.sampled_from(["validate", "render"]), words=st.lists(st.sampled_from([*WORDS, *ODD]), max_size=6))
def test_typer_reads_the_same(calls, verb, words):
    run = direct([verb, *words])
    if run is None:
        return
    calls.clear()
    assert run() == through_typer([verb, *words]) == 0
    assert calls[0] == calls[1]


@pytest.mark.parametrize(
    "line",
    [
        "validate",
        "validate -f a/project.yaml --env prod --format json",
        "render",
        "render --check --format json",
        "render --diff -e prod",
    ],
)
def test_what_is_run_most_is_read_directly(calls, line):
    run = direct(line.split())
    assert run is not None
    assert run() == through_typer(line.split()) == 0
    assert calls[0] == calls[1]


@pytest.mark.parametrize("line", ["", "plan", "validate -h", "validate --format xml", "render -f", "validate --check"])
def test_help_mistakes_and_other_verbs_are_typers(line):
    assert direct(line.split()) is None


def test_validate_does_not_import_typer(tmp_path):
    script = "import sys; from workaday.cli.run import run; run(['validate']); sys.exit('typer' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=False).returncode == 0
    )
