"""What the door cannot do, or would do otherwise than it reads, and quotas that hold nothing (C9xx)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workaday.blueprint.gateway import UNITS
from workaday.project.diagnostics import Diagnostic, Label
from workaday.project.units import format_duration, format_memory

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint
    from workaday.project import Loaded

MOST_COUNTED = 2**32 - 1  # max_tokens of Envoy's token bucket


def check(loaded: Loaded, blueprint: Blueprint) -> list[Diagnostic]:
    """Return what the rules find about the door and the team."""
    return [each for rule in RULES for each in rule(loaded, blueprint)]


def uncounted_period(loaded: Loaded, _: Blueprint) -> Iterator[Diagnostic]:
    """C901: Envoy Gateway counts by the second, minute, hour or day."""
    gateway = loaded.project.gateway
    limit = gateway.rate_limit if gateway else None
    if limit and limit.per not in UNITS:
        unit = max((each for each in UNITS if each < limit.per), default=1)
        about = max(1, round(limit.requests * unit / limit.per))
        hint = f"for example `{{requests: {about}, per: {format_duration(unit)}}}`"
        message = f"requests are counted by the second, minute, hour or day, not by {format_duration(limit.per)}"
        yield Diagnostic("C901", message, ("gateway", "rate_limit", "per"), hint)


def both_ways_in(loaded: Loaded, _: Blueprint) -> Iterator[Diagnostic]:
    """C902: with keys and tokens, Envoy asks a caller for both."""
    auth = loaded.project.gateway.auth if loaded.project.gateway else None
    if auth and auth.api_keys and auth.jwt:
        label = Label(("gateway", "auth", "api_keys"), "and this one too", "key")
        message = "a caller would have to show a key and a token"
        yield Diagnostic("C902", message, ("gateway", "auth", "jwt"), "keep one of them", "key", secondary=(label,))


def unknown_signers(loaded: Loaded, _: Blueprint) -> Iterator[Diagnostic]:
    """C903: an issuer that is no address, and nothing says where its keys are."""
    auth = loaded.project.gateway.auth if loaded.project.gateway else None
    if auth and auth.jwt and not (auth.jwt.jwks or auth.jwt.issuer).startswith(("https://", "http://")):
        at = "jwks" if auth.jwt.jwks else "issuer"
        message = f"`{getattr(auth.jwt, at)}` is no address to fetch the signing keys from"
        yield Diagnostic("C903", message, ("gateway", "auth", "jwt", at), "give `jwks: https://...`")


def anothers_door(loaded: Loaded, blueprint: Blueprint) -> Iterator[Diagnostic]:
    """C904: what belongs to the Gateway is said by the project that has it made."""
    gateway = loaded.project.gateway
    if gateway is None or blueprint.gateway is None or blueprint.gateway.door is not None:
        return
    for key in ("tls", "dns"):
        if getattr(gateway, key) is not None:
            label = Label(("addons", "gateway"), "another project has the Gateway made")
            message = f"`{key}` would do nothing: it is of the Gateway"
            yield Diagnostic("C904", message, ("gateway", key), "leave it out", "key", secondary=(label,))


def small_quota(_: Loaded, blueprint: Blueprint) -> Iterator[Diagnostic]:
    """C905: a quota that not even the fewest replicas of all models fit into."""
    team = blueprint.team
    if team is None:
        return
    awake = [each for each in blueprint.models if not each.paused]
    asked = (
        ("cpu", team.cpu_cores, sum(each.scale.min * each.compute.cpu_cores for each in awake)),
        ("memory", team.memory_bytes, sum(each.scale.min * each.compute.memory_bytes for each in awake)),
        ("gpus", team.gpus, sum(each.scale.min * each.compute.gpu_count for each in awake)),
        ("pods", team.pods, sum(each.scale.min for each in awake)),
    )
    for key, most, least in asked:
        if most is not None and least > most:
            told = [format_memory(int(each)) if key == "memory" else f"{each:g}" for each in (least, most)]
            message = f"the fewest replicas of all models ask for `{key}: {told[0]}`, the quota has {told[1]}"
            yield Diagnostic("C905", message, ("team", "quota", key), "and a rollout needs a replica more")


def unsigned_star(loaded: Loaded, blueprint: Blueprint) -> Iterator[Diagnostic]:
    """C906: a wildcard, which Let's Encrypt does not sign for an answer at port 80."""
    gateway, door = loaded.project.gateway, blueprint.gateway.door if blueprint.gateway else None
    if gateway and door and door.acme and gateway.host.startswith("*."):
        message = f"Let's Encrypt signs no `{gateway.host}` for who answers at port 80"
        hints = ("`tls: {issuer: NAME}`, a ClusterIssuer of yours that answers by DNS", "or a host for each name")
        label = (Label(("gateway", "tls", "issuer"), "signs"),) if gateway.tls else ()
        yield Diagnostic("C906", message, ("gateway", "host"), "a wildcard", hints=hints, secondary=label)


def keys_in_the_open(loaded: Loaded, blueprint: Blueprint) -> Iterator[Diagnostic]:
    """C907: signing keys that anybody on the way could exchange; Envoy Gateway fetches them by HTTPS only."""
    jwt = blueprint.gateway.jwt if blueprint.gateway else None
    auth = loaded.project.gateway.auth if loaded.project.gateway else None
    if jwt and auth and auth.jwt and jwt.jwks.startswith("http://"):
        at = "jwks" if auth.jwt.jwks else "issuer"
        message = f"the signing keys would come from {jwt.jwks}, unprotected"
        hints = () if auth.jwt.jwks else ("or where only its name is so: `jwks: https://...`",)
        yield Diagnostic("C907", message, ("gateway", "auth", "jwt", at), "must be https", hints=hints)


def uncountable(loaded: Loaded, _: Blueprint) -> Iterator[Diagnostic]:
    """C908: more requests than Envoy's counter holds."""
    limit = loaded.project.gateway.rate_limit if loaded.project.gateway else None
    if limit and limit.requests > MOST_COUNTED:
        message = f"Envoy cannot count {limit.requests} requests"
        hint = ("count by a shorter time, or leave the limit out",)
        yield Diagnostic("C908", message, ("gateway", "rate_limit", "requests"), f"at most {MOST_COUNTED}", hints=hint)


def anothers_zone(loaded: Loaded, _: Blueprint) -> Iterator[Diagnostic]:
    """C909: a host that is no part of the zone where its name would be written."""
    gateway = loaded.project.gateway
    if gateway and gateway.dns and not f".{gateway.host}".endswith(f".{gateway.dns.zone}"):
        message = f"`{gateway.host}` is no part of `{gateway.dns.zone}`"
        zone = gateway.host.removeprefix("*.").split(".", 1)[-1]
        label = (Label(("gateway", "host"), "the name"),)
        yield Diagnostic("C909", message, ("gateway", "dns", "zone"), f"perhaps `{zone}`", secondary=label)


RULES = (
    uncounted_period,
    both_ways_in,
    unknown_signers,
    anothers_door,
    small_quota,
    unsigned_star,
    keys_in_the_open,
    uncountable,
    anothers_zone,
)
