"""The one door to the models, and whose project it is: pure, every default in one place. Frozen, plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workaday.blueprint import images, naming

if TYPE_CHECKING:
    from workaday.blueprint.cloud import Cloud
    from workaday.blueprint.model import Model
    from workaday.blueprint.pipelines import Pipeline
    from workaday.blueprint.values import Values
    from workaday.project import schema

# What Envoy Gateway 1.9 runs as its proxies.
ENVOY = "docker.io/envoyproxy/envoy:distroless-v1.39.1"
LETSENCRYPT, NO_TLS = "letsencrypt", "none"
LETSENCRYPT_SERVER = "https://acme-v02.api.letsencrypt.org/directory"
ISSUER, CERTIFICATE = "workaday-letsencrypt", "workaday-tls"
KEY, IP = "key", "ip"
# What Envoy Gateway counts requests by, in seconds.
UNITS: Mapping[float, str] = {1: "Second", 60: "Minute", 3600: "Hour", 86400: "Day"}
REPLICAS = 2
LEAST_DRAIN_SECONDS = 60
# Without it EKS makes a load balancer of the first kind, which AWS no longer builds on.
LOAD_BALANCERS: Mapping[str, Mapping[str, str]] = {
    "aws": {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"},
}
# Where Terraform writes the record, it keeps the address too, under this name: infra/{gcp,azure}/dns.
ADDRESS = "{}-gateway"


@dataclass(frozen=True, slots=True)
class Acme:
    """An issuer that we make: Let's Encrypt's protocol, over HTTP."""

    name: str
    server: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Door:
    """The Gateway itself, of the one project that has it made.

    Attributes:
        annotations: of the load balancer's Service.
        image: Envoy's, or None for where it is made.
        issuer: the ClusterIssuer of the certificate; None is plain HTTP.
        acme: the ClusterIssuer that we make, or None.
        drain_seconds: what is in work when an Envoy ends may take that long.
    """

    replicas: int
    annotations: Mapping[str, str]
    image: str | None
    issuer: str | None
    acme: Acme | None
    drain_seconds: int


@dataclass(frozen=True, slots=True)
class Jwt:
    """Tokens that are accepted; empty `audiences` takes any."""

    issuer: str
    jwks: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one caller may call one model: `requests` in a `unit`, by `key` or `ip`."""

    requests: int
    unit: str
    by: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a model's or a pipeline's route lets in.

    Attributes:
        route: the HTTPRoute's name.
        key: of project.yaml, that of the model or pipeline.
        public: without a key.
        body_bytes: the largest request.
        rate: None is unlimited.
    """

    route: str
    key: tuple[str | int, ...]
    public: bool
    body_bytes: int
    rate: Rate | None


@dataclass(frozen=True, slots=True)
class Gateway:
    """The door, and who may come in to this project's models.

    Attributes:
        host: the name under which the models are reached.
        door: None where another project has it made.
        keys: the Secret of the keys; None with tokens.
        jwt: None with keys.
        cors: origins of web pages that may call.
        entries: in the order of the project file, models first.
    """

    host: str
    door: Door | None
    keys: str | None
    jwt: Jwt | None
    cors: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Team:
    """Whose project it is, and the most that its pods ask for together; None is any."""

    viewers: tuple[str, ...]
    deployers: tuple[str, ...]
    cpu_cores: float | None
    memory_bytes: int | None
    gpus: int | None
    pods: int | None


def resolve_gateway(
    project: schema.Project,
    models: Sequence[Model],
    pipelines: Sequence[Pipeline],
    cloud: Cloud | None,
    values: Values,
) -> Gateway | None:
    """Return the door and who may come in, or None where there is no gateway."""
    given = project.gateway
    if given is None:
        return None
    auth, own = given.auth, not (project.addons and project.addons.gateway and project.addons.gateway.existing)
    jwt = auth.jwt if auth else None
    keys = values.under("auth").choose(
        "api_keys",
        auth,
        None if jwt else f"{project.name}-api-keys",
        "callers show tokens" if jwt else "nobody comes in without a key",
    )
    return Gateway(
        host=given.host,
        door=resolve_door(project, given, models, cloud, values.under("tls")) if own else None,
        keys=keys,
        jwt=resolve_jwt(jwt, values.under("auth", "jwt")) if jwt else None,
        cors=given.cors,
        entries=tuple(entries(project, given, models, pipelines, values)),
    )


def resolve_door(
    project: schema.Project, given: schema.Gateway, models: Sequence[Model], cloud: Cloud | None, values: Values
) -> Door:
    """Return the Gateway as this project has it made."""
    issuer = values.choose("issuer", given.tls, LETSENCRYPT, "keys travel in the open without")
    ours = Acme(ISSUER, LETSENCRYPT_SERVER, given.tls.email if given.tls else None) if issuer == LETSENCRYPT else None
    longest = max((math.ceil(each.limits.timeout_seconds) for each in models), default=0)
    mirrored = images.mirrored(ENVOY, project.registry)
    return Door(
        replicas=REPLICAS,
        annotations={**LOAD_BALANCERS.get(project.platform.kind, {}), **kept_address(cloud)},
        image=mirrored if mirrored != ENVOY else None,
        issuer=None if issuer == NO_TLS else ours.name if ours else issuer,
        acme=ours,
        drain_seconds=max(LEAST_DRAIN_SECONDS, longest),
    )


def kept_address(cloud: Cloud | None) -> Mapping[str, str]:
    """Return what has the load balancer take the address that the gateway's record leads to; nothing where none is."""
    if cloud is None or cloud.dns is None:
        return {}
    name = ADDRESS.format(cloud.name)
    if cloud.kind == "gcp":  # only the newer kind of load balancer takes an address by its name
        return {"cloud.google.com/l4-rbs": "enabled", "networking.gke.io/load-balancer-ip-addresses": name}
    if cloud.kind == "azure":
        prefix = "service.beta.kubernetes.io/azure"
        return {f"{prefix}-pip-name": name, f"{prefix}-load-balancer-resource-group": cloud.resource_group or ""}
    return {}


