"""After Terraform `apply` goes on in the cluster, and `destroy` empties it before: both are fakes at their edge."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workaday.execute import cloud, deploy, existing, identities, installed, kube, kubeconfig, releases
from workaday.execute.existing import Place
from workaday.execute.grading import Change
from workaday.execute.releases import KIND, Deployed
from workaday.execute.rollout import Seen
from workaday.execute.workspace import Workspace
from workaday.project.diagnostics import ProjectError, mistake
from workaday.render import render

CLUSTER = {"aws": "aws_eks_cluster", "gcp": "google_container_cluster", "azure": "azurerm_kubernetes_cluster"}
STORY = Change("release/story", KIND, "inference", "story", "create")


class Fakes:
    """What happened, in order; and what Terraform and the cluster say."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.planned: tuple[Change, ...] = ()
        self.version = "v1.34.2"
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.gone = False
        self.client_ids: dict[str, str] = {}

    # Terraform's
    def init(self) -> None: ...

    def outputs(self) -> dict[str, Any]:
        return {"registry": "shop.azurecr.io", "client_ids": self.client_ids} if self.client_ids else {}

    def plan(self, path: Path, *, destroy: bool = False) -> tuple[Change, ...]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("plan")
        return self.planned

    def apply(self, path: Path, on_event: Callable[[Any], None]) -> None:
        self.did.append("terraform")

    # the API server's
    def read(self, path: str, params: Any = None) -> bytes:
        return json.dumps({"gitVersion": self.version}).encode()

    def every(self, kind: kube.Kind, namespace: str | None = None, labels: Any = None) -> list[dict[str, Any]]:
        return self.objects.get(kind.kind, [])


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    found = Fakes()

    def own(workspace: Workspace, account: Any = None) -> Path:
        if found.gone:
            raise mistake("X152", "there is no cluster", "make it")
        found.did.append("kubeconfig")
        return workspace.state / "kubeconfig"

    async def ran(workspace: Workspace, place: Place, on_event: Any, changes: Any) -> None:
        found.did.extend(each.address for each in changes)

    async def taken(workspace: Workspace, place: Place, on_event: Any, only: Any) -> None:
        found.did.append("emptied")

    monkeypatch.setattr(cloud, "cluster_root", lambda folders: found)
    monkeypatch.setattr(kubeconfig, "own", own)
    monkeypatch.setattr(existing, "place_of", lambda workspace: Place(found, "shop", "shop/default"))  # type: ignore[arg-type]
    monkeypatch.setattr(existing, "changes", lambda workspace, place: (STORY,))
    monkeypatch.setattr(existing, "run", ran)
    monkeypatch.setattr(existing, "take_away", taken)
    return found


def made(kind: str, action: str = "create") -> tuple[Change, ...]:
    return (Change(f"module.cluster.{CLUSTER[kind]}.this", CLUSTER[kind], "this", "", action),)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CLUSTER)
def test_before_there_is_a_cluster_all_of_it_is_new_and_nobody_is_asked(
    kind: str, workspace: Callable[..., Workspace], fakes: Fakes
) -> None:
    fakes.planned = made(kind)
    planned = deploy.plan(workspace(kind))
    names = [each.key for each in planned.changes if each.kind == KIND]
    assert names[0] == "cert-manager"
    assert names.index("kserve-crd") < names.index("kserve") < names.index("story")
    assert {each.action for each in planned.changes} == {"create"}
    assert fakes.did == []


@pytest.mark.parametrize("kind", CLUSTER)
def test_terraform_then_a_kubeconfig_of_its_own_then_what_differs_in_the_cluster(
    kind: str, workspace: Callable[..., Workspace], fakes: Fakes
) -> None:
    opened = workspace(kind, platform='kubernetes: "1.35"')
    fakes.planned = made(kind)
    deploy.apply(opened, deploy.plan(opened), lambda event: None)
    assert fakes.did == ["terraform", "kubeconfig", "release/story"]
    fakes.planned, fakes.did = (), []
    planned = deploy.plan(opened)
    assert [each.address for each in planned.changes] == ["release/story"]
    deploy.apply(opened, planned, lambda event: None)
    assert fakes.did == ["kubeconfig", "kubeconfig", "release/story"], "no Terraform where it has nothing to do"


ANNOTATION = "azure.workload.identity/client-id"


def sent_to(monkeypatch: pytest.MonkeyPatch) -> dict[str, Deployed]:
    """Have what is sent be what the cluster has from then on; add-ons are as they should be."""
    there: dict[str, Deployed] = {}

    async def ran(workspace: Workspace, place: Place, on_event: Any, changes: Any) -> None:
        for each in identities.wanted_of(workspace):
            there[each.name] = Deployed(each.name, 1, "deployed", "shop/default", each.digest, each.values)

    monkeypatch.setattr(existing, "run", ran)
    monkeypatch.setattr(existing, "changes", existing.model_changes)
    monkeypatch.setattr(existing, "deployed_at", lambda place: there)
    monkeypatch.setattr(existing, "look", lambda place: Seen())
    return there


