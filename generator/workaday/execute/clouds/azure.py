"""An Azure subscription, by azure-identity and REST."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workaday.blueprint.cloud import Cloud
from workaday.catalog import Instance
from workaday.execute.clouds import CONNECT_SECONDS, READ_SECONDS, Address, Offer, Quota, Token, Who
from workaday.execute.clouds.rest import Rest
from workaday.execute.failures import LOGINS
from workaday.execute.sdks import sdk
from workaday.project.diagnostics import mistake

ARM = "https://management.azure.com"
ARM_SCOPE = "https://management.azure.com/.default"
STORAGE_SCOPE = "https://storage.azure.com/.default"
# AKS' own application in every tenant: tokens for a cluster's API are made out to it.
AKS_SCOPE = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"
# Terraform's variables for a service principal, and the SDK's.
SAME = {
    "ARM_CLIENT_ID": "AZURE_CLIENT_ID",
    "ARM_CLIENT_SECRET": "AZURE_CLIENT_SECRET",
    "ARM_TENANT_ID": "AZURE_TENANT_ID",
}
# What Terraform cannot do without.
OPERATIONS = (
    "Microsoft.Authorization/locks/write", "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.ContainerRegistry/registries/write", "Microsoft.ContainerService/managedClusters/agentPools/write",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
    "Microsoft.ContainerService/managedClusters/write", "Microsoft.ManagedIdentity/userAssignedIdentities/write",
    "Microsoft.Network/virtualNetworks/subnets/join/action", "Microsoft.Network/virtualNetworks/write",
    "Microsoft.OperationalInsights/workspaces/write", "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.Storage/storageAccounts/write",
)  # fmt: skip


class Azure:
    """The subscription of a cluster on AKS.

    Args:
        cloud: the cluster.
        rest: Azure's Resource Manager, asked as somebody.
        token: gives the token that it is asked with, which says who that is.
    """

    def __init__(self, cloud: Cloud, rest: Rest, token: Callable[[], str]) -> None:
        self.cloud = cloud
        self.rest = rest
        self.token = token
        self.subscription = f"{ARM}/subscriptions/{cloud.account}"

    def who(self) -> Who:
        """Return whose credentials these are; they renew themselves."""
        found = self.rest.get(f"{self.subscription}?api-version=2022-12-01")
        return Who(caller(self.token()), found["subscriptionId"])

    def missing(self) -> Sequence[str]:
        """Read what these credentials may do in the subscription; rights on one resource group alone are not seen."""
        url = f"{self.subscription}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
        held = list(self._pages(url))
        return tuple(each for each in OPERATIONS if not allowed(each, held))

    def offers(self, types: Sequence[Instance]) -> Mapping[str, Offer]:
        """Return the zones that the subscription may use for each of some types, and its quota's family."""
        names = {each.machine: each.name for each in types}
        region = self.cloud.region
        url = f"{self.subscription}/providers/Microsoft.Compute/skus?api-version=2021-07-01"
        listed = self._pages(f"{url}&$filter=location eq '{region}'")
        return {
            names[each["name"]]: offer(each)
            for each in listed
            if each.get("resourceType") == "virtualMachines" and each["name"] in names
        }

    def quotas(self) -> Mapping[str, Quota]:
        """Return the region's limits on cores, by the name of their family."""
        url = f"{self.subscription}/providers/Microsoft.Compute/locations/{self.cloud.region}/usages"
        return {
            each["name"]["value"]: Quota(
                each["name"]["value"], each["name"]["localizedValue"], each["limit"], each["currentValue"]
            )
            for each in self._pages(f"{url}?api-version=2023-07-01")
        }

    def state_store(self) -> bool:
        """Return whether the state's container is there."""
        state = self.cloud.state
        url = (
            f"{self.subscription}/resourceGroups/{state.resource_group}/providers/Microsoft.Storage/storageAccounts"
            f"/{state.bucket}/blobServices/default/containers/{state.container}?api-version=2023-05-01"
        )
        return self.rest.get(url, expected=(200, 404)) is not None

    def address(self) -> Address | None:
        """Return how the cluster's API is reached, from the kubeconfig that AKS gives to its users."""
        import yaml

        url = (
            f"{self.subscription}/resourceGroups/{self.cloud.resource_group}/providers/Microsoft.ContainerService"
            f"/managedClusters/{self.cloud.name}/listClusterUserCredential?api-version=2024-09-01"
        )
        answer = self.rest.ask("POST", url, expected=(200, 404))
        if answer.status_code == 404:
            return None
        config = yaml.safe_load(base64.b64decode(answer.json()["kubeconfigs"][0]["value"]))
        cluster = config["clusters"][0]["cluster"]
        return Address(cluster["server"], cluster.get("certificate-authority-data"))

    def _pages(self, url: str) -> Iterator[Any]:
        page: str | None = url
        while page:
            answer = self.rest.get(page)
            yield from answer["value"]
            page = answer.get("nextLink")


