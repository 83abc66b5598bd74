"""A Google Cloud project, by google-auth and REST."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from workaday.blueprint.cloud import Cloud
from workaday.catalog import Instance
from workaday.execute.clouds import Address, Offer, Quota, Token, Who
from workaday.execute.clouds.rest import Rest
from workaday.execute.failures import LOGINS
from workaday.execute.sdks import sdk
from workaday.project.diagnostics import mistake

COMPUTE = "https://compute.googleapis.com/compute/v1"
CONTAINER = "https://container.googleapis.com/v1"
PROJECTS = "https://cloudresourcemanager.googleapis.com/v1/projects"
STORAGE = "https://storage.googleapis.com"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")
# Google does not say when a token of a metadata server ends; none lives longer.
TOKEN_LIFE = timedelta(minutes=50)
# What Terraform cannot do without; at most 100 may be asked for at once.
PERMISSIONS = (
    "artifactregistry.repositories.create", "compute.firewalls.create", "compute.networks.create",
    "compute.regions.get", "compute.routers.create", "compute.subnetworks.create", "container.clusters.create",
    "container.clusters.get", "container.clusters.update", "container.operations.get", "iam.serviceAccounts.actAs",
    "iam.serviceAccounts.create", "resourcemanager.projects.get", "resourcemanager.projects.setIamPolicy",
    "serviceusage.services.use", "storage.buckets.create", "storage.buckets.get", "storage.buckets.setIamPolicy",
    "storage.objects.create", "storage.objects.delete", "storage.objects.get",
)  # fmt: skip
NEW_NETWORK = (
    "compute.firewalls.create",
    "compute.networks.create",
    "compute.routers.create",
    "compute.subnetworks.create",
)


class Gcp:
    """The project of a cluster on GKE.

    Args:
        cloud: the cluster.
        rest: Google's APIs, asked as somebody.
        caller: who that is.
    """

    def __init__(self, cloud: Cloud, rest: Rest, caller: str) -> None:
        self.cloud = cloud
        self.rest = rest
        self.caller = caller
        self.compute = f"{COMPUTE}/projects/{cloud.account}"

    def who(self) -> Who:
        """Return whose credentials these are; they renew themselves."""
        found = self.rest.get(f"{PROJECTS}/{self.cloud.account}")
        return Who(self.caller, found["projectId"])

    def missing(self) -> Sequence[str]:
        """Ask which permissions these credentials have in the project."""
        wanted = [each for each in PERMISSIONS if not (self.cloud.network.existing and each in NEW_NETWORK)]
        url = f"{PROJECTS}/{self.cloud.account}:testIamPermissions"
        found = self.rest.ask("POST", url, json={"permissions": wanted}).json()
        return tuple(sorted(set(wanted) - set(found.get("permissions", ()))))

    def offers(self, types: Sequence[Instance]) -> Mapping[str, Offer]:
        """Return the zones of the region that have a machine and, where one is attached to it, its card."""
        machines = self._zones("machineTypes", {each.machine for each in types})
        attached = {each.gpu.accelerator for each in types if each.gpu and each.gpu.accelerator and "+" in each.name}
        cards = self._zones("acceleratorTypes", attached)
        found = {}
        for each in types:
            zones = machines.get(each.machine, set())
            if "+" in each.name and each.gpu:
                zones = zones & cards.get(each.gpu.accelerator or "", set())
            if zones:
                found[each.name] = Offer(frozenset(zones))
        return found

    def _zones(self, what: str, names: set[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        wanted = " OR ".join(f'(name = "{name}")' for name in sorted(names))
        for page in self._pages(f"{self.compute}/aggregated/{what}", wanted) if names else ():
            for scope, held in page.get("items", {}).items():
                zone = scope.removeprefix("zones/")
                for each in held.get(what, ()) if zone.startswith(f"{self.cloud.region}-") else ():
                    found.setdefault(each["name"], set()).add(zone)
        return found

    def _pages(self, url: str, wanted: str) -> Iterator[Any]:
        token = ""
        while True:
            page = self.rest.get(url, params={"filter": wanted, **({"pageToken": token} if token else {})})
            yield page
            token = page.get("nextPageToken", "")
            if not token:
                return

    def quotas(self) -> Mapping[str, Quota]:
        """Return Compute Engine's limits of the region, and those of all regions together, by their metric."""
        region = self.rest.get(f"{self.compute}/regions/{self.cloud.region}")
        project = self.rest.get(self.compute)
        listed = [*project.get("quotas", ()), *region.get("quotas", ())]
        return {
            each["metric"]: Quota(each["metric"], each["metric"], each["limit"], each.get("usage")) for each in listed
        }

    def state_store(self) -> bool:
        """Return whether the state's bucket is there."""
        return self.rest.get(f"{STORAGE}/storage/v1/b/{self.cloud.state.bucket}", expected=(200, 404)) is not None

    def address(self) -> Address | None:
        """Return how the cluster's API is reached: by its name where it has one, whose callers need no address."""
        place = f"projects/{self.cloud.account}/locations/{self.cloud.region}/clusters/{self.cloud.name}"
        found = self.rest.get(f"{CONTAINER}/{place}", expected=(200, 404))
        if found is None:
            return None
        named = found.get("controlPlaneEndpointsConfig", {}).get("dnsEndpointConfig", {})
        if named.get("endpoint") and named.get("allowExternalTraffic"):
            return Address(f"https://{named['endpoint']}", None)
        if not found.get("endpoint"):
            return None
        return Address(f"https://{found['endpoint']}", found["masterAuth"]["clusterCaCertificate"])


def account(cloud: Cloud) -> Gcp:
    """Return the project of a cluster."""
    rest, caller = rest_of()
    return Gcp(cloud, rest, caller)


def rest_of() -> tuple[Rest, str]:
    """Return Google's APIs, asked by the application default credentials, and who those are.

    Raises:
        ProjectError: X130 without google-auth, X112 without credentials.
    """
    credentials = found_credentials()
    caller = getattr(credentials, "service_account_email", None) or getattr(credentials, "account", None)
    return Rest("Google Cloud", bearer(credentials)), caller or "the application default credentials"


def found_credentials() -> Any:
    """Return the application default credentials; see `rest_of` for what is raised."""
    auth = sdk("google.auth", "Google Cloud is asked")
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials, _ = auth.default(scopes=list(SCOPES))
    except GoogleAuthError as error:
        raise nobody(error) from None
    return credentials


def bearer(credentials: Any) -> Callable[[], str]:
    """Return what gives a valid access token each time, a new one when the old one ends."""

    def token() -> str:
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        if not credentials.valid:
            try:
                credentials.refresh(Request())
            except GoogleAuthError as error:
                raise nobody(error) from None
        text: str = credentials.token
        return text

    return token


def nobody(error: Exception) -> Exception:
    """Return that there are no credentials, none that Google takes, or no way to ask whether it does."""
    from google.auth.exceptions import TransportError

    said = (str(error).splitlines() or [""])[0].partition(". ")[0][:200]
    if isinstance(error, TransportError):
        return mistake("X151", f"cannot ask Google Cloud: {said}", "is there a way out to the internet?")
    return mistake("X112", f"no credentials for the cloud: {said}", LOGINS["gcp"])


def token(now: datetime | None = None) -> Token:
    """Return a token for GKE: an access token of the application default credentials.

    Raises:
        ProjectError: X130, X112.
    """
    credentials = found_credentials()
    text = bearer(credentials)()
    ends = credentials.expiry.replace(tzinfo=UTC) if credentials.expiry else (now or datetime.now(UTC)) + TOKEN_LIFE
    return Token(text, ends)
