"""The door of every profile: no route without a policy, none public that the file does not say is, all of it valid."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import chart_schemas
import pytest
import yaml
from chart_profiles import NAMES, tree, values
from helmet import helm, template

from workaday.execute.workspace import open_workspace
from workaday.project.diagnostics import ProjectError

Object = dict[str, Any]
CHARTS = Path(__file__).parents[2] / "charts"
CODES = Path(__file__).parents[2] / "generator" / "workaday" / "codes"


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """Return the objects of a profile's door and its routes, with its text edited."""

    def made(name: str, edit=str) -> list[Object]:
        rendered = tree(name, tmp_path_factory.mktemp(name), edit)
        found = template(CHARTS / "gateway", json.loads(rendered["releases/gateway.json"]))
        return found + [
            each for each in template(CHARTS / "inference", values(rendered)) if each["kind"] == "HTTPRoute"
        ]

    return made


def of(found: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def covered(found: list[Object], kind: str) -> list[str]:
    """Return the routes that policies of a kind are about, each as often as one is."""
    targets = [it for each in of(found, kind).values() for it in each["spec"]["targetRefs"]]
    return sorted(each["name"] for each in targets if each["kind"] == "HTTPRoute")


def models_routes(found: list[Object]) -> list[str]:
    return sorted(set(of(found, "HTTPRoute")) - {"to-https"})


@pytest.mark.parametrize("chart", ["gateway", "team"])
def test_helm_finds_no_fault(chart) -> None:
    done = helm("lint", "--strict", str(CHARTS / chart))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_api_server_would_take_every_object(name, door) -> None:
    assert {each["kind"]: found for each in door(name) if (found := chart_schemas.errors(each))} == {}


@pytest.mark.parametrize("name", NAMES)
def test_each_route_is_covered_by_one_policy_and_shut_unless_it_is_public(name, door) -> None:
    found = door(name)
    assert covered(found, "SecurityPolicy") == models_routes(found)
    assert covered(found, "BackendTrafficPolicy") == models_routes(found)
    policies = of(found, "SecurityPolicy")
    assert policies["workaday"]["spec"]["authorization"] == {"defaultAction": "Deny"}
    assert policies["dungeon-private"]["spec"]["apiKeyAuth"]["credentialRefs"] == [{"name": "dungeon-api-keys"}]
    assert "dungeon-public" not in policies  # no model of these says so


def test_only_what_says_so_is_public(door) -> None:
    found = door(
        "kinds-existing", lambda text: text.replace("{name: hub,", "{name: hub, route: {path: /hub, public: true},")
    )
    policies = of(found, "SecurityPolicy")
    assert [each["name"] for each in policies["dungeon-public"]["spec"]["targetRefs"]] == ["hub-route"]
    assert "hub-route" not in str(policies["dungeon-private"])
    assert covered(found, "SecurityPolicy") == models_routes(found)


def test_a_route_that_no_policy_covers_is_noticed(door) -> None:
    found = copy.deepcopy(door("kinds-existing"))
    of(found, "SecurityPolicy")["dungeon-private"]["spec"]["targetRefs"].pop()
    assert covered(found, "SecurityPolicy") != models_routes(found)


def test_models_routes_are_at_https_alone_and_of_our_namespaces(door) -> None:
    [gateway] = of(door("kinds-aws"), "Gateway").values()
    plain, secure = gateway["spec"]["listeners"]
    assert (plain["name"], plain["allowedRoutes"]["namespaces"]) == ("http", {"from": "Same"})
    labels = {"app.kubernetes.io/managed-by": "workaday"}
    assert secure["allowedRoutes"]["namespaces"] == {"from": "Selector", "selector": {"matchLabels": labels}}
    assert gateway["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "workaday-letsencrypt"}


@pytest.mark.parametrize(
    ("tls", "issuer", "made"), [("letsencrypt", "workaday-letsencrypt", 1), ("ours", "ours", 0), ("none", None, 0)]
)
def test_who_signs_the_certificate(tls, issuer, made, door) -> None:
    found = door(
        "kinds-gcp", lambda text: text.replace("dungeon.example}", f"dungeon.example, tls: {{issuer: {tls}}}}}", 1)
    )
    [gateway] = of(found, "Gateway").values()
    assert gateway["metadata"].get("annotations", {}).get("cert-manager.io/cluster-issuer") == issuer
    assert len(of(found, "ClusterIssuer")) == made
    assert [each["name"] for each in gateway["spec"]["listeners"]] == (["http"] if tls == "none" else ["http", "https"])
    # what shuts routes is at the listener that has them
    [target] = of(found, "SecurityPolicy")["workaday"]["spec"]["targetRefs"]
    assert target["sectionName"] == gateway["spec"]["listeners"][-1]["name"]


ADDRESSES = {
    "gcp": {"cloud.google.com/l4-rbs": "enabled", "networking.gke.io/load-balancer-ip-addresses": "dungeon-gateway"},
    "azure": {
        "service.beta.kubernetes.io/azure-pip-name": "dungeon-gateway",
        "service.beta.kubernetes.io/azure-load-balancer-resource-group": "dungeon",
    },
    "aws": {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"},
}


@pytest.mark.parametrize("cloud", ADDRESSES)
def test_the_load_balancer_takes_the_address_that_the_record_leads_to(cloud, door, tmp_path) -> None:
    """Terraform keeps an address and writes its record on gcp and azure; on aws external-dns follows the address."""

    def zoned(text: str) -> str:
        return text.replace("dungeon.example}", "dungeon.example, dns: {zone: dungeon.example}}", 1)

    [envoy] = of(door(f"kinds-{cloud}", zoned), "EnvoyProxy").values()
    assert envoy["spec"]["provider"]["kubernetes"]["envoyService"]["annotations"] == ADDRESSES[cloud]
    root = tree(f"kinds-{cloud}", tmp_path, zoned)
    variables = json.loads(root["terraform/cluster/workaday.auto.tfvars.json"])
    assert variables.get("resource_group") == ADDRESSES[cloud].get(
        "service.beta.kubernetes.io/azure-load-balancer-resource-group"
    )
    if cloud != "aws":
        module = root[f"terraform/modules/{cloud}/dns/main.tf"].decode()
        assert '"${var.name}-gateway"' in module
        assert f"{variables['name']}-gateway" in ADDRESSES[cloud].values()


def test_a_project_that_does_not_make_the_gateway_brings_only_its_own(door) -> None:
    found = door("kinds-existing", lambda text: text.replace("registry:", "addons: {gateway: existing}\nregistry:", 1))
    assert {each["kind"] for each in found} == {"HTTPRoute", "SecurityPolicy", "BackendTrafficPolicy"}
    assert {each["metadata"]["namespace"] for each in found} == {"dungeon"}
    assert covered(found, "SecurityPolicy") == models_routes(found)


def test_the_largest_body_and_the_rate_are_each_models_own(door) -> None:
    found = door("full-aws")
    story = of(found, "BackendTrafficPolicy")["story-route"]["spec"]
    assert story["requestBuffer"] == {"limit": "1Mi"}
    [rule] = story["rateLimit"]["local"]["rules"]
    assert rule["limit"] == {"requests": 100, "unit": "Second"}
    assert rule["clientSelectors"] == [{"headers": [{"name": "x-workaday-key", "type": "Distinct"}]}]


def test_who_deploys_may_do_what_the_page_of_missing_rights_lists() -> None:
    listed = yaml.safe_load(re.search(r"```yaml\n(rules:.*?)```", (CODES / "X183.md").read_text(), re.DOTALL)[1])[
        "rules"
    ]
    given = template(CHARTS / "team", {"deployers": ["a"], "viewers": ["b"]})
    [deploy] = [
        each["rules"] for each in given if each["kind"] == "Role" and each["metadata"]["name"] == "workaday-deploy"
    ]
    lacking = [
        (group, resource, verb)
        for rule in listed
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if not any(
            group in has["apiGroups"] and resource in has["resources"] and ({verb, "*"} & set(has["verbs"]))
            for has in deploy
        )
    ]
    assert lacking == []


def test_a_team_is_valid_and_says_only_what_is_asked_for(tmp_path) -> None:
    team = "team: {deployers: [engineers], quota: {cpu: 90500m, gpus: 64}}\nregistry:"
    rendered = tree(
        "kinds-existing",
        tmp_path,
        lambda text: text.replace("registry:", team, 1),
    )
    found = template(CHARTS / "team", json.loads(rendered["releases/team.json"]))
    assert [chart_schemas.errors(each) for each in found] == [[] for _ in found]
    [quota] = of(found, "ResourceQuota").values()
    assert quota["spec"]["hard"] == {"requests.cpu": "90500m", "requests.nvidia.com/gpu": "64"}
    assert set(of(found, "RoleBinding")) == {"workaday-deploy"}


def test_a_quota_that_is_too_small_is_told_in_the_files_own_units(tmp_path) -> None:
    (tmp_path / "project.yaml").write_text(
        "version: 1\nname: shop\nplatform: {kind: existing, context: prod}\nteam: {quota: {memory: 1Gi, cpu: 500m}}\n"
        'models:\n  - {name: story, server: {kind: container, image: "ghcr.io/team/story:1"}, compute: {memory: 2Gi}}\n'
    )
    with pytest.raises(ProjectError) as caught:
        open_workspace(tmp_path / "project.yaml", None)
    assert {each.message.partition("ask for ")[2] for each in caught.value.diagnostics} == {
        "`cpu: 1`, the quota has 0.5",
        "`memory: 2Gi`, the quota has 1Gi",
    }