def account(cloud: Cloud) -> Azure:
    """Return the subscription of a cluster."""
    token = bearer(found_credentials(), ARM_SCOPE)
    return Azure(cloud, Rest("Azure", token), token)


def found_credentials() -> Any:
    """Return the SDK's usual credentials: environment, workload and managed identity, a logged-in command line.

    Raises:
        ProjectError: X130, azure-identity is not installed.
    """
    identity = sdk("azure.identity", "Azure is asked")
    logging.getLogger("azure.identity").setLevel(logging.ERROR)  # of each kind that it tries and does not find
    for ours, theirs in SAME.items():
        if ours in os.environ:
            os.environ.setdefault(theirs, os.environ[ours])
    limits = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    return identity.DefaultAzureCredential(exclude_interactive_browser_credential=True, **limits)


def bearer(credentials: Any, scope: str) -> Callable[[], str]:
    """Return what gives a valid access token for a scope each time; the SDK keeps it until it ends."""
    return lambda: token(credentials, scope).text


def token(credentials: Any = None, scope: str = AKS_SCOPE) -> Token:
    """Return a token for a scope, AKS' by default.

    Raises:
        ProjectError: X130, X112.
    """
    found = credentials or found_credentials()
    from azure.core.exceptions import AzureError, ServiceRequestError

    try:
        got = found.get_token(scope)
    except AzureError as error:  # its message has a paragraph for each kind of credentials that was tried
        said = (str(error).splitlines() or [""])[0][:200]
        if isinstance(error, ServiceRequestError):
            raise mistake("X151", f"cannot ask Azure: {said}", "is there a way out to the internet?") from None
        raise mistake("X112", f"no credentials for the cloud: {said}", LOGINS["azure"]) from None
    return Token(got.token, datetime.fromtimestamp(got.expires_on, UTC))


def caller(token: str) -> str:
    """Return whom a token says it is for; it is only shown, so it is not verified."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return "an unknown caller"
    return str(claims.get("upn") or claims.get("unique_name") or claims.get("appid") or claims.get("oid"))


def allowed(operation: str, held: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether one of some permissions has an operation among its actions and not among its `notActions`."""
    return any(
        any(covers(each, operation) for each in permission.get("actions", ()))
        and not any(covers(each, operation) for each in permission.get("notActions", ()))
        for permission in held
    )


def covers(pattern: str, operation: str) -> bool:
    """Return whether an action with stars in it, such as `Microsoft.Network/*/read`, is or holds an operation."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), operation, re.IGNORECASE) is not None


def offer(sku: Mapping[str, Any]) -> Offer:
    """Return where a subscription may have a size: its zones less those that it is barred from."""
    zones = {zone for place in sku.get("locationInfo", ()) for zone in place.get("zones", ())}
    barred = ""
    for each in sku.get("restrictions", ()):
        if each["type"] == "Location":
            barred = each.get("reasonCode", "restricted")
        else:
            zones -= set(each.get("restrictionInfo", {}).get("zones", ()))
    return Offer(frozenset(zones), sku.get("family", ""), barred)
