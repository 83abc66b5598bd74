"""Keys: made once, shown once, listed without being told, taken away; over an API server of one dictionary."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from workaday.cli import keys as verb
from workaday.execute import existing, keys
from workaday.execute.existing import Place
from workaday.project.diagnostics import ProjectError

PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: prod}
gateway: {host: api.dungeon.example}
models:
  - {name: story, server: {kind: container, image: "ghcr.io/team/story:1"}}
"""


class Cluster:
    """Secrets by name, merged as RFC 7396 has it, unless the version is not the one there."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, Any]] = {}

    def get(self, _kind: object, name: str, _namespace: str | None = None) -> dict[str, Any] | None:
        return self.secrets.get(name)

    def create(self, _kind: object, body: dict[str, Any], _namespace: str | None = None) -> None:
        body["metadata"]["resourceVersion"] = "1"
        self.secrets[body["metadata"]["name"]] = body

    def merge(self, _kind: object, name: str, body: dict[str, Any], _namespace: str | None = None) -> None:
        live = self.secrets[name]
        assert body["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
        merged(live, body)
        live["metadata"]["resourceVersion"] += "1"


def merged(live: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if value is None:
            live.pop(key, None)
        elif isinstance(value, dict):
            merged(live.setdefault(key, {}), value)
        else:
            live[key] = value


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(existing, "place_of", lambda _: Place(made, "dungeon", "dungeon/default"))  # type: ignore[arg-type]
    return made


@pytest.fixture
def file(tmp_path, cluster):
    path = tmp_path / "project.yaml"
    path.write_text(PROJECT)
    return path


def test_a_key_is_shown_once_and_never_again(file, cluster, capsys) -> None:
    assert verb.add("ann", file, None, as_json=False) == 0
    key = capsys.readouterr().out.strip()
    assert key.startswith("wd-")
    assert len(key) > 40
    # as Envoy needs it: the key itself
    assert base64.b64decode(cluster.secrets["dungeon-api-keys"]["data"]["ann"]).decode() == key
    assert verb.show(file, None, as_json=True) == 0
    told = capsys.readouterr().out
    assert key not in told
    [listed] = json.loads(told)["keys"]
    assert (listed["name"], listed["ends"]) == ("ann", key[-4:])
    assert listed["made"].startswith("20")
    verb.show(file, None, as_json=False)
    assert key not in capsys.readouterr().out


def test_no_two_keys_are_the_same(file, capsys) -> None:
    for name in ("ann", "bob"):
        verb.add(name, file, None, as_json=True)
    made = [json.loads(f"{each}}}") for each in capsys.readouterr().out.replace("}\n", "}").split("}") if each]
    assert len({each["key"] for each in made}) == 2


def test_a_revoked_key_leaves_nothing_and_may_be_made_anew(file, cluster, capsys) -> None:
    verb.add("ann", file, None, as_json=False)
    verb.add("bob", file, None, as_json=False)
    assert verb.revoke("ann", file, None, yes=True, as_json=False) == 0
    secret = cluster.secrets["dungeon-api-keys"]
    assert (set(secret["data"]), set(secret["metadata"]["annotations"])) == ({"bob"}, {"keys.workaday.dev/bob"})
    verb.add("ann", file, None, as_json=False)


@pytest.mark.parametrize("name", ["", "-a", "a b", "ä", "a" * 64, "a/b"])
def test_what_no_secret_can_hold_is_no_name(name, file, cluster) -> None:
    with pytest.raises(ProjectError) as error:
        verb.add(name, file, None, as_json=False)
    assert [each.code for each in error.value.diagnostics] == ["X201"]
    assert cluster.secrets == {}


def test_a_name_has_one_key(file) -> None:
    verb.add("ann", file, None, as_json=False)
    with pytest.raises(ProjectError, match="X201"):
        verb.add("ann", file, None, as_json=False)


def test_what_is_not_there_is_not_revoked(file) -> None:
    with pytest.raises(ProjectError, match="X202"):
        verb.revoke("ann", file, None, yes=True, as_json=False)


def test_nothing_is_revoked_without_a_yes(file, cluster) -> None:
    verb.add("ann", file, None, as_json=False)
    with pytest.raises(ProjectError, match="X103"):
        verb.revoke("ann", file, None, yes=False, as_json=False)
    assert "ann" in cluster.secrets["dungeon-api-keys"]["data"]


@pytest.mark.parametrize(
    "text",
    [
        PROJECT.replace("gateway: {host: api.dungeon.example}\n", ""),
        PROJECT.replace("example}", "example, auth: {jwt: {issuer: 'https://id.example'}}}"),
        "version: 1\nname: dungeon\nplatform: {kind: local}\nmodels:\n"
        "  - {name: story, server: {kind: torch, predictor: predictor.py}}\n",
    ],
    ids=["no gateway", "tokens", "local"],
)
def test_where_there_are_no_keys_it_is_said(text, file) -> None:
    file.write_text(text)
    file.with_name("predictor.py").write_text(
        "class Predictor:\n    def predict(self, payload):\n        return payload\n"
    )
    with pytest.raises(ProjectError, match="X200"):
        verb.show(file, None, as_json=False)


def test_apply_makes_an_empty_secret_once_and_keeps_what_is_in_it(cluster) -> None:
    place = Place(cluster, "dungeon", "dungeon/default")
    assert not keys.ensure(place, "callers", "dungeon")
    assert cluster.secrets["callers"].get("data") is None
    key = keys.add(place, "callers", "dungeon", "ann")
    assert keys.ensure(place, "callers", "dungeon")
    assert base64.b64decode(cluster.secrets["callers"]["data"]["ann"]).decode() == key


def test_of_a_short_key_that_is_not_ours_nothing_is_told(cluster) -> None:
    cluster.create(None, {"metadata": {"name": "callers"}, "data": {"old": base64.b64encode(b"hunter2").decode()}})
    assert keys.every(Place(cluster, "dungeon", ""), "callers") == [keys.Key("old", None, "")]
