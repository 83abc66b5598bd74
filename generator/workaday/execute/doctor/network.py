"""Where we come from, and whether the cluster's API answers."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import ssl
import urllib.request
from urllib.parse import urlsplit

from workaday.blueprint.cloud import Access
from workaday.execute.clouds import Address
from workaday.execute.doctor.findings import FAILED, OK, UNKNOWN, WARNING, Finding

# Answers with the address that a question comes from, and nothing else.
WHERE_FROM = "https://checkip.amazonaws.com/"
SECONDS = 5.0


def own_address() -> str:
    """Return the address that the internet sees us at.

    Raises OSError or ValueError: nobody tells.
    """
    with urllib.request.urlopen(WHERE_FROM, timeout=SECONDS) as answer:
        return str(ipaddress.ip_address(answer.read(100).decode().strip()))


def let_in(access: Access) -> Finding:
    """Return whether our address is one of those that may reach the cluster's API."""
    if access.endpoint == "private":
        return Finding("own address", OK, f"the endpoint is private, reached via {access.via or 'its network'}")
    try:
        address = ipaddress.ip_address(own_address())
    except (OSError, ValueError) as error:
        return Finding("own address", UNKNOWN, f"cannot see from where we come: {getattr(error, 'reason', error)}")
    networks = [ipaddress.ip_network(each, strict=False) for each in access.cidrs]
    if any(address in each for each in networks if each.version == address.version):
        return Finding("own address", OK, f"{address} is within access.cidrs")
    said = f"{address} is not within access.cidrs: {', '.join(access.cidrs)}"
    fix = f"add {address}/{address.max_prefixlen} to `platform.access.cidrs`, or come from a network that is in it"
    return Finding("own address", FAILED, said, fix)


def answering(address: Address | None, access: Access) -> Finding:
    """Return whether the cluster's API answers; that it does not know us is an answer."""
    if address is None:
        return Finding("cluster api", OK, "no cluster yet: apply makes it")
    try:
        status = asked(address)
    except ssl.SSLCertVerificationError as error:
        fix = "is there a proxy that opens TLS on the way?"
        return Finding("cluster api", FAILED, f"{address.server} is someone else: {error.verify_message}", fix)
    except (OSError, http.client.HTTPException) as error:
        said = f"{address.server} does not answer: {error or type(error).__name__}"
        if access.endpoint == "private":
            return Finding(
                "cluster api", WARNING, said, f"its endpoint is private: come via {access.via or 'its network'}"
            )
        return Finding("cluster api", FAILED, said, "see `own address`; a firewall on the way?")
    return Finding("cluster api", OK, f"{address.server} answers ({status})")


def asked(address: Address) -> int:
    """Return the HTTP status with which a cluster's API answers a stranger.

    Raises OSError (ssl.SSLError included) or HTTPException.
    """
    url = urlsplit(address.server)
    authority = base64.b64decode(address.authority).decode() if address.authority else None
    trusted = ssl.create_default_context(cadata=authority)
    line = http.client.HTTPSConnection(url.hostname or "", url.port or 443, timeout=SECONDS, context=trusted)
    try:
        line.request("GET", "/version")
        return line.getresponse().status
    finally:
        line.close()
