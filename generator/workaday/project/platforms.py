"""Where a project runs: a tagged union, each kind with its own keys; and what it carries beside the models."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from .units import (
    Cidr,
    Distinct,
    Duration,
    Email,
    FilePath,
    ImagePrefix,
    KubernetesVersion,
    Part,
    Rare,
    SecretName,
    Version,
    distinct,
    matching,
    refuse,
)


def _zones(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | list | tuple):
        refuse("type", "a list of zones, or how many", "write `[us-east-1a, us-east-1b]` or `3`")
    if isinstance(value, int):
        if not 1 <= value <= 6:
            refuse("range", f"`{value}` zones", "must be from 1 to 6")
        return value
    if not value:
        refuse("range", "`zones` is empty", "name one, or write how many")
    for place, each in enumerate(value):
        if isinstance(each, int) and not isinstance(each, bool):
            refuse("misread", f"`{each}` is read as a number, but a zone is text", f'quote it: "{each}"', key=place)
        if not isinstance(each, str) or not each:
            refuse("type", "a list of zones, or how many", "write `[us-east-1a, us-east-1b]` or `3`")
    return distinct(tuple(value))


Zones = Annotated[int | tuple[str, ...], BeforeValidator(_zones, json_schema_input_type=int | list[str])]


class Network(Rare):
    """The cluster's network: a new one by `cidr`, or an existing one by `vpc` and `subnets`."""

    cidr: Cidr | None = Field(None, description="The addresses of a new network.")
    nat: Literal["single", "per_zone", "none"] | None = Field(
        None, description="How a new network's private nodes reach out: one NAT gateway, one a zone, or none."
    )
    vpc: str | None = Field(None, description="An existing network, by its id (aws) or name (gcp, azure).")
    subnets: Distinct[str] | None = Field(None, description="The existing network's subnets for the nodes.")

    @model_validator(mode="after")
    def _new_or_existing(self) -> Self:
        if self.vpc and self.cidr:
            refuse("conflict", "`vpc` names an existing network, `cidr` a new one", "remove one of them", key="vpc")
        if bool(self.vpc) != bool(self.subnets):
            given, other = ("vpc", "subnets") if self.vpc else ("subnets", "vpc")
            refuse("conflict", f"`{given}` needs `{other}` beside it", "an existing network is both", key=given)
        return self


class Access(Rare):
    """Who reaches the cluster's API."""

    endpoint: Literal["public", "private"] | None = Field(None, description="Whether the API has a public address.")
    cidrs: Distinct[Cidr] | None = Field(None, description="The networks that may reach a public endpoint.")
    via: Literal["vpn", "peering", "bastion", "runner"] | None = Field(
        None, description="How you reach a private endpoint; without it, none would reach the cluster."
    )
    admins: Distinct[str] | None = Field(
        None, description="Who administers the cluster: IAM principals (aws), members (gcp), group object ids (azure)."
    )


class System(Rare):
    """The pool where controllers run; never spot."""

    instances: Distinct[str] | None = Field(None, description="Instance types, the first that is available.")
    nodes: int | None = Field(None, ge=1, le=100, description="How many nodes.")


class Budget(Rare):
    """An alarm on what the project costs."""

    monthly: float = Field(gt=0, description="US dollars a month.")
    notify: Distinct[Email] = Field((), description="Who is told at 50, 80 and 100 percent.")


class Local(Part):
    """This machine: real server processes, no containers."""

    kind: Literal["local"] = Field(description="Runs the models as processes on this machine.")
    host: str | None = Field(None, description="The address to listen on.")
    port: int | None = Field(None, ge=1, le=65535, description="The first server's port; further ones follow it.")


class Existing(Part):
    """A cluster that is already there; no Terraform for it."""

    kind: Literal["existing"] = Field(description="Installs into a Kubernetes cluster that is already there.")
    context: str = Field(min_length=1, description="The cluster's context in the kubeconfig.")
    kubeconfig: FilePath | None = Field(None, description="The kubeconfig file.")
    kubernetes: KubernetesVersion | None = Field(None, description="The cluster's Kubernetes version, quoted.")


class Cloud(Part):
    """What every cloud has."""

    region: str = Field(description="The cloud's name of the region.")
    zones: Zones | None = Field(None, description="The zones by name, or how many to take.")
    kubernetes: KubernetesVersion | None = Field(None, description="The Kubernetes version, quoted.")
    network: Network | None = Field(None, description="A new network or an existing one.")
    access: Access | None = Field(None, description="Who reaches the cluster's API.")
    system: System | None = Field(None, description="The pool where controllers run.")
    budget: Budget | None = Field(None, description="An alarm on cost.")
    tags: dict[str, str] | None = Field(None, description="Tags (aws, azure) or labels (gcp) of every resource.")
    deletion_protection: bool | None = Field(None, description="Whether the cloud refuses to delete the cluster.")


_ACCOUNT = matching(r"^[0-9]{12}$", "account id of AWS", "111122223333")


class Aws(Cloud):
    """Amazon EKS."""

    kind: Literal["aws"] = Field(description="Makes an EKS cluster on Amazon Web Services.")
    account: Annotated[str | None, BeforeValidator(lambda value: _checked(value, _ACCOUNT))] = Field(
        None, description="The account that holds it, quoted; any other is refused."
    )
    provisioner: Literal["karpenter", "node_groups"] | None = Field(
        None, description="Who adds nodes: Karpenter, or managed node groups."
    )


