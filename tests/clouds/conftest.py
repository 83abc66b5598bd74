"""Projects on each cloud, and stand-ins for what is asked there: moto for AWS, servers on loopback for the others."""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from workaday.blueprint.cloud import Cloud
from workaday.execute.clouds.rest import Rest
from workaday.execute.doctor import network
from workaday.execute.workspace import Workspace, open_workspace

ACCESS = "access: {cidrs: [203.0.113.7/32], admins: [%s]}"
ZERO = "00000000-0000-0000-0000-000000000000"
PLATFORMS = {
    "aws": "kind: aws, region: us-east-1, " + ACCESS % '"arn:aws:iam::123456789012:role/platform"',
    "gcp": "kind: gcp, region: us-central1, project: shop-prod, " + ACCESS % '"group:platform@example.com"',
    "azure": f"kind: azure, region: eastus, subscription: {ZERO}, " + ACCESS % ZERO,
    "local": "kind: local",
}
GPUS = {"aws": "L4", "gcp": "L4", "azure": "T4"}
SPOT = "spot: {on_demand_base: 1, fallback: on_demand}"
PREDICTOR = (
    "class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, x):\n        return x\n"
)


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds an account of whoever runs it."""
    for name in ("AWS_PROFILE", "AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr(network, "own_address", lambda: "203.0.113.7")


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Workspace]:
    """Write and open a project of one model and one pool on a cloud."""

    def write(
        kind: str, *, platform: str = "", pool: str = SPOT, weights: str = "", nodes: str = "{min: 1, max: 10}"
    ) -> Workspace:
        predictor = tmp_path / "models" / "story" / "predictor.py"
        predictor.parent.mkdir(parents=True, exist_ok=True)
        predictor.write_text(PREDICTOR)
        head = PLATFORMS[kind] + (f", {platform}" if platform else "")
        gpu = GPUS.get(kind, "")
        pools = f"pools:\n  - {{name: gpu, accelerator: {gpu}, nodes: {nodes}, {pool}}}\n" if gpu else ""
        model = "models:\n  - name: story\n    server: {kind: torch, predictor: models/story/predictor.py}\n"
        model += f"    compute: {{gpu: {gpu}}}\n    limits: {{timeout: 5s}}\n" if gpu else ""
        model += f"    weights: {weights}\n" if weights else ""
        path = tmp_path / "project.yaml"
        path.write_text(f"version: 1\nname: shop\nplatform: {{{head}}}\n{pools}{model}")
        return open_workspace(path, None)

    return write


@pytest.fixture
def cloud(workspace: Callable[..., Workspace]) -> Callable[..., Cloud]:
    def resolved(*args, **kwargs) -> Cloud:
        found = workspace(*args, **kwargs).blueprint.cloud
        assert found
        return found

    return resolved


@dataclass
class FakeApi:
    """A stand-in for a cloud's REST API, on loopback: it answers as it is told to, and remembers the questions."""

    url: str = ""
    server: Any = None
    answers: dict[tuple[str, str], Callable[..., tuple]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def on(self, method: str, path: str, answer: object, status: int = 200) -> None:
        """Answer a path: with JSON, or what a function of (query, headers, body) returns: status, headers, body."""
        if callable(answer):
            self.answers[method, path] = answer
            return
        said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers[method, path] = lambda *_: (status, {}, said)

    def over_tls(self, certificate: Path) -> str:
        """Speak TLS from now on, and return the address."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        return self.url.replace("http:", "https:")


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fake.asked.append((self.command, parts.path, query))
            handler = fake.answers.get((self.command, parts.path))
            missing = 404, {}, b'{"error": {"message": "no such thing"}}'
            found = handler(query, dict(self.headers), body) if handler else missing
            if found is None:  # the connection breaks
                self.close_connection = True
                self.connection.close()
                return
            status, headers, said = found
            self.send_response(status)
            for key, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.server = server
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def rest(monkeypatch: pytest.MonkeyPatch) -> Rest:
    """The client, asked as somebody; it does not wait between tries."""
    monkeypatch.setattr("workaday.execute.clouds.rest.FIRST_PAUSE_SECONDS", 0.0)
    return Rest("the cloud", lambda: "token")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 by itself; its key is beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(datetime.now(UTC) - timedelta(hours=1))
    made = made.not_valid_after(datetime.now(UTC) + timedelta(hours=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    path = tmp_path / "certificate.pem"
    plain = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(key.private_bytes(serialization.Encoding.PEM, plain[1], plain[0]))
    return path
