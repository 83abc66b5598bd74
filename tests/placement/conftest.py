from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.model import Blueprint
from workaday.blueprint.resolve import resolve
from workaday.checks import hardware, placement, spot
from workaday.project import Loaded, ProjectError, load

PREDICTOR = "class Predictor:\n    def __init__(self, config):\n        pass\n"


def read_project(path: Path) -> tuple[Loaded, Blueprint]:
    loaded = load(path)
    return loaded, resolve(loaded.project, read_inputs(loaded), "default")


def findings(path: Path) -> ProjectError:
    """What the checks of both modules find, in the order of the file."""
    loaded, blueprint = read_project(path)
    found = [each for rule in (*placement.CHECKS, *hardware.CHECKS, *spot.CHECKS) for each in rule(loaded, blueprint)]
    return ProjectError(found, loaded.sources)


@pytest.fixture
def checked(tmp_path: Path) -> Callable[[str], ProjectError]:
    """Write a project beside the predictor `models/story/predictor.py`, and return what the checks find."""

    def check(text: str) -> ProjectError:
        predictor = tmp_path / "models" / "story" / "predictor.py"
        predictor.parent.mkdir(parents=True, exist_ok=True)
        predictor.write_text(PREDICTOR)
        (tmp_path / "project.yaml").write_text(text)
        return findings(tmp_path / "project.yaml")

    return check


@pytest.fixture
def project(tmp_path: Path, checked: Callable[[str], ProjectError]) -> Callable[[str], tuple[Loaded, Blueprint]]:
    def write(text: str) -> tuple[Loaded, Blueprint]:
        checked(text)
        return read_project(tmp_path / "project.yaml")

    return write


@pytest.fixture(scope="session")
def full() -> Path:
    return Path(__file__).parent.parent / "golden" / "project" / "full" / "project.yaml"


@pytest.fixture
def found_in() -> Callable[[Path], ProjectError]:
    return findings