def resolve_jwt(given: schema.Jwt, values: Values) -> Jwt:
    """Return the tokens that are accepted."""
    usual = f"{given.issuer.rstrip('/')}/.well-known/jwks.json"
    return Jwt(given.issuer, values.choose("jwks", given, usual, "where most issuers keep their keys"), given.audiences)


def entries(
    project: schema.Project,
    given: schema.Gateway,
    models: Sequence[Model],
    pipelines: Sequence[Pipeline],
    values: Values,
) -> Iterator[Entry]:
    """Yield what each route lets in: models that are in a pipeline's pod are reached by its route."""
    limit = given.rate_limit
    by = values.under("rate_limit").choose("by", limit, KEY, "the keys are told apart") if limit else KEY
    held = {model.name for each in pipelines for model in each.held}
    every: list[tuple[tuple[str | int, ...], Model, schema.Model | schema.Pipeline]] = [
        *((("models", at), *both) for at, both in enumerate(zip(models, project.models, strict=True))),
        *((("pipelines", each.index), each.model, project.pipelines[each.index]) for each in pipelines),
    ]
    for key, model, written in every:
        if model.name in held:
            continue
        public = bool(written.route and written.route.public)
        # a public model's callers have no key to be told apart by
        rate = Rate(limit.requests, UNITS.get(limit.per, UNITS[1]), IP if public else by) if limit else None
        yield Entry(naming.route(model.name), key, public, model.limits.body_bytes, rate)


def resolve_team(project: schema.Project) -> Team | None:
    """Return whose project it is, or None where that is not said."""
    given = project.team
    if given is None:
        return None
    quota = given.quota
    return Team(
        viewers=given.viewers,
        deployers=given.deployers,
        cpu_cores=quota.cpu if quota else None,
        memory_bytes=quota.memory if quota else None,
        gpus=quota.gpus if quota else None,
        pods=quota.pods if quota else None,
    )
