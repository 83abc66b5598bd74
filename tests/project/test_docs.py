"""Each snippet of the page that teaches the file loads; what it says about merging is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workaday.project import render_text

PAGE = (Path(__file__).parents[2] / "docs" / "project-file.md").read_text()
BLOCK = re.compile(r"^```yaml(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = [(file, text) for file, text in BLOCK.findall(PAGE)]
PROJECTS = [text for file, text in SNIPPETS if not file]
ENVIRONMENTS = [
    (file, text, PROJECTS[sum(not f for f, _ in SNIPPETS[:i]) - 1]) for i, (file, text) in enumerate(SNIPPETS) if file
]


@pytest.mark.parametrize("text", PROJECTS, ids=range(len(PROJECTS)))
def test_a_snippet_is_a_project(text, folder):
    assert folder.codes(text) == []


def test_the_environment_does_what_the_page_says(folder):
    ((file, text, project),) = ENVIRONMENTS
    folder.write(file, text)
    loaded = folder.load(project, Path(file).stem)
    (story,) = loaded.project.models
    assert (story.name, story.scale.min, story.scale.max) == ("story", 1, 20)


def test_the_error_on_the_page_is_the_real_one(folder, replaced):
    (shown,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    error = folder.error(replaced({"predictor:": "predicter:"}))
    assert render_text(error.diagnostics, error.sources) == shown


def test_the_shortest_file_has_six_lines_at_most():
    assert len(PROJECTS[0].splitlines()) <= 6
