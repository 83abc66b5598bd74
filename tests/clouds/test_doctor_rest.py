"""`doctor` on Google Cloud and Azure: fakes of their REST APIs on loopback, in the shapes that their pages document."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from workaday.catalog import read
from workaday.execute.clouds import Offer, azure, gcp
from workaday.execute.clouds.azure import OPERATIONS, Azure, allowed
from workaday.execute.clouds.gcp import PERMISSIONS, Gcp
from workaday.execute.clouds.rest import Rest
from workaday.execute.doctor.account import credentials, machines, permissions
from workaday.execute.prices import wanted
from workaday.project.diagnostics import ProjectError


@pytest.fixture
def google(workspace, api, rest, monkeypatch):
    for name in ("COMPUTE", "CONTAINER", "STORAGE"):
        monkeypatch.setattr(gcp, name, api.url)
    monkeypatch.setattr(gcp, "PROJECTS", f"{api.url}/rm/projects")
    opened = workspace("gcp")
    return opened.blueprint, Gcp(opened.blueprint.cloud, rest, "ann@example.com")


@pytest.fixture
def microsoft(workspace, api, rest, monkeypatch):
    monkeypatch.setattr(azure, "ARM", api.url)
    opened = workspace("azure")
    claims = base64.urlsafe_b64encode(json.dumps({"upn": "ann@example.com"}).encode()).decode().rstrip("=")
    return opened.blueprint, Azure(opened.blueprint.cloud, rest, lambda: f"x.{claims}.y")


def test_google_says_whose_project_it_is(google, api):
    blueprint, account = google
    api.on("GET", "/rm/projects/shop-prod", {"projectId": "shop-prod", "lifecycleState": "ACTIVE"})
    [found] = credentials(blueprint.cloud, None, lambda: account)
    assert (found.state, found.said) == ("ok", "ann@example.com in shop-prod")
    api.on("GET", "/rm/projects/shop-prod", {"error": {"message": "The caller does not have permission"}}, status=403)
    [found] = credentials(blueprint.cloud, None, lambda: account)
    assert found.state == "failed"
    assert "The caller does not have permission" in found.said


def test_google_tests_permissions(google, api):
    blueprint, account = google
    asked = []

    def answer(query, headers, body):
        asked.extend(json.loads(body)["permissions"])
        held = [each for each in asked if not each.startswith("container.clusters.c")]
        return 200, {}, json.dumps({"permissions": held}).encode()

    api.on("POST", "/rm/projects/shop-prod:testIamPermissions", answer)
    assert permissions(account, blueprint.cloud).said == "1 missing: container.clusters.create"
    assert asked == list(PERMISSIONS)
    assert len(asked) <= 100


def test_google_has_the_machines_and_cards_of_the_zones(google, api):
    _, account = google
    types = {each.name: each for each in read("gcp").instances.values()}
    machines_of = {
        "items": {
            "zones/us-central1-a": {"machineTypes": [{"name": "g2-standard-4"}, {"name": "n1-standard-4"}]},
            "zones/us-central1-b": {"machineTypes": [{"name": "n1-standard-4"}]},
            "zones/us-east1-b": {"machineTypes": [{"name": "g2-standard-4"}]},
            "zones/us-central1-f": {"warning": {"code": "NO_RESULTS_ON_PAGE"}},
        },
        "nextPageToken": "2",
    }
    more = {"items": {"zones/us-central1-c": {"machineTypes": [{"name": "g2-standard-4"}]}}}
    path = "/projects/shop-prod/aggregated/"
    api.on(
        "GET",
        f"{path}machineTypes",
        lambda query, *_: (200, {}, json.dumps(more if "pageToken" in query else machines_of).encode()),
    )
    cards = {"items": {"zones/us-central1-b": {"acceleratorTypes": [{"name": "nvidia-tesla-t4"}]}}}
    api.on("GET", f"{path}acceleratorTypes", cards)
    found = account.offers([types["g2-standard-4"], types["n1-standard-4+1xT4"]])
    assert found == {
        "g2-standard-4": Offer(frozenset({"us-central1-a", "us-central1-c"})),
        "n1-standard-4+1xT4": Offer(frozenset({"us-central1-b"})),
    }
    assert api.asked[0][2]["filter"] == '(name = "g2-standard-4") OR (name = "n1-standard-4")'


def test_google_limits_cards_in_the_region_and_everywhere(google, api):
    blueprint, account = google
    region = [
        {"metric": "NVIDIA_L4_GPUS", "limit": 1.0, "usage": 1.0},
        {"metric": "PREEMPTIBLE_NVIDIA_L4_GPUS", "limit": 16.0, "usage": 0.0},
        {"metric": "N2_CPUS", "limit": 100.0, "usage": 0.0},
        {"metric": "CPUS", "limit": 100.0, "usage": 0.0},
    ]
    api.on("GET", "/projects/shop-prod/regions/us-central1", {"quotas": region})
    api.on("GET", "/projects/shop-prod", {"quotas": [{"metric": "GPUS_ALL_REGIONS", "limit": 0.0}]})
    api.on("GET", "/projects/shop-prod/aggregated/machineTypes", {"items": {}})
    found = {each.what: each for each in machines(account, blueprint)}
    assert found["quota PREEMPTIBLE_NVIDIA_L4_GPUS"].state == "ok"
    few = found["quota NVIDIA_L4_GPUS"]
    assert (few.state, few.said.split(":")[0]) == ("warning", "1 to 10 GPUs for gpu; the limit is 1, 1 in use")
    none = found["quota GPUS_ALL_REGIONS"]
    assert none.state == "failed"
    assert none.fix == "ask for 10 or more: IAM & Admin, Quotas, `GPUS_ALL_REGIONS`, in us-central1"
    assert found["types of gpu"].state == "failed"


def test_azure_says_whose_subscription_it_is(microsoft, api):
    blueprint, account = microsoft
    subscription = blueprint.cloud.account
    api.on("GET", f"/subscriptions/{subscription}", {"subscriptionId": subscription, "state": "Enabled"})
    [found] = credentials(blueprint.cloud, None, lambda: account)
    assert (found.state, found.said) == ("ok", f"ann@example.com in {subscription}")


def test_azure_lists_permissions_and_what_they_leave_out(microsoft, api):
    blueprint, account = microsoft
    path = f"/subscriptions/{blueprint.cloud.account}/providers/Microsoft.Authorization/permissions"
    contributor = {
        "actions": ["*"],
        "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
    }
    api.on("GET", path, {"value": [contributor]})
    found = permissions(account, blueprint.cloud)
    said = "2 missing: Microsoft.Authorization/locks/write, Microsoft.Authorization/roleAssignments/write"
    assert (found.state, found.said) == ("failed", said)
    api.on("GET", path, {"value": [contributor, {"actions": ["Microsoft.Authorization/*"], "notActions": []}]})
    assert permissions(account, blueprint.cloud).state == "ok"
    assert not allowed(OPERATIONS[0], [])


SKU = {"resourceType": "virtualMachines", "family": "standardNCASv3_T4Family"}


def test_azure_has_the_sizes_that_the_subscription_may_use(microsoft, api):
    blueprint, account = microsoft
    types = {each.name: each for each in read("azure").instances.values()}
    zones = [{"location": "eastus", "zones": ["1", "2", "3"]}]
    listed = [
        {
            **SKU, "name": "Standard_NC4as_T4_v3", "locationInfo": zones,
            "restrictions": [{"type": "Zone", "reasonCode": "NotAvailable", "restrictionInfo": {"zones": ["2"]}}],
        },
        {
            **SKU, "name": "Standard_NC8as_T4_v3", "locationInfo": zones,
            "restrictions": [{"type": "Location", "reasonCode": "NotAvailableForSubscription"}],
        },
        {"resourceType": "disks", "name": "Standard_NC4as_T4_v3"},
    ]  # fmt: skip
    path = f"/subscriptions/{blueprint.cloud.account}/providers/Microsoft.Compute/skus"
    second = {"value": listed[1:]}
    first = {"value": listed[:1], "nextLink": f"{api.url}{path}?page=2"}
    api.on("GET", path, lambda query, *_: (200, {}, json.dumps(second if "page" in query else first).encode()))
    names = ["Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3", "Standard_NC16as_T4_v3"]
    assert account.offers([types[each] for each in names]) == {
        names[0]: Offer(frozenset({"1", "3"}), SKU["family"]),
        names[1]: Offer(frozenset({"1", "2", "3"}), SKU["family"], "NotAvailableForSubscription"),
    }


def test_azure_limits_cores_by_family_and_for_spot_together(microsoft, api):
    blueprint, account = microsoft
    catalogue = read("azure")
    offers = {
        each.name: Offer(frozenset(), SKU["family"] if each.gpu else "standardDSv5Family")
        for each in wanted(blueprint, catalogue)
    }
    account.offers = lambda types: offers
    usages = [("cores", "Total Regional vCPUs", 100), ("lowPriorityCores", "Total Regional Spot vCPUs", 3)]
    usages += [(SKU["family"], "Standard NCASv3_T4 Family vCPUs", 0), ("standardDSv5Family", "Standard DSv5 vCPUs", 20)]
    rows = [
        {"name": {"value": name, "localizedValue": text}, "limit": limit, "currentValue": 0}
        for name, text, limit in usages
    ]
    path = f"/subscriptions/{blueprint.cloud.account}/providers/Microsoft.Compute/locations/eastus/usages"
    api.on("GET", path, {"value": rows})
    found = {each.what: each for each in machines(account, blueprint)}
    none = found[f"quota {SKU['family']}"]
    assert none.state == "failed"
    assert "`Standard NCASv3_T4 Family vCPUs` (standardNCASv3_T4Family), in eastus" in none.fix
    assert found["quota lowPriorityCores"].state == "failed"  # not one node of four cores
    assert found["quota standardDSv5Family"].state == "ok"


@pytest.mark.parametrize("kind", ["gcp", "azure"])
def test_the_states_store_is_there_or_not_yet(kind, request, api):
    blueprint, account = request.getfixturevalue({"gcp": "google", "azure": "microsoft"}[kind])
    assert account.state_store() is False
    path = api.asked[-1][1]
    assert blueprint.cloud.state.bucket in path
    api.on("GET", path, {"name": "x"})
    assert account.state_store() is True


def test_a_busy_cloud_is_asked_again_and_a_broken_one_is_a_named_error(api, rest):
    answers = [(503, {}, b""), None, (200, {}, b'{"a": 1}')]
    api.on("GET", "/x", lambda *_: answers.pop(0))
    assert rest.get(f"{api.url}/x") == {"a": 1}
    for status, code in ((500, "X151"), (403, "X150"), (400, "X151")):
        api.on("GET", "/x", b"<Error><Code>A</Code><Message>so it is</Message></Error>", status=status)
        with pytest.raises(ProjectError, match="so it is") as error:
            rest.get(f"{api.url}/x")
        assert [each.code for each in error.value.diagnostics] == [code]


def test_a_cloud_out_of_reach_is_a_named_error(rest: Rest, free_port):
    with pytest.raises(ProjectError, match="Connection refused") as error:
        rest.get(f"http://127.0.0.1:{free_port}/")
    assert [each.code for each in error.value.diagnostics] == ["X151"]


def test_every_operation_that_is_asked_for_is_one_that_the_page_tells_to_grant():
    page = (Path(__file__).parents[2] / "docs" / "clouds" / "azure.md").read_text()
    role = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    held = [{"actions": role["Actions"], "notActions": []}]
    assert [each for each in OPERATIONS if not allowed(each, held)] == []
