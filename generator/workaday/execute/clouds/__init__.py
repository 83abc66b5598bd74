"""An account of a cloud, asked in the same words whichever cloud it is. It is only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from workaday.blueprint.cloud import Cloud
    from workaday.catalog import Instance

# No question waits longer for its first answer, or for the next byte of it.
CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0


@dataclass(frozen=True, slots=True)
class Who:
    """Whose credentials these are.

    Attributes:
        name: of the person or program, as the cloud writes it.
        account: the account, project or subscription that they lead to.
        expires: when they end and do not renew themselves; None is never, or not known.
    """

    name: str
    account: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Where an account can have an instance type.

    Attributes:
        zones: by name.
        family: what the cloud calls its quota (azure); empty elsewhere.
        barred: why the account may not have it, in the cloud's words.
    """

    zones: frozenset[str]
    family: str = ""
    barred: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit of the account in the region; `used` None is not known."""

    code: str
    name: str
    limit: float
    used: float | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """How a cluster's API is reached.

    Attributes:
        server: its URL.
        authority: the certificate authority that it is known by, PEM in base64; None is one that the world knows.
    """

    server: str
    authority: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """What the cluster's API knows its caller by, and until when."""

    text: str
    expires: datetime


class Account(Protocol):
    """The account that a project's cluster is in. Each question raises ProjectError where it gets no answer.

    X112: no credentials. X130: the SDK is not installed. X150: refused. X151: the cloud cannot be asked.
    """

    def who(self) -> Who:
        """Return whose credentials these are."""

    def missing(self) -> Sequence[str]:
        """Return the permissions that Terraform needs and these credentials lack."""

    def offers(self, types: Sequence[Instance]) -> Mapping[str, Offer]:
        """Return where each of some types is offered in the region, by name; those that are not are left out."""

    def quotas(self) -> Mapping[str, Quota]:
        """Return the limits on machines, by the key that `doctor.quotas` knows them by."""

    def state_store(self) -> bool:
        """Return whether the store of Terraform's state is there."""

    def address(self) -> Address | None:
        """Return how the cluster's API is reached; None is no cluster yet."""


def account_of(cloud: Cloud) -> Account:
    """Return the account that a cluster is in; nobody is asked yet."""
    found: Account = import_module(f"workaday.execute.clouds.{cloud.kind}").account(cloud)
    return found
