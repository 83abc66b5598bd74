"""The project file as it is written: `Project` and its parts. Defaults are the blueprint's; here absent is None."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .graphs import Pipeline, Step
from .models import (
    Batching,
    Canary,
    Compute,
    Gpu,
    Limits,
    Metric,
    Model,
    Overrides,
    Rollout,
    Route,
    Scale,
    Schedule,
    SecretRef,
    Slo,
    Traffic,
    Weights,
)
from .platforms import (
    Access,
    Addon,
    Addons,
    Alerts,
    Aws,
    Azure,
    Budget,
    Cloud,
    Existing,
    Gcp,
    GitOps,
    Local,
    Metrics,
    Network,
    Observability,
    Platform,
    Registry,
    System,
)
from .pools import Accelerator, Nodes, Pool, Spot
from .servers import Container, HuggingFace, Runtime, Server, TensorFlow, Torch, TorchServe, Triton, Vllm
from .teams import Quota, Team
from .units import (
    SECRET_NAME,
    Distinct,
    Duration,
    Email,
    FilePath,
    HostName,
    Name,
    Part,
    ProjectName,
    Rare,
    SecretName,
    Seq,
    matching,
)

VERSION = 1


class Dns(Part):
    """Where the gateway's name is kept."""

    zone: HostName = Field(description="The DNS zone that the host is part of.")


class Tls(Part):
    """Who signs the gateway's certificate."""

    issuer: Annotated[str, AfterValidator(matching(SECRET_NAME, "name of a ClusterIssuer", "letsencrypt"))] = Field(
        description="`letsencrypt`, the name of a cert-manager ClusterIssuer, or `none` where TLS ends before it.",
        json_schema_extra={"pattern": SECRET_NAME},
    )
    email: Email | None = Field(None, description="Whom Let's Encrypt writes to.")


class Jwt(Part):
    """Tokens that are accepted."""

    issuer: str = Field(min_length=1, description="Who signs them: the `iss` claim.")
    jwks: str | None = Field(None, description="Where the signing keys are; by default the issuer's own address.")
    audiences: Seq[str] = Field((), description="Accepted `aud` claims; empty takes any.")


class Auth(Part):
    """Who may call what is not public."""

    api_keys: SecretName | None = Field(None, description="The name of the Secret that holds the keys.")
    jwt: Jwt | None = Field(None, description="Tokens that are accepted.")


class RateLimit(Part):
    """How often one caller may call."""

    requests: int = Field(ge=1, description="How many requests.")
    per: Duration = Field(description="In how long.")
    by: Literal["key", "ip"] | None = Field(None, description="What one caller is.")


ORIGIN = r"^https?://[^/\\s]+$"
Origin = Annotated[
    str,
    AfterValidator(matching(ORIGIN, "origin of a web page", "https://app.dungeon.example")),
    Field(json_schema_extra={"pattern": ORIGIN}),
]


class Gateway(Rare):
    """The one door to the models."""

    host: HostName = Field(description="The name under which the models are reached.")
    dns: Dns | None = Field(None, description="Where the name is kept.")
    tls: Tls | None = Field(None, description="Who signs the certificate.")
    auth: Auth | None = Field(None, description="Who may call.")
    rate_limit: RateLimit | None = Field(None, description="How often one caller may call.")
    cors: Distinct[Origin] = Field((), description="Web pages' origins that may call, such as `https://app.example`.")


class Project(Part):
    """A whole project file."""

    version: Literal[1] = Field(description="The version of this vocabulary.")
    name: ProjectName = Field(description="The project's name; it prefixes every name in the cloud.")
    namespace: Name | None = Field(None, description="The Kubernetes namespace; by default the project's name.")
    platform: Platform = Field(description="Where it runs.")
    addons: Addons | None = Field(None, description="The controllers beside the models.")
    registry: Registry | None = Field(None, description="Where images are kept.")
    pools: Seq[Pool] = Field((), description="The nodes; without any, they are derived from the models.")
    models: Seq[Model] = Field(description="What is served.")
    pipelines: Seq[Pipeline] = Field((), description="Several models behind one address.")
    gateway: Gateway | None = Field(None, description="The one door to the models.")
    team: Team | None = Field(None, description="Who may do what in the namespace, and how much it may take.")
    observability: Observability | None = Field(None, description="What is shown and who is woken.")
    gitops: GitOps | None = Field(None, description="Who applies the rendered tree, if not this command.")
    overlays: Distinct[FilePath] = Field((), description="Folders of a platform team's own defaults and templates.")


__all__ = [
    "VERSION",
    "Accelerator",
    "Access",
    "Addon",
    "Addons",
    "Alerts",
    "Auth",
    "Aws",
    "Azure",
    "Batching",
    "Budget",
    "Canary",
    "Cloud",
    "Compute",
    "Container",
    "Dns",
    "Existing",
    "Gateway",
    "Gcp",
    "GitOps",
    "Gpu",
    "HuggingFace",
    "Jwt",
    "Limits",
    "Local",
    "Metric",
    "Metrics",
    "Model",
    "Network",
    "Nodes",
    "Observability",
    "Overrides",
    "Part",
    "Pipeline",
    "Platform",
    "Pool",
    "Project",
    "Quota",
    "RateLimit",
    "Registry",
    "Rollout",
    "Route",
    "Runtime",
    "Scale",
    "Schedule",
    "SecretRef",
    "Server",
    "Slo",
    "Spot",
    "Step",
    "System",
    "Team",
    "TensorFlow",
    "Tls",
    "Torch",
    "TorchServe",
    "Traffic",
    "Triton",
    "Vllm",
    "Weights",
]
