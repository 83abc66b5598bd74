"""Every profile of every cloud: rendered, formatted, planned offline by real Terraform, and held to each policy.

The providers behind the plan are the pinned schemas: they prove shape and wiring, and what the real ones refuse on
their own; never that a cloud would do it.
"""

from __future__ import annotations

import copy
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from policies import RULES, Rule

from workaday.execute.offline import OfflinePlan, plan
from workaday.execute.workspace import Workspace, open_workspace
from workaday.render import render
from workaday.render.tree import write

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PROFILES = sorted(f"{path.parent.name}/{path.stem}" for path in (HERE / "profiles").glob("*/*.yaml"))
CLOUDS = ("aws", "azure", "gcp")
PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"


class Projects:
    """Each profile as a project of its own, rendered and planned at most once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = cache(self._workspace)
        self.plan = cache(self._plan)

    def _workspace(self, profile: str) -> Workspace:
        project = self.folder / profile
        (project / "models" / "story").mkdir(parents=True)
        (project / "models" / "story" / "predictor.py").write_text(PREDICTOR)
        shutil.copy(HERE / "profiles" / f"{profile}.yaml", project / "project.yaml")
        opened = open_workspace(project / "project.yaml", None)
        write(opened.tree, render(opened.blueprint))
        return opened

    def _plan(self, profile: str) -> OfflinePlan:
        return plan(self.workspace(profile).tree / "terraform" / "cluster")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Projects:
    return Projects(tmp_path_factory.mktemp("profiles"))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_there_are_six_profiles_of_each_cloud(cloud: str) -> None:
    kinds = {"minimal", "gpu", "spot", "auto", "existing_network", "everything"}
    assert kinds - {name.removeprefix(f"{cloud}/") for name in PROFILES} == set()


def test_the_hcl_is_formatted() -> None:
    for folder in ("infra", "templates/terraform"):
        done = subprocess.run(
            ["terraform", "fmt", "-check", "-recursive", "-diff", folder],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("profile", PROFILES)
def test_the_rendered_tree_is_formatted(profile: str, projects: Projects) -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", str(projects.workspace(profile).tree)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_plans_to_create_everything(profile: str, projects: Projects) -> None:
    found = projects.plan(profile)
    assert found.counts["create"] > 5
    assert sum(found.counts.values()) == found.counts["create"]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_states_bucket_plans(cloud: str, projects: Projects) -> None:
    found = plan(projects.workspace(f"{cloud}/minimal").tree / "terraform" / "bootstrap")
    assert found.counts["create"] >= 1


CASES = [
    pytest.param(rule, profile, id=f"{rule.name}-{profile}")
    for rule in RULES
    for profile in PROFILES
    if profile in rule.profiles
]


@pytest.mark.parametrize(("rule", "profile"), CASES)
def test_a_profile_keeps_the_rule(rule: Rule, profile: str, projects: Projects) -> None:
    assert rule.check(projects.plan(profile).document) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rule_fails_on_a_plan_that_breaks_it(rule: Rule, projects: Projects) -> None:
    broken: dict[str, Any] = copy.deepcopy(dict(projects.plan(rule.profiles[0]).document))
    rule.mutate(broken)
    assert rule.check(broken) != []


def test_every_rule_is_tried_on_a_profile_that_there_is() -> None:
    assert [rule.name for rule in RULES if not set(rule.profiles) <= set(PROFILES) or not rule.profiles] == []
