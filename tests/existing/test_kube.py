"""Kubeconfigs as they come, and what an API server says when it refuses: over real HTTP, from a server of this test."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from workaday.execute import kube
from workaday.project.diagnostics import ProjectError

NAMESPACES = "/api/v1/namespaces"
PLUGIN = """\
import json, os
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
print(json.dumps({"apiVersion": info["apiVersion"], "status": {"token": "t0ken"}}))
"""


class Server:
    """Answers each path with what it was given for it, and remembers who asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.authorization = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.authorization = self.headers.get("Authorization", "")
                code, body = outer.answers.get(self.path.partition("?")[0], (404, status(404, "not found")))
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(code)
                if code != 418:
                    self.send_header("content-type", "text/html" if isinstance(body, str) else "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


def status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "code": code, "message": message}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def written(path: Path, url: str, context: str = "plane", user: dict[str, Any] | None = None) -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> kube.Cluster:
    return kube.opened(str(written(tmp_path / "config", server.url)), "plane")


def test_objects_come_as_mappings(cluster, server) -> None:
    pod = {"metadata": {"name": "a", "labels": {"x": "y"}}, "status": {"phase": "Running"}}
    server.answers[f"{NAMESPACES}/d/pods"] = (200, {"items": [pod], "metadata": {}})
    (found,) = cluster.every(kube.POD, "d")
    assert (found["metadata"]["labels"], found["status"]["phase"]) == ({"x": "y"}, "Running")


def test_what_is_not_there_is_none_and_a_kind_that_is_unknown_has_no_objects(cluster, server) -> None:
    assert cluster.get(kube.NAMESPACE, "d") is None
    assert cluster.every(kube.SERVICE, "d") == []


@pytest.mark.parametrize(("code", "expected"), [(401, "X181"), (403, "X183"), (422, "X184")])
def test_refusals_are_told_apart(cluster, server, code: int, expected: str) -> None:
    server.answers[f"{NAMESPACES}/d/secrets"] = (code, status(code, "no"))
    with pytest.raises(ProjectError) as caught:
        cluster.every(kube.SECRET, "d")
    assert [each.code for each in caught.value.diagnostics] == [expected]


@pytest.mark.parametrize(
    "answer", [(503, status(503, "busy")), (502, "<html>"), (418, "no type"), (429, status(429, "slow"))]
)
def test_what_passes_is_no_refusal(cluster, server, answer: tuple[int, Any]) -> None:
    server.answers[f"{NAMESPACES}/d/secrets"] = answer
    with pytest.raises(kube.Unreachable):
        cluster.every(kube.SECRET, "d")


def test_nobody_there(tmp_path: Path) -> None:
    cluster = kube.opened(str(written(tmp_path / "config", "http://127.0.0.1:1")), "plane")
    with pytest.raises(kube.Unreachable, match=r"127\.0\.0\.1:1"):
        cluster.every(kube.SECRET, "d")


def test_a_log_of_a_container_that_has_not_begun_is_empty(cluster, server) -> None:
    path = f"{NAMESPACES}/d/pods/a/log"
    server.answers[path] = (200, "one\ntwo\n")
    assert cluster.log("a", "d") == ["one", "two"]
    server.answers[path] = (400, status(400, "container is waiting to start"))
    assert cluster.log("a", "d") == []


def test_a_plugin_of_the_newest_protocol_gives_the_token(server, tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable}
    user = {"exec": plugin | {"args": [str(tmp_path / "plugin.py")]}}
    kube.opened(str(written(tmp_path / "config", server.url, user=user)), "plane").every(kube.POD, "d")
    assert server.authorization == "Bearer t0ken"


@pytest.mark.parametrize("command", ["/nowhere/login", "false"])
def test_a_plugin_that_fails_is_no_way_in(server, tmp_path: Path, command: str) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command}}
    cluster = kube.opened(str(written(tmp_path / "config", server.url, user=user)), "plane")
    with pytest.raises(ProjectError) as caught:
        cluster.every(kube.POD, "d")
    assert caught.value.diagnostics[0].code == "X181"


def test_the_first_file_of_several_that_has_the_context_is_read(tmp_path: Path, monkeypatch) -> None:
    one = written(tmp_path / "one", "http://127.0.0.1:1", "staging")
    two = written(tmp_path / "two", "http://127.0.0.1:2", "prod")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{one}:{two}")
    found = kube.opened(None, "prod")
    assert (found.server, found.kubeconfig) == ("http://127.0.0.1:2", two)
    with pytest.raises(ProjectError) as caught:
        kube.opened(None, "test")
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.path) == ("X181", ("platform", "context"))
    assert finding.hints == ("there are: prod, staging",)


@pytest.mark.parametrize("text", ["", "- a\n", "contexts: {}\n", ": :\n", "contexts: [{name: plane, context: {}}]\n"])
def test_what_is_no_kubeconfig_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ProjectError) as caught:
        kube.opened(str(path), "plane")
    assert caught.value.diagnostics[0].code == "X181"


def test_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no kubeconfig"):
        kube.opened(str(tmp_path / "none"), "plane")
