"""The order of an apply, what is undone, and what the next one goes on with; helm and the API server are fakes."""

from __future__ import annotations

import pytest

from workaday.execute import existing, rolling, waiting
from workaday.project.diagnostics import ProjectError, render_text

BAD_IMAGE = {
    "phase": "Pending",
    "containerStatuses": [
        {"name": "kserve-container", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    ],
}
CRASHED = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "kserve-container",
            "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }
    ],
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(waiting, "DEEP_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "HOPELESS_SECONDS", 0.0)
    monkeypatch.setattr(rolling, "ORPHAN_SECONDS", 0.0)


def actions(workspace) -> list[tuple[str, str]]:
    return [(each.action, each.address) for each in existing.plan(workspace).changes]


def said(error: ProjectError) -> str:
    return render_text(error.diagnostics, error.sources, color=False)


def test_from_nothing_every_model_becomes_a_release_and_then_there_is_nothing_to_do(
    helm, cluster, project, applied
) -> None:
    workspace = project()
    assert actions(workspace) == [("create", "release/other"), ("create", "release/story")]
    told = applied(workspace)
    assert sorted(helm.did()) == ["upgrade other", "upgrade story"]
    assert {(each.release, each.what) for each in told} == {("other", "ready"), ("story", "ready")}
    assert [each["metadata"]["name"] for each in cluster.made] == ["dungeon"], "the namespace, once"
    assert actions(workspace) == []


def test_only_what_changed_is_sent_and_the_plan_says_which_values(helm, cluster, project, applied) -> None:
    text = (project().root / "project.yaml").read_text()
    applied(project())
    workspace = project(text.replace("story:1", "story:2"))
    (change,) = existing.plan(workspace).changes
    assert (change.action, change.key, change.changed) == ("update", "story", ("image",))
    before = len(helm.did())
    applied(workspace)
    assert helm.did()[before:] == ["upgrade story"]


def test_what_is_gone_from_the_project_is_removed_last_and_what_is_not_ours_stays(
    helm, cluster, project, applied
) -> None:
    applied(project())
    stranger = {**helm.records("story")[0], "name": "stranger"}
    stranger["info"] = {"status": "deployed", "description": "Install complete"}
    helm.put("stranger", [stranger])
    text = (project().root / "project.yaml").read_text().replace("name: other", "name: another")
    workspace = project(text)
    assert actions(workspace) == [("delete", "release/other"), ("create", "release/another")]
    before = len(helm.did())
    applied(workspace)
    assert helm.did()[before:] == ["upgrade another", "uninstall other"]
    existing.destroy(workspace, lambda event: None)
    assert [each.name for each in (helm.folder / "cluster").iterdir()] == ["stranger"]


def test_a_bad_image_is_said_at_its_line_and_the_release_is_removed_again(helm, cluster, project, applied) -> None:
    cluster.never["story"] = BAD_IMAGE
    with pytest.raises(ProjectError) as caught:
        applied(project())
    assert [each.code for each in caught.value.diagnostics] == ["X185"]
    text = said(caught.value)
    assert "pod/story-0: ImagePullBackOff: no such image" in text
    assert "project.yaml:6:" in text
    assert "it was removed again" in text
    assert helm.did()[-1] == "uninstall story"
    assert helm.records("other"), "the other one is done"


def test_a_new_version_that_crashes_is_rolled_back_and_its_log_is_shown(helm, cluster, project, applied) -> None:
    text = (project().root / "project.yaml").read_text()
    applied(project())
    cluster.never["story"] = CRASHED
    with pytest.raises(ProjectError) as caught:
        applied(project(text.replace("story:1", "story:2")))
    assert helm.did()[-1] == "rollback story 1"
    assert "KeyError: 'weights'" in said(caught.value)
    assert "it was rolled back to revision 1" in said(caught.value)
    cluster.never.clear()
    assert actions(project(text)) == [], "a rollback stands for the revision that it names"
    assert actions(project(text.replace("story:1", "story:2"))) == [("update", "release/story")]


def test_a_run_that_was_cut_off_while_waiting_is_gone_on_with(helm, cluster, project, applied) -> None:
    workspace = project()
    applied(workspace)
    cluster.never["story"] = {"phase": "Pending"}
    (change,) = existing.plan(workspace).changes
    assert (change.action, change.key) == ("update", "story")
    before = helm.did()
    cluster.never.clear()
    existing.apply(workspace, lambda event: None)
    assert helm.did() == before, "it is ready by now: nothing was sent"


@pytest.mark.parametrize(
    ("status", "done"), [("pending-install", "uninstall story"), ("failed", None), ("uninstalling", "uninstall story")]
)
def test_a_release_that_was_left_half_done_is_mended_first(helm, cluster, project, applied, status, done) -> None:
    workspace = project()
    record = {"name": "story", "version": 1, "chart": {"metadata": {"name": "inference"}}}
    helm.put("story", [{**record, "info": {"status": status, "description": "Initial install underway"}}])
    assert ("update", "release/story") in actions(workspace)
    applied(workspace)
    mended = [each for each in helm.did() if each.endswith("story")]
    assert mended == [*([done] if done else []), "upgrade story"]
    assert actions(workspace) == []


def test_an_upgrade_that_was_left_half_done_is_rolled_back_first(helm, cluster, project, applied) -> None:
    workspace = project()
    applied(workspace)
    records = helm.records("story")
    records.append({**records[0], "version": 2, "info": {"status": "pending-upgrade", "description": "Preparing"}})
    helm.put("story", records)
    before = len(helm.did())
    applied(workspace)
    assert helm.did()[before:] == ["rollback story 1", "upgrade story"]


def test_what_the_cluster_refuses_is_undone_and_said_at_the_model(helm, cluster, project, applied) -> None:
    denied = 'admission webhook "validator.kserve" denied the request: minReplicas is above maxReplicas'
    helm.fails("upgrade", "story", f"Error: UPGRADE FAILED: failed to create resource: {denied}\n")
    with pytest.raises(ProjectError) as caught:
        applied(project())
    assert [each.code for each in caught.value.diagnostics] == ["X184"]
    assert "the cluster refuses `story`: minReplicas is above maxReplicas" in said(caught.value)
    assert "project.yaml:5:5" in said(caught.value)
    assert "uninstall story" in helm.did()


def test_a_release_of_somebody_else_is_left_alone(helm, cluster, project, applied) -> None:
    applied(project())
    (record,) = helm.records("story")
    record["info"]["description"] = "workaday castle/default 0123456789abcdef"
    helm.put("story", [record])
    with pytest.raises(ProjectError) as caught:
        existing.plan(project())
    assert caught.value.diagnostics[0].code == "X186"
    assert "of `castle/default`" in said(caught.value)


def test_an_api_server_that_is_briefly_away_is_waited_for(helm, cluster, project, monkeypatch) -> None:
    workspace = project()
    existing.plan(workspace)
    do = rolling.Rolling.send

    async def send(self, *arguments):
        found = await do(self, *arguments)
        cluster.away = 3
        return found

    monkeypatch.setattr(rolling.Rolling, "send", send)
    existing.apply(workspace, lambda event: None)
    assert actions(workspace) == []


def test_an_api_server_that_stays_away_ends_the_run_and_the_next_one_goes_on(
    helm, cluster, project, monkeypatch
) -> None:
    workspace = project()
    existing.plan(workspace)
    do = rolling.Rolling.send

    async def send(self, *arguments):
        found = await do(self, *arguments)
        cluster.away = 10**6
        return found

    with monkeypatch.context() as patch:
        patch.setattr(waiting, "LOST_SECONDS", 0.05)
        patch.setattr(rolling.Rolling, "send", send)
        with pytest.raises(ProjectError) as caught:
            existing.apply(workspace, lambda event: None)
    assert caught.value.diagnostics[0].code == "X182"
    cluster.away = 0
    before = helm.did()
    assert not [each for each in before if not each.startswith("upgrade")], "nothing is undone that cannot be seen"
    assert actions(workspace) == []


def test_a_release_that_was_made_of_our_tree_by_hand_is_ours_from_the_next_apply_on(
    helm, cluster, project, applied
) -> None:
    applied(project())
    (record,) = helm.records("story")
    record["info"]["description"] = "Install complete"
    helm.put("story", [record])
    (change,) = existing.plan(project()).changes
    assert (change.action, change.key) == ("update", "story")
    applied(project())
    assert actions(project()) == []
    record["config"]["models"][0]["project"] = "castle"
    helm.put("story", [record])
    with pytest.raises(ProjectError, match="none of workaday's"):
        existing.plan(project())


def test_without_helm_it_is_no_line_of_the_file_that_is_wrong(cluster, project, monkeypatch) -> None:
    monkeypatch.setenv("WORKADAY_HELM", "/nowhere/helm")
    workspace = project()
    existing.plan(workspace)
    with pytest.raises(ProjectError) as caught:
        existing.apply(workspace, lambda event: None)
    assert said(caught.value).startswith("error[X180]: WORKADAY_HELM names no program: /nowhere/helm\nhint: ")
