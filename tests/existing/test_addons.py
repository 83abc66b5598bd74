"""Whose an add-on is, whether it works, and in which order add-ons come and go; helm and the API server are fakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workaday.execute import addons, existing, installed, installing, kube, stages
from workaday.execute.addons import Seen
from workaday.execute.releases import Deployed
from workaday.execute.saved import Planned
from workaday.execute.upgrading import skipped
from workaday.project.diagnostics import ProjectError

PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: plane}
addons: {charts: charts, kserve: {}, keda: {}, cert_manager: existing}
models:
  - name: story
    server: {kind: container, image: "registry.example/story:1", port: 8080}
    compute: {cpu: 1, memory: 1Gi}
"""
OWNER = "dungeon/default"
WHERE = {"kserve-crd": "kserve", "kserve": "kserve", "keda": "keda"}


def definition(group: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"things.{group}", **metadata}, "spec": {"group": group}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, cluster: Any) -> None:
    """Everything that is sent works at once; the fake helm's records get their namespaces."""
    monkeypatch.setattr(installing, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(addons, "troubles", lambda wanted, objects, seen: [])
    monkeypatch.setattr(installing, "GONE_SECONDS", 0.2)
    records = type(cluster.helm).records

    def placed(self: Any, name: str) -> list[dict[str, Any]]:
        return [{**each, "namespace": WHERE.get(name, "dungeon")} for each in records(self, name)]

    monkeypatch.setattr(type(cluster.helm), "records", placed)
    every, get = type(cluster).every, type(cluster).get

    def known(self: Any, kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        if kind is kube.SECRET and isinstance((labels or {}).get("name"), list):
            found = every(self, kind, namespace, {"status": labels["status"]})
            names = [f"sh.helm.release.v1.{each}.v" for each in labels["name"]]
            return [each for each in found if each["metadata"]["name"].rstrip("0123456789") in names]
        if kind in (kube.DEFINITION, kube.NAMESPACE):
            return []
        found = every(self, kind, namespace, labels)
        if kind is kube.SECRET:
            return [each for each in found if each["metadata"]["name"].split(".")[4] not in WHERE]
        return found

    monkeypatch.setattr(type(cluster), "every", known)
    monkeypatch.setattr(
        type(cluster), "get", lambda self, kind, *rest: None if kind is kube.DEFINITION else get(self, kind, *rest)
    )


@pytest.fixture
def workspace(project: Any, tmp_path: Path) -> Any:
    for chart, version in (("kserve-crd", "v0.20.0"), ("kserve-resources", "v0.20.0"), ("keda", "2.20.2")):
        (tmp_path / "charts" / chart).mkdir(parents=True)
        (tmp_path / "charts" / chart / "Chart.yaml").write_text(f"name: {chart}\nversion: {version}\n")
    return project(PROJECT)


def test_addons_come_in_order_before_the_models_and_go_the_other_way(workspace: Any, helm: Any, cluster: Any) -> None:
    planned = existing.plan(workspace)
    assert [each.address for each in planned.changes] == [
        "addon/keda",
        "addon/kserve-crd",
        "addon/kserve",
        "release/story",
    ]
    existing.apply(workspace, lambda event: None, planned)
    assert helm.did() == ["upgrade keda", "upgrade kserve-crd", "upgrade kserve", "upgrade story"]
    assert sorted(each["metadata"]["name"] for each in cluster.made) == ["dungeon", "keda", "kserve"]
    assert existing.plan(workspace).changes == ()
    existing.destroy(workspace, lambda event: None)
    assert helm.did()[4:] == ["uninstall story", "uninstall kserve", "uninstall kserve-crd", "uninstall keda"]


def test_only_one_stage_or_model(workspace: Any, helm: Any) -> None:
    for only, expected in (("addons", ["keda", "kserve-crd", "kserve"]), ("models", ["story"]), ("story", ["story"])):
        planned = existing.plan(workspace, only)
        assert [each.key for each in planned.changes] == expected
    existing.apply(workspace, lambda event: None, planned)
    assert helm.did() == ["upgrade story"]
    with pytest.raises(ProjectError, match="is no stage and no model"):
        existing.plan(workspace, "stroy")


def test_what_an_addon_cannot_do_stops_before_the_models_and_is_gone_on_with(workspace: Any, helm: Any) -> None:
    helm.fails("upgrade", "kserve", "Error: no room")
    existing.plan(workspace)
    with pytest.raises(ProjectError) as caught:
        existing.apply(workspace, lambda event: None)
    assert caught.value.diagnostics[0].path == ("addons", "kserve")
    assert helm.did() == ["upgrade keda", "upgrade kserve-crd", "upgrade kserve"]
    helm.works("upgrade", "kserve")
    existing.plan(workspace)
    existing.apply(workspace, lambda event: None)
    assert helm.did()[3:] == ["upgrade kserve", "upgrade story"]


def test_a_chart_that_is_not_in_the_folder_is_named(workspace: Any, helm: Any) -> None:
    (workspace.root / "charts" / "keda" / "Chart.yaml").write_text("name: keda\nversion: 2.19.0\n")
    existing.plan(workspace)
    with pytest.raises(ProjectError, match=r"version 2\.19\.0, not 2\.20\.2"):
        existing.apply(workspace, lambda event: None)
    assert helm.did() == []


def test_a_removal_that_the_plan_did_not_show_is_not_done(workspace: Any) -> None:
    gone = stages.chosen(existing.plan(workspace).changes, None, workspace)[0]
    delete = type(gone)(**{**gone.__dict__, "action": "delete"})
    assert existing.agreed([delete], Planned((), "")) == []
    assert existing.agreed([delete], Planned((delete,), "")) == [delete]


def wanted(workspace: Any, name: str = "keda") -> addons.Wanted:
    return next(each for each in addons.wanted_of(workspace.tree) if each.name == name)


@pytest.mark.parametrize(
    ("deployed", "definitions", "whose"),
    [
        (None, [], ""),
        (None, [definition("other.io")], ""),
        (None, [definition("keda.sh")], "there without Helm (`things.keda.sh`)"),
        (
            None,
            [definition("keda.sh", annotations={"meta.helm.sh/release-name": "their-keda"})],
            "of release `their-keda`",
        ),
        (None, [definition("keda.sh", labels={"workaday.dev/owner": "dungeon.default"})], ""),
        (Deployed("keda", 1, "deployed", OWNER, "x"), [definition("keda.sh")], ""),
        (Deployed("keda", 1, "deployed", "castle/prod", "x"), [], "of `castle/prod`"),
        (Deployed("keda", 1, "deployed", "", ""), [], "a Helm release that is none of workaday's"),
        (Deployed("keda", 1, "pending-install", "", ""), [], ""),
    ],
)
def test_whose_an_addon_is(workspace: Any, deployed: Any, definitions: Any, whose: str) -> None:
    assert addons.foreign(wanted(workspace), deployed, definitions, OWNER) == whose


def test_what_becomes_existing_is_left_and_what_is_taken_out_is_removed() -> None:
    deployed = {name: Deployed(name, 1, "deployed", OWNER, "x") for name in ("keda", "kserve-crd", "kserve")}
    found = addons.changes((), deployed, {}, OWNER, {"keda"})
    assert [(each.action, each.key) for each in found] == [("delete", "kserve"), ("delete", "kserve-crd")]
    assert addons.changes((), deployed, {}, "castle/prod") == ()


@pytest.mark.parametrize(
    ("live", "new", "refused"),
    [("1.34", "1.34", False), ("1.34", "1.35", False), ("1.33", "1.35", True), ("1.35", "1.34", True)],
)
def test_kubernetes_goes_up_one_minor_version_at_a_time(live: str, new: str, refused: bool) -> None:
    assert bool(skipped(live, new)) is refused


def test_no_addons_and_no_right_to_look_for_some_is_no_error(project: Any, cluster: Any, monkeypatch: Any) -> None:
    workspace = project(PROJECT.replace("addons: {charts: charts, kserve: {}, keda: {}, cert_manager: existing}\n", ""))

    def forbidden(found: Any) -> Any:
        raise kube.mistake_at("X183", "you may not list secrets", kube.CONTEXT)

    monkeypatch.setattr(installed, "deployed_at", forbidden)
    assert [each.address for each in existing.plan(workspace).changes] == ["release/story"]


class TestTroubles:
    """Whether an add-on works, from what there is."""

    OBJECTS = (
        {"kind": "Deployment", "metadata": {"name": "keda"}},
        {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "hooks"}},
        {"kind": "APIService", "metadata": {"name": "metrics"}},
    )

    def seen(self, **other: Any) -> Seen:
        client = {"service": {"name": "hook", "namespace": "keda"}, "caBundle": "Y2E="}
        good: dict[str, Any] = {
            "CustomResourceDefinition": [
                {
                    "metadata": {"name": "scaledobjects.keda.sh"},
                    "status": {"conditions": [{"type": "Established", "status": "True"}]},
                }
            ],
            "Deployment": [
                {
                    "metadata": {"name": "keda", "generation": 2},
                    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "keda"}}},
                    "status": {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1},
                }
            ],
            "ValidatingWebhookConfiguration": [
                {"metadata": {"name": "hooks"}, "webhooks": [{"name": "it", "clientConfig": client}]}
            ],
            "EndpointSlice": [
                {
                    "metadata": {"namespace": "keda", "labels": {"kubernetes.io/service-name": "hook"}},
                    "endpoints": [{"conditions": {"ready": True}}],
                }
            ],
            "APIService": [
                {
                    "metadata": {"name": "metrics"},
                    "status": {"conditions": [{"type": "Available", "status": "True"}]},
                }
            ],
        }
        return Seen(good | other)

    @pytest.fixture
    def real(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.undo()
        return addons.troubles

    def test_all_that_is_there_works(self, workspace: Any, real: Any) -> None:
        assert real(wanted(workspace), self.OBJECTS, self.seen()) == []

    @pytest.mark.parametrize(
        ("without", "reason"),
        [
            ("CustomResourceDefinition", "NotEstablished"),
            ("Deployment", "NotFound"),
            ("EndpointSlice", "NoEndpoints"),
            ("APIService", "NotAvailable"),
            ("ValidatingWebhookConfiguration", "NotFound"),
        ],
    )
    def test_each_thing_that_is_missing_is_told(self, workspace: Any, real: Any, without: str, reason: str) -> None:
        found = real(wanted(workspace), self.OBJECTS, self.seen(**{without: []}))
        assert [each.reason for each in found] == [reason]

    def test_a_webhook_without_a_certificate_is_waited_for(self, workspace: Any, real: Any) -> None:
        hooks = json.loads(json.dumps(self.seen().objects["ValidatingWebhookConfiguration"]))
        del hooks[0]["webhooks"][0]["clientConfig"]["caBundle"]
        found = real(wanted(workspace), self.OBJECTS, self.seen(ValidatingWebhookConfiguration=hooks))
        assert [each.reason for each in found] == ["NoCertificate"]


def test_an_api_server_that_is_away_for_a_while_is_waited_for_and_one_that_stays_away_ends_the_run(
    workspace: Any, helm: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [True, True, False]

    def troubles(self: Any, wanted: Any, objects: Any) -> list[Any]:
        if away[0] and (len(away) == 1 or away.pop(0)):
            raise kube.Unreachable("no answer")
        return []

    monkeypatch.setattr(installing.Installing, "troubles", troubles)
    existing.plan(workspace, "addons")
    existing.apply(workspace, lambda event: None, existing.plan(workspace, "addons"))
    assert helm.did() == ["upgrade keda", "upgrade kserve-crd", "upgrade kserve"]
    away[:] = [True]
    monkeypatch.setattr(installing, "LOST_SECONDS", 0.05)
    (workspace.tree / "addons" / "05-keda.json").write_text("{}")
    with pytest.raises(ProjectError) as caught:
        existing.apply(workspace, lambda event: None, existing.plan(workspace, "addons"))
    assert {each.code for each in caught.value.diagnostics} == {"X182"}
    away[:] = [False]
    existing.apply(workspace, lambda event: None, existing.plan(workspace, "addons"))
    assert existing.plan(workspace, "addons").changes == ()


def test_one_object_that_may_not_be_made_is_named_and_nothing_after_it_is_sent(workspace: Any, helm: Any) -> None:
    said = 'clusterroles.rbac.authorization.k8s.io "keda" is forbidden: User "ann" cannot create resource'
    helm.fails("upgrade", "keda", f'Error: {said} "clusterroles" in API group "rbac.authorization.k8s.io"')
    with pytest.raises(ProjectError) as caught:
        existing.apply(workspace, lambda event: None, existing.plan(workspace))
    [found] = caught.value.diagnostics
    assert found.code == "X183"
    assert "`ann` may not create clusterroles.rbac.authorization.k8s.io, which `keda` needs" in found.message
    assert helm.did() == ["upgrade keda"]


def test_a_release_that_a_webhook_does_not_judge_yet_is_sent_again(
    workspace: Any, helm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workaday.execute import helm as adapter

    helm.fails("upgrade", "story", 'Error: failed calling webhook "inferenceservice": no endpoints available')
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds == adapter.AGAIN_SECONDS and helm.did().count("upgrade story") == 2:
            helm.works("upgrade", "story")

    monkeypatch.setattr(adapter.asyncio, "sleep", sleep)
    existing.apply(workspace, lambda event: None, existing.plan(workspace, "models"))
    assert helm.did().count("upgrade story") == 3


def test_an_addon_that_worked_is_made_so_again_where_its_new_version_does_not(
    workspace: Any, helm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    existing.apply(workspace, lambda event: None, existing.plan(workspace))
    cause = addons.Cause("pod/keda-1", "CrashLoopBackOff", "it ended with exit code 1")
    monkeypatch.setattr(installing.Installing, "troubles", lambda *arguments: [cause])
    monkeypatch.setattr(installing, "HOPELESS_SECONDS", 0.0)
    (workspace.tree / "addons" / "05-keda.json").write_text("{}")
    told: list[str] = []
    with pytest.raises(ProjectError) as caught:
        existing.apply(workspace, lambda event: told.append(event.what), existing.plan(workspace))
    [found] = caught.value.diagnostics
    assert found.code == "X191"
    assert "pod/keda-1: CrashLoopBackOff" in found.message
    assert "it was rolled back to revision 1" in found.hints
    assert helm.did()[-2:] == ["upgrade keda", "rollback keda 1"]
