"""promote and rollback: the project file is edited, and the edit applied; helm and the API server are fakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.cli import versions
from workaday.execute import existing
from workaday.execute.workspace import Workspace
from workaday.project.diagnostics import ProjectError

CANARY = """\
version: 1
name: dungeon
platform: {kind: existing, context: plane}
models:
  - name: story
    server: {kind: container, image: "registry.example/story:1", port: 8080}   # pinned
    compute: {cpu: 1, memory: 1Gi}
    canary:
      overrides:
        env: {MODE: quick}
        server: {kind: container, image: "registry.example/story:2", port: 9000}
"""


@pytest.fixture(autouse=True)
def silent(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workaday.cli.use.show_state", lambda workspace, *, as_json: None)


def text_of(workspace: Workspace) -> str:
    return (workspace.root / "project.yaml").read_text()


def test_a_canary_becomes_the_model(helm, cluster, project) -> None:
    workspace = project(CANARY)
    assert versions.promote("story", workspace.root / "project.yaml", None, yes=True, as_json=False) == 0
    left = CANARY[: CANARY.index("    canary:")].replace('"registry.example/story:1"', "'registry.example/story:2'")
    left = left.replace("8080", "9000")
    assert text_of(workspace) == left + "    env: {MODE: quick}\n"
    assert helm.records("story")[0]["config"]["models"][0]["env"]["MODE"] == "quick"


def test_without_a_canary_there_is_nothing_to_promote(helm, cluster, project) -> None:
    workspace = project()
    with pytest.raises(ProjectError, match="`story` has no canary"):
        versions.promote("story", workspace.root / "project.yaml", None, yes=True, as_json=False)


def test_a_file_that_an_edit_would_break_is_left_as_it_was(helm, cluster, project) -> None:
    workspace = project(
        CANARY.replace('{kind: container, image: "registry.example/story:2", port: 9000}', "{kind: triton}")
    )
    before = text_of(workspace)
    with pytest.raises(ProjectError):
        versions.promote("story", workspace.root / "project.yaml", None, yes=True, as_json=False)
    assert text_of(workspace) == before
    assert helm.did() == []


def rolled_back(workspace: Workspace, to: int | None = None) -> int:
    return versions.rollback("story", workspace.root / "project.yaml", None, to=to, yes=True, as_json=False)


def two_versions(project, applied, old: str, new: str) -> Workspace:
    text = text_of(project())
    applied(project())
    assert old in text
    workspace = project(text.replace(old, new))
    applied(workspace)
    return workspace


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("story:1", "story:2"),
        ("{cpu: 1, memory: 1Gi}", "{cpu: 2, memory: 4Gi}"),
        ("{cpu: 1, memory: 1Gi}\n  - name: other", "{cpu: 1, memory: 1Gi}\n    env: {A: b}\n  - name: other"),
    ],
)
def test_a_rollback_writes_what_was_into_the_file_and_applies_it(helm, cluster, project, applied, old, new) -> None:
    workspace = two_versions(project, applied, old, new)
    assert rolled_back(workspace) == 0
    story = [each for each in helm.did() if "story" in each]
    assert story == ["upgrade story"] * 3, "by the file, not behind its back"
    records = helm.records("story")
    assert records[2]["config"] == records[0]["config"] != records[1]["config"]
    assert existing.plan(project(text_of(workspace))).changes == ()


def test_a_rollback_that_the_file_cannot_say_is_helms_and_the_plan_shows_it(helm, cluster, project, applied) -> None:
    workspace = two_versions(project, applied, "port: 8080}\n    compute", "port: 8080, args: [--fast]}\n    compute")
    before = text_of(workspace)
    records = helm.records("story")
    records[0]["config"]["models"][0]["kind"] = "unheard-of"
    helm.put("story", records)
    with pytest.raises(ProjectError, match=r"revision 1 runs again, but project\.yaml says otherwise: args, kind"):
        rolled_back(workspace)
    assert helm.did()[-1] == "rollback story 1"
    assert text_of(workspace) == before
    (change,) = existing.plan(workspace).changes
    assert (change.key, change.changed) == ("story", ("args", "kind"))


def test_a_revision_that_is_not_there_is_refused_with_those_that_are(helm, cluster, project, applied) -> None:
    workspace = two_versions(project, applied, "story:1", "story:2")
    with pytest.raises(ProjectError) as caught:
        rolled_back(workspace, to=7)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.hints) == ("X187", ("there are: 1, 2",))
    assert sorted(Path(workspace.root).glob(".workaday-*")) == []
