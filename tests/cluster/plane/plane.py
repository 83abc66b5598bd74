"""The control plane itself: etcd, the API server, the controller manager, the scheduler."""

from __future__ import annotations

import json
import shutil
import ssl
import urllib.request
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from plane import network, programs
from plane.api import Api
from plane.kubectl import Kubectl
from plane.pki import Pair, Pki
from plane.processes import Processes, until

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
SERVER_HOSTS = ("127.0.0.1", "10.96.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
ISSUER = "https://kubernetes.default.svc.cluster.local"


class Plane:
    """One control plane, kept in a folder: keys, etcd's data, logs, process numbers.

    Attributes:
        folder: all that it writes is there.
        kubeconfig: an administrator's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.kubeconfig = self.folder / "kubeconfig"
        self.pki = Pki(self.folder / "pki")
        self.processes = Processes(self.folder)
        self.kubectl = Kubectl(self.kubeconfig)

    def port(self, name: str) -> int:
        """Return the port of loopback that is kept for a listener, a free one the first time."""
        path = self.folder / "ports.json"
        ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        while name not in ports:
            (port,) = network.free_ports(1)
            if port not in ports.values():
                ports[name] = port
                path.write_text(json.dumps(ports, indent=1))
        return ports[name]

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.port('kube-apiserver')}"

    @cached_property
    def admin(self) -> Pair:
        """An administrator's certificate."""
        return self.pki.issue("admin", user="admin", group="system:masters")

    @cached_property
    def api(self) -> Api:
        """The API, as administrator."""
        return Api(self.server, self.pki.ca.certificate, self.admin)

    def up(self) -> None:
        """Start what does not run, and wait until it works.

        Raises:
            Missing: a program is not built.
            NotReady: one does not come up.
        """
        for name in PROGRAMS:
            programs.find(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pki.make()
        self.write_kubeconfig(self.kubeconfig, certificate=self.admin)
        self._etcd()
        self._api_server()
        self._controllers()
        until("the default service account", lambda: self.api.get("/api/v1/namespaces/default/serviceaccounts/default"))

    def down(self, *, forget: bool = True) -> None:
        """End every process that was started here, and delete the folder unless it is not to be forgotten."""
        self.processes.stop()
        if forget:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write_kubeconfig(self, path: Path, *, certificate: Pair | None = None, token: str | None = None) -> Path:
        """Write a kubeconfig for the holder of a certificate or a token; returns its path."""
        user = {"token": token} if token else {}
        if certificate:
            user = {"client-certificate": str(certificate.certificate), "client-key": str(certificate.key)}
        cluster = {"server": self.server, "certificate-authority": str(self.pki.ca.certificate)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "plane",
            "clusters": [{"name": "plane", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "plane", "context": {"cluster": "plane", "user": "user"}}],
        }
        path.write_text(json.dumps(content, indent=1))
        path.chmod(0o600)
        return path

    def _etcd(self) -> None:
        clients, peers = (f"http://127.0.0.1:{self.port(name)}" for name in ("etcd", "etcd-peer"))
        command = [
            "--name=plane",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=plane={peers}",
            "--unsafe-no-fsync",  # it does not outlive the machine
            "--log-level=warn",
        ]
        self.processes.start("etcd", [programs.find("etcd"), *command])
        self.processes.ready("etcd", lambda: "true" in fetch(f"{clients}/health"))

    def _api_server(self) -> None:
        pki, accounts = self.pki, self.pki.service_accounts
        serving = pki.issue("kube-apiserver", user="kube-apiserver", hosts=SERVER_HOSTS)
        proxy = pki.issue("front-proxy-client", user="front-proxy-client", by=pki.front)
        kubelet = pki.issue("kubelet-client", user="kube-apiserver", group="system:masters")
        command = [
            f"--etcd-servers=http://127.0.0.1:{self.port('etcd')}",
            f"--secure-port={self.port('kube-apiserver')}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # it refuses to announce an address of loopback
            f"--service-cluster-ip-range={network.SERVICES}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            f"--client-ca-file={pki.ca.certificate}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--kubelet-client-certificate={kubelet.certificate}",
            f"--kubelet-client-key={kubelet.key}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={accounts.certificate}",
            f"--service-account-signing-key-file={accounts.key}",
            f"--requestheader-client-ca-file={pki.front.certificate}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={proxy.certificate}",
            f"--proxy-client-key-file={proxy.key}",
        ]
        self.processes.start("kube-apiserver", [programs.find("kube-apiserver"), *command])
        self.processes.ready("kube-apiserver", lambda: self.api.text("/readyz") == "ok")

    def _controllers(self) -> None:
        pki, accounts = self.pki, self.pki.service_accounts
        manager = [
            f"--root-ca-file={pki.ca.certificate}",
            f"--service-account-private-key-file={accounts.key}",
            f"--cluster-signing-cert-file={pki.ca.certificate}",
            f"--cluster-signing-key-file={pki.ca.key}",
            "--use-service-account-credentials=true",
            "--horizontal-pod-autoscaler-sync-period=5s",
            "--kube-api-qps=200",  # the usual limit delays the first service account by five seconds
            "--kube-api-burst=400",
        ]
        own: dict[str, list[str]] = {"kube-controller-manager": manager, "kube-scheduler": []}
        for name, arguments in own.items():
            certificate = pki.issue(name, user=f"system:{name}")
            config = self.write_kubeconfig(self.folder / f"{name}.kubeconfig", certificate=certificate)
            configs = ("--kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig")
            common = [f"{flag}={config}" for flag in configs]
            common += ["--bind-address=127.0.0.1", f"--secure-port={self.port(name)}", "--leader-elect=false"]
            self.processes.start(name, [programs.find(name), *common, *arguments])
        for name in own:
            url = f"https://127.0.0.1:{self.port(name)}/healthz"
            self.processes.ready(name, partial(answers_ok, url))


def answers_ok(url: str) -> bool:
    """Return whether a server of this machine says `ok`."""
    return fetch(url) == "ok"


def fetch(url: str) -> str:
    """Return what a server of this machine answers; its certificate may be its own."""
    context: Any = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    asked = urllib.request.Request(url, headers={"User-Agent": "kube-probe/1.35"})  # some tell probes by it
    with urllib.request.urlopen(asked, timeout=5, context=context if url.startswith("https") else None) as answer:
        body: bytes = answer.read()
    return body.decode()
