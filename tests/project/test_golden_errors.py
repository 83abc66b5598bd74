"""What a user reads for each mistake, word by word. UPDATE_GOLDEN=1 writes the texts: review them by eye."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from workaday.project import render_text, to_json

CASES = sorted(path for path in (Path(__file__).parent.parent / "golden" / "errors").iterdir() if path.is_dir())


@pytest.fixture
def error(request, folder):
    """The error of a case; `arguments` holds the command's, `-f FILE` and `--env NAME`."""
    case: Path = request.param
    shutil.copytree(case, folder.root, dirs_exist_ok=True)
    if case.name == "fifty-megabytes":
        with folder.write("large.yaml", "").open("wb") as large:
            large.truncate(50 * 2**20)
    arguments = (case / "arguments").read_text() if (case / "arguments").exists() else ""
    env = re.search(r"--env (\S+)", arguments)
    file = re.search(r"-f (\S+)", arguments)
    return folder.error(env=env[1] if env else None, file=file[1] if file else "project.yaml")


def cases(test):
    return pytest.mark.parametrize("error", CASES, ids=lambda case: case.name, indirect=True)(test)


@cases
def test_the_text_is_as_expected(error, request, update_golden):
    case = next(case for case in CASES if case.name == request.node.callspec.id)
    text = render_text(error.diagnostics, error.sources)
    assert text
    update_golden(case / "expected.txt", text)


@cases
def test_every_finding_has_a_place_in_a_file(error):
    for each in to_json(error.diagnostics, error.sources):
        if each["code"] == "P301":  # it is about the command line
            continue
        position = each["position"]
        assert position["line"] >= 1
        assert 1 <= position["column"] <= position["end_column"]


def test_there_are_enough_cases():
    assert len(CASES) >= 60
