"""Keys and certificates of a control plane: two authorities, and what they sign. Good for a month."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MONTH = datetime.timedelta(days=30)
USAGES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files in PEM."""

    certificate: Path
    key: Path


class Pki:
    """The authorities `ca` (servers and clients) and `front` (the API server to its extensions)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = Pair(folder / "ca.crt", folder / "ca.key")
        self.front = Pair(folder / "front.crt", folder / "front.key")
        self.service_accounts = Pair(folder / "sa.pub", folder / "sa.key")

    def make(self) -> None:
        """Write the authorities and the service accounts' key, where they are not there."""
        if self.service_accounts.key.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, pair in (("control plane", self.ca), ("front proxy", self.front)):
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
            built = builder(subject, subject, key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
            write(pair, built.sign(key, hashes.SHA256()), key)
        signing = rsa.generate_private_key(65537, 2048)
        self.service_accounts.certificate.write_bytes(
            signing.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        self.service_accounts.key.write_bytes(private(signing))

    def issue(
        self, name: str, *, user: str, group: str | None = None, hosts: Sequence[str] = (), by: Pair | None = None
    ) -> Pair:
        """Return a signed certificate, for a server and a client alike, made where it is not there.

        Args:
            name: the files'.
            user, group: who Kubernetes takes the holder for.
            hosts: names and addresses of a server.
            by: the authority, `ca` by default.
        """
        pair, authority = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key"), by or self.ca
        if pair.key.exists():
            return pair
        signer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
        signing = serialization.load_pem_private_key(authority.key.read_bytes(), None)
        assert isinstance(signing, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
        built = builder(x509.Name(names), signer.subject, key.public_key())
        built = built.add_extension(x509.ExtendedKeyUsage(USAGES), False)
        if hosts:
            built = built.add_extension(x509.SubjectAlternativeName([alternative(each) for each in hosts]), False)
        write(pair, built.sign(signing, hashes.SHA256()), key)
        return pair


def builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + MONTH)
    )


def alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pair.key.write_bytes(private(key))
    pair.key.chmod(0o600)