def test_on_azure_a_models_account_is_bound_to_the_identity_that_terraform_made(
    workspace: Callable[..., Workspace], fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = sent_to(monkeypatch)
    opened, fakes.planned = workspace("azure"), made("azure")
    planned = deploy.plan(opened)  # nothing is made yet, so nothing is known
    fakes.client_ids = {"story": "11111111-aaaa", "other": "22222222-bbbb"}
    deploy.apply(opened, planned, lambda event: None)
    assert there["story"].values["models"][0]["serviceAccount"]["annotations"] == {ANNOTATION: "11111111-aaaa"}
    rendered = {each.name: each.values for each in releases.wanted_of(opened.tree)}
    assert "annotations" not in rendered["story"]["models"][0]["serviceAccount"], "the tree is as it was"

    fakes.planned = ()
    assert deploy.plan(opened).changes == (), "what was sent is what is wanted"
    identities.path_of(opened).unlink()
    assert deploy.plan(opened).changes == (), "on another machine too: the state has them"
    assert deploy.plan(opened, "models").changes == ()
    fakes.client_ids["story"] = "33333333-cccc"
    [change] = deploy.plan(opened).changes
    assert (change.address, change.changed) == ("release/story", (f"serviceAccount.annotations.{ANNOTATION}",))


@pytest.mark.parametrize("kind", CLUSTER)
def test_the_trees_page_binds_it_where_helm_is_all_there_is(kind: str, workspace: Callable[..., Workspace]) -> None:
    page = render(workspace(kind).blueprint)["README.md"].decode()
    line = next(each for each in page.splitlines() if "--values releases/story.json" in each)
    assert (ANNOTATION in line) == (kind == "azure")
    if kind == "azure":
        asked = "$(terraform -chdir=terraform/cluster output -json client_ids | jq '.[\"story\"]')"
        words = shlex.split(line.replace(asked, '\\"1\\"'))
        assert words[-2:] == ["--set-json", f'models[0].serviceAccount.annotations={{"{ANNOTATION}": "1"}}']


@pytest.mark.parametrize("kind", ["aws", "gcp"])
def test_elsewhere_identities_are_bound_by_name_and_terraform_is_not_asked(
    kind: str, workspace: Callable[..., Workspace], fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = sent_to(monkeypatch)
    opened, fakes.planned, fakes.client_ids = workspace(kind), made(kind), {"story": "11111111-aaaa"}
    deploy.apply(opened, deploy.plan(opened), lambda event: None)
    assert "annotations" not in there["story"].values["models"][0]["serviceAccount"]


def test_what_is_written_by_hand_stays_and_a_shared_account_is_its_owners() -> None:
    own = {"name": "story", "serviceAccount": {"create": True, "annotations": {ANNOTATION: "mine", "team": "a"}}}
    canary = {"name": "story-canary", "serviceAccount": {"create": False, "name": "story"}}
    plain = {"name": "tale"}
    found = identities.bound({"models": [own, canary, plain]}, {"story": "1", "tale": "2"})["models"]
    assert found[:2] == [own, canary]
    assert found[2] == {"name": "tale", "serviceAccount": {"annotations": {ANNOTATION: "2"}}}
    shared = {"namespace": "shop"}
    assert identities.bound(shared, {"story": "1"}) == shared


def test_one_stage_alone(workspace: Callable[..., Workspace], fakes: Fakes) -> None:
    opened, fakes.planned = workspace("gcp"), made("gcp")
    planned = deploy.plan(opened, "infra")
    assert planned.changes == fakes.planned
    deploy.apply(opened, planned, lambda event: None)
    assert fakes.did == ["terraform"]
    fakes.did = []
    deploy.apply(opened, deploy.plan(opened, "models"), lambda event: None)
    assert fakes.did == ["kubeconfig", "kubeconfig", "release/story"]


def test_a_minor_version_of_kubernetes_is_not_skipped(workspace: Callable[..., Workspace], fakes: Fakes) -> None:
    fakes.planned, fakes.version = made("gcp", "update"), "v1.33.5-gke.100"
    with pytest.raises(ProjectError) as caught:
        deploy.plan(workspace("gcp", platform='kubernetes: "1.35"'))
    [found] = caught.value.diagnostics
    assert (found.code, found.path) == ("X194", ("platform", "kubernetes"))
    assert "would skip 1.34" in found.message


def test_a_cluster_is_emptied_before_it_goes(workspace: Callable[..., Workspace], fakes: Fakes) -> None:
    opened = workspace("aws")
    cloud.empty(opened, lambda event: None)
    assert fakes.did == ["kubeconfig", "emptied"]


def test_what_would_stay_behind_is_named(workspace: Callable[..., Workspace], fakes: Fakes) -> None:
    balancer = {"metadata": {"namespace": "shop", "name": "web"}, "spec": {"type": "LoadBalancer"}}
    inner = {"metadata": {"namespace": "shop", "name": "api"}, "spec": {"type": "ClusterIP"}}
    node = {"metadata": {"name": "gpu-1"}}
    fakes.objects = {"Service": [balancer, inner], "NodeClaim": [node]}
    with pytest.raises(ProjectError) as caught:
        cloud.empty(workspace("aws"), lambda event: None)
    [found] = caught.value.diagnostics
    assert found.code == "X195"
    assert "Service shop/web, NodeClaim gpu-1" in found.message


def test_where_there_is_no_cluster_any_more_there_is_nothing_to_empty(
    workspace: Callable[..., Workspace], fakes: Fakes
) -> None:
    fakes.gone = True
    cloud.empty(workspace("aws"), lambda event: None)
    assert fakes.did == []


def test_what_others_use_of_an_addon_is_found(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    used = ["castle/gate", "shop/story", "kserve/own"]
    monkeypatch.setattr(installed, "objects_of", lambda cluster, name: used if "inferenceservices" in name else [])
    place = Place(fakes, "shop", "shop/default")  # type: ignore[arg-type]
    crd = existing.Deployed("kserve-crd", 1, "deployed", "shop/default", "x")
    with pytest.raises(ProjectError) as caught:
        installed.refuse_used([crd], place)
    [found] = caught.value.diagnostics
    assert (found.code, found.path) == ("X193", ("addons", "kserve"))
    assert "castle/gate (inferenceservices.serving.kserve.io)" in found.message
    used.remove("castle/gate")
    installed.refuse_used([crd], place)
