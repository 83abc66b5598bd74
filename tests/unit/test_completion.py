"""What the shell offers at a press of Tab, and that a broken project says nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = """\
version: 1
name: dungeon
platform: {kind: local}
models:
  - {name: story, server: {kind: torch, predictor: p.py}}
  - {name: stars, server: {kind: torch, predictor: p.py}}
"""


@pytest.fixture
def tab(workaday, tmp_path: Path):
    """`tab("logs", "st")`: what is offered for the last word."""
    (tmp_path / "project.yaml").write_text(PROJECT)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text("models: [{name: castle}]\n")
    (tmp_path / "other.yaml").write_text(PROJECT.replace("story", "chat"))

    def offered(*words: str) -> list[str]:
        line = ["workaday", *words]
        done = workaday(_WORKADAY_COMPLETE="complete_bash", COMP_WORDS=" ".join(line), COMP_CWORD=str(len(line) - 1))
        assert done.stderr == ""
        assert "Traceback" not in done.stdout
        return done.stdout.split()

    return offered


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (("logs", "sto"), ["story"]),
        (("predict", ""), ["story", "stars"]),
        (("predict", "--env", "prod", "c"), ["castle"]),
        (("logs", "-f", "other.yaml", "c"), ["chat"]),
        (("plan", "--env", ""), ["prod"]),
        (("plan", "-e", "x"), []),
        (("diff", ""), ["default", "prod"]),
        (("explain", "P10"), [f"P10{n}" for n in range(1, 10)]),
        (("explain", "models.story.scale.ma"), ["models.story.scale.max"]),
        (("explain", "platform.po"), ["platform.port"]),
        (("explain", "pools."), []),
        (("eject", "infra/lo"), ["infra/local"]),
    ],
)
def test_what_is_offered(tab, words, offers) -> None:
    assert tab(*words) == offers


@pytest.mark.parametrize(
    "text", ["models: 3\n", "models: [1, {name: 2}]\n", "a: [\n", "", "- a\n", "\x00", "overlays: [gone]\n"]
)
@pytest.mark.parametrize("words", [("logs", "s"), ("explain", "models.s")])
def test_a_broken_project_offers_nothing_and_says_nothing(tab, tmp_path, text, words) -> None:
    (tmp_path / "project.yaml").write_text(text)
    assert tab(*words) == []


def test_codes_are_offered_without_a_project(tab, tmp_path) -> None:
    (tmp_path / "project.yaml").unlink()
    assert tab("explain", "P101") == ["P101"]
    assert tab("logs", "") == []