_PROJECT_ID = matching(r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$", "project id of Google Cloud", "dungeon-prod")
_SUBSCRIPTION = matching(
    r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", "subscription id", "00000000-0000-0000-0000-000000000000"
)


class Gcp(Cloud):
    """Google GKE."""

    kind: Literal["gcp"] = Field(description="Makes a GKE cluster on Google Cloud.")
    project: Annotated[str, BeforeValidator(lambda value: _checked(value, _PROJECT_ID))] = Field(
        description="The Google Cloud project that holds it."
    )
    provisioner: Literal["node_pools", "auto_provisioning"] | None = Field(
        None, description="Who adds nodes: the pools' own autoscalers, or node auto-provisioning."
    )


class Azure(Cloud):
    """Azure AKS."""

    kind: Literal["azure"] = Field(description="Makes an AKS cluster on Azure.")
    subscription: Annotated[str, BeforeValidator(lambda value: _checked(value, _SUBSCRIPTION))] = Field(
        description="The subscription that holds it."
    )
    provisioner: Literal["node_pools", "auto_provisioning"] | None = Field(
        None, description="Who adds nodes: the pools' own autoscalers, or node auto-provisioning (Karpenter)."
    )


def _checked(value: Any, check: Any) -> Any:
    return check(value) if isinstance(value, str) else value


Platform = Annotated[Local | Existing | Aws | Gcp | Azure, Field(discriminator="kind")]


class Addon(Part):
    """A controller that the platform needs: ours in a pinned version, or one that is there already."""

    existing: bool = Field(False, description="It is in the cluster already; leave it alone.")
    version: Version | None = Field(None, description="The version to install.")

    @model_validator(mode="after")
    def _ours_or_anothers(self) -> Self:
        given = [key for key in type(self).model_fields if key != "existing" and getattr(self, key) is not None]
        if self.existing and given:
            message = f"`{given[0]}` does nothing: what is `existing` is left alone"
            refuse("conflict", message, "remove one of them", key=given[0])
        return self


def _days(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        refuse("malformed", f"`{value}` is no duration: it has no unit", f"did you mean `{value}d`?")
    return value


class Metrics(Addon):
    """Prometheus."""

    retention: Annotated[Duration, BeforeValidator(_days)] | None = Field(
        None, description="How long samples are kept."
    )


def _addon(value: object) -> object:
    if value == "existing":
        return {"existing": True}
    if isinstance(value, str):
        refuse("choice", f"`{value}` is no choice", choices=("existing",))
    return value


OwnOrExisting = Annotated[Addon, BeforeValidator(_addon, json_schema_input_type=Literal["existing"] | Addon)]


class Addons(Rare):
    """The controllers beside the models, each `existing` or with a version."""

    kserve: OwnOrExisting | None = Field(None, description="KServe, which runs the models.")
    keda: OwnOrExisting | None = Field(None, description="KEDA, which scales them.")
    karpenter: OwnOrExisting | None = Field(None, description="Karpenter, which adds nodes (aws).")
    gateway: OwnOrExisting | None = Field(None, description="Envoy Gateway, which routes to the models.")
    cert_manager: OwnOrExisting | None = Field(None, description="cert-manager, which keeps certificates.")
    dns: OwnOrExisting | None = Field(None, description="external-dns, which writes the gateway's name (aws).")
    gpu: OwnOrExisting | None = Field(None, description="NVIDIA's device plugin and metrics.")
    metrics: (
        Annotated[Metrics, BeforeValidator(_addon, json_schema_input_type=Literal["existing"] | Metrics)] | None
    ) = Field(None, description="Prometheus, which measures.")
    charts: FilePath | None = Field(
        None, description="A folder that has their charts, for closed networks; without it they are fetched."
    )


class Registry(Rare):
    """Where the models' images are kept."""

    prefix: ImagePrefix = Field(description="What stands before each image's name.")
    pull_secret: SecretName | None = Field(None, description="The Secret to pull with, if nodes cannot on their own.")
    mirror: ImagePrefix | None = Field(
        None, description="Where images of others are pulled from instead, below their full names; for closed networks."
    )


class GitOps(Rare):
    """Who applies the rendered tree, if not this command."""

    engine: Literal["argocd", "flux"] = Field(description="Argo CD or Flux.")
    repo: str = Field(min_length=1, description="The repository that holds the rendered tree.")
    path: str | None = Field(None, description="The tree's folder in it.")
    branch: str | None = Field(None, description="The branch to follow.")


class Alerts(Part):
    """Where alerts go."""

    receiver_secret: SecretName = Field(description="The Secret that holds the receiver's `url`, or PagerDuty's `key`.")
    receiver: Literal["webhook", "slack", "pagerduty"] | None = Field(None, description="What the receiver is.")
    runbooks: str | None = Field(None, min_length=1, description="What stands before a runbook's name in an alert.")


class Observability(Rare):
    """What is shown and who is woken."""

    dashboards: bool | None = Field(None, description="Whether Grafana gets the dashboards.")
    alerts: Alerts | None = Field(None, description="Where alerts go.")
