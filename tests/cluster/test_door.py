"""The door as a caller meets it: Envoy Gateway's own translation in a real Envoy, before the real model server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from door import envoy
from door.project import HOST, KEYS, keys, manifests, services, tree
from plane.processes import until
from plane.testing import Need

Object = dict[str, Any]
Door = Callable[..., httpx.Client]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def built(need: Need) -> None:
    """Leave all of it out where Envoy Gateway is not built."""
    need("egctl")


@pytest.fixture(scope="module")
def model_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a model server with the project's models, as their releases configure it."""
    folder, port = tmp_path_factory.mktemp("server"), envoy.free()
    rendered = tree(folder)
    models = [json.loads(rendered[f"releases/{name}.json"])["models"][0]["config"]["models"][0] for name in KINDS]
    for each in models:
        each["predictor"] = "models/story/predictor.py"
    config = {"version": 1, "host": "127.0.0.1", "port": port, "state_file": None, "models": models}
    (folder / "server.json").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "workaday_server", folder / "server.json"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ})
    try:
        ready = f"http://127.0.0.1:{port}/v2/health/ready"
        until("the models are ready", lambda: process.poll() is not None or httpx.get(ready).is_success, 60)
        assert process.poll() is None, (folder / "log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(30)


KINDS = ("story", "hello")


@pytest.fixture
def door(tmp_path: Path, model_port: int) -> Iterator[Door]:
    """Return what opens a client to the door of the project, with more of `gateway`."""
    opened: list[Any] = []

    def make(more: str = "", without: Callable[[Object], bool] = lambda _: False) -> httpx.Client:
        found = manifests(tree(tmp_path, more or "tls: {issuer: none}", **{}))
        found = [each for each in [*found, *services(found), keys()] if not without(each)]
        port = envoy.free()
        config = envoy.static(envoy.translated(found, tmp_path), port, model_port)
        running = envoy.running(config, tmp_path, port)
        url = running.__enter__()
        opened.append(running)
        client = httpx.Client(base_url=url, headers={"host": HOST}, timeout=30)
        opened.append(client)
        return client

    yield make
    for each in reversed(opened):
        each.__exit__(None, None, None)


def test_nobody_comes_in_without_a_key(door: Door) -> None:
    client, asked = door(), {"json": {"text": "once"}}
    assert client.post("/story", **asked).status_code == 401
    assert client.post("/story", headers={"x-api-key": "guess"}, **asked).status_code == 401
    for known in ({"x-api-key": KEYS["ann"]}, {"authorization": f"Bearer {KEYS['bob']}"}):
        answer = client.post("/story", headers=known, **asked)
        assert (answer.status_code, answer.json()) == (200, {"said": "once"})
    assert client.post("/v1/models/story:predict", json={"instances": [{"text": "a"}]}).status_code == 401
    assert client.get("/v2/models/story").status_code == 401
    assert client.get("/metrics", headers={"x-api-key": KEYS["ann"]}).status_code == 404


def test_what_is_public_takes_no_key_and_only_that(door: Door) -> None:
    client = door()
    assert client.post("/hello", json={"text": "hi"}).json() == {"said": "hi"}
    assert client.post("/story", json={"text": "hi"}).status_code == 401


def test_a_route_without_a_policy_is_shut(door: Door) -> None:
    client = door(without=lambda each: each["metadata"]["name"] in ("dungeon-private", "dungeon-public"))
    for path in ("/story", "/hello"):
        assert client.post(path, headers={"x-api-key": KEYS["ann"]}, json={"text": "hi"}).status_code == 403


def test_without_the_secret_of_keys_a_private_route_is_shut(door: Door) -> None:
    client = door(without=lambda each: each["kind"] == "Secret")
    assert client.post("/story", headers={"x-api-key": KEYS["ann"]}, json={"text": "hi"}).status_code == 500
    assert client.post("/hello", json={"text": "hi"}).status_code == 200


def test_a_body_larger_than_the_models_limit_is_refused(door: Door) -> None:
    client = door()
    assert client.post("/hello", json={"text": "a" * 900}).status_code == 200
    answer = client.post("/hello", json={"text": "a" * 2000})
    assert answer.status_code == 413
    assert "said" not in answer.text


def test_one_caller_is_held_back_and_the_others_are_not(door: Door) -> None:
    client = door("tls: {issuer: none}\n  rate_limit: {requests: 3, per: 1d}")
    ann, bob = ({"x-api-key": key} for key in KEYS.values())
    answers = [client.post("/story", headers=ann, json={"text": "a"}).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    # who calls is said by the key, whatever the caller says
    posed = client.post("/story", headers=ann | {"x-workaday-key": "bob"}, json={"text": "a"})
    assert posed.status_code == 429
    assert client.post("/story", headers=bob, json={"text": "a"}).status_code == 200


def test_what_is_public_is_counted_by_address(door: Door) -> None:
    client = door("tls: {issuer: none}\n  rate_limit: {requests: 2, per: 1h}")
    headers = ({}, {"x-workaday-key": "other"}, {"x-api-key": "other"}, {"x-forwarded-for": "203.0.113.9"})
    assert [client.post("/hello", headers=each, json={"text": "a"}).status_code for each in headers] == [
        200,
        200,
        429,
        429,
    ]


def test_a_stream_comes_through_piece_by_piece(door: Door) -> None:
    client, key = door(), {"x-api-key": KEYS["ann"]}
    with client.stream("POST", "/story", headers=key, json={}) as answer:
        pieces = answer.iter_lines()
        assert json.loads(next(pieces)) == {"piece": 1}  # the second is made only once somebody asks
        assert client.post("/story", headers=key, json={"go": True}).json() == {"went": True}
        assert json.loads(next(pieces)) == {"piece": 2}


def test_pages_of_the_origins_may_call(door: Door) -> None:
    client = door()
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    ours = client.options("/story", headers=ask | {"origin": "https://app.dungeon.example"})
    assert ours.headers["access-control-allow-origin"] == "https://app.dungeon.example"
    other = client.options("/story", headers=ask | {"origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in other.headers


def test_every_route_of_envoy_carries_what_the_file_says(tmp_path: Path) -> None:
    found = manifests(tree(tmp_path))
    certificate = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"}
    certificate |= {"metadata": {"name": "workaday-tls", "namespace": "workaday-system"}, "data": pair(tmp_path)}
    translated = envoy.translated([*found, *services(found), keys(), certificate], tmp_path)
    behind: dict[str, list[Object]] = {}
    for listener, route in envoy.routes(translated):
        behind.setdefault(listener.rpartition("/")[2], []).append(route)
    assert set(behind) == {"http", "https"}
    assert [(route["redirect"]["schemeRedirect"], len(behind["http"])) for route in behind["http"]] == [("https", 1)]
    for route in behind["https"]:
        filters, model = route["typedPerFilterConfig"], route["metadata"]["filterMetadata"]["envoy-gateway"]
        assert filters["envoy.filters.http.buffer"]["buffer"]["maxRequestBytes"] == 1024
        [made] = model["resources"]
        assert ("envoy.filters.http.api_key_auth" in filters) == (made["name"] == "story-route")
        assert route["route"]["timeout"] == {"story-route": "25s", "hello-route": "65s"}[made["name"]]
    assert {"story-route", "hello-route"} == {
        route["metadata"]["filterMetadata"]["envoy-gateway"]["resources"][0]["name"] for route in behind["https"]
    }


def pair(folder: Path) -> dict[str, str]:
    """Return a certificate and its key, as a Secret has them."""
    import base64

    from plane.pki import Pki

    pki = Pki(folder / "pki")
    pki.make()
    made = pki.issue("door", user="door", hosts=[HOST])
    encoded = [base64.b64encode(each.read_bytes()).decode() for each in (made.certificate, made.key)]
    return dict(zip(("tls.crt", "tls.key"), encoded, strict=True))


def test_tokens_are_asked_for_where_the_file_has_jwt(door: Door) -> None:
    client = door("tls: {issuer: none}\n  auth: {jwt: {issuer: 'https://id.dungeon.example', audiences: [story]}}")
    assert client.post("/story", json={"text": "a"}).status_code == 401
    assert client.post("/story", headers={"authorization": "Bearer e30.e30.e30"}, json={"text": "a"}).status_code == 401
    assert client.post("/story", headers={"x-api-key": KEYS["ann"]}, json={"text": "a"}).status_code == 401
    assert client.post("/hello", json={"text": "a"}).status_code == 200


def test_openai_addresses_lead_to_the_model_that_the_path_or_a_header_names(tmp_path: Path, model_port: int) -> None:
    rendered = tree(tmp_path, "tls: {issuer: none}")
    found = manifests(rendered)
    routed = envoy.translated([*found, *services(found), keys()], tmp_path)
    port = envoy.free()
    chat = {"model": "story", "messages": [{"role": "user", "content": "hi"}]}
    with envoy.running(envoy.static(routed, port, model_port), tmp_path, port) as url:
        client = httpx.Client(base_url=url, headers={"host": HOST}, timeout=30)
        named = {"x-workaday-model": "story"}
        assert client.post("/v1/chat/completions", json=chat).status_code == 404  # two could be meant
        assert client.post("/v1/chat/completions", json=chat, headers=named).status_code == 401
        for path, header in (("/v1/chat/completions", named), ("/story/v1/chat/completions", {})):
            answer = client.post(path, json=chat, headers={"x-api-key": KEYS["ann"], **header})
            # the server's own words: this predictor writes no text
            assert "error" in answer.json()
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()["error"]["message"], answer.text
        assert client.get("/hello/v1/models").json()["object"] == "list"
